"""`python -m benchmarks`: runs the measurements and prints the table."""

import argparse
import asyncio
import json
import pstats
import sys
import tempfile
from pathlib import Path

from benchmarks.measurements import MEASUREMENTS
from benchmarks.report import as_json, table
from benchmarks.run import Plan, run
from benchmarks.scene import FULL, QUICK
from benchmarks.sides import ServerFailed
from benchmarks.starting import QUIET_ROWS

_PROFILED_LINES = 40


def main() -> None:
    """Run what the command line asks for. Exits with 1 when a server fails."""
    options = _options()
    try:
        if options.profile:
            _profile(options.profile)
        else:
            _measure(options)
    except ServerFailed as error:
        sys.exit(f"benchmarks: {error}")


def _options() -> argparse.Namespace:
    names = ", ".join(one.name for one in (*MEASUREMENTS, *QUIET_ROWS))
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round, fewer of everything")
    parser.add_argument("--rounds", type=int, help="default: 3, with --quick 1")
    parser.add_argument("--only", default="", metavar="NAME", help=f"(part of) one of: {names}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every sample to FILE")
    parser.add_argument(
        "--profile", metavar="NAME", help="measure only NAME, with fedserver under cProfile"
    )
    options = parser.parse_args()
    wanted = options.profile or options.only
    if not any(wanted in one.name for one in (*MEASUREMENTS, *QUIET_ROWS)):
        parser.error(f"nothing is named {wanted}; there are: {names}")
    return options


def _measure(options: argparse.Namespace) -> None:
    size = QUICK if options.quick else FULL
    plan = Plan(size, options.rounds or (1 if options.quick else 3), options.only)
    rows = asyncio.run(run(plan, _tell))
    print(table(rows))
    if options.json:
        options.json.write_text(json.dumps(as_json(rows, plan.rounds), indent=1))


def _profile(name: str) -> None:
    """Show where fedserver's event loop spends its time, start and filling included."""
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder:
        file = Path(folder) / "fedserver.profile"
        asyncio.run(run(Plan(FULL, 3, name, ("fedserver",), file), _tell))
        statistics = pstats.Stats(str(file))
        for order in ("tottime", "cumulative"):
            statistics.sort_stats(order).print_stats(_PROFILED_LINES)


def _tell(line: str) -> None:
    print(line, file=sys.stderr)


if __name__ == "__main__":
    main()
