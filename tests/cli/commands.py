"""Running the command line: in this process, or as a program."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Result:
    """What a command left behind."""

    code: int
    out: str
    err: str


Command = Callable[..., Result]


def program(
    *arguments: str, environ: dict[str, str] | None = None, stdin: str = "", cwd: Path
) -> Result:
    """Run `python -m fedserver` as a person does."""
    done = subprocess.run(
        [sys.executable, "-m", "fedserver", *arguments],
        cwd=cwd,
        env={"PYTHONPATH": str(ROOT), "PATH": os.defpath, **(environ or {})},
        input=stdin,
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
    )
    return Result(done.returncode, done.stdout, done.stderr)


async def run_program(
    *arguments: str, environ: dict[str, str] | None = None, stdin: str = "", cwd: Path
) -> Result:
    """As `program`, while this process goes on."""
    return await asyncio.to_thread(program, *arguments, environ=environ, stdin=stdin, cwd=cwd)
