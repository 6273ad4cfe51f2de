"""Fixtures of the command line's tests."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from fedserver.cli import main
from tests.cli.commands import Command, Result


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working folder, empty, which also PostgreSQL's user can enter where we are root."""
    with tempfile.TemporaryDirectory(prefix="fs-") as place:
        Path(place).chmod(0o755)
        monkeypatch.chdir(place)
        for name in [name for name in os.environ if name.startswith("FEDSERVER_")]:
            monkeypatch.delenv(name)
        yield Path(place).resolve()


@pytest.fixture
def command(place: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command in this process."""

    def run(*arguments: str) -> Result:
        with pytest.raises(SystemExit) as end:
            main(list(arguments))
        told = capsys.readouterr()
        code = end.value.code
        return Result(code if isinstance(code, int) else 0, told.out, told.err)

    return run
