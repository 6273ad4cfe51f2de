"""The bench's end of the line to the load generator."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson

from benchmarks.sides import REPOSITORY, ServerFailed, environment, python

# An answer names the latency of each request in one line.
_MAX_LINE_BYTES = 1 << 24


class LoadGenerator:
    """Gives commands to benchmarks.generator, one at a time."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Have `command` done and give its answer. Raises ServerFailed with what went wrong."""
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise RuntimeError("the generator was started without pipes")
        stdin.write(orjson.dumps([command, arguments]) + b"\n")
        line = await stdout.readline()
        answer: dict[str, Any] = orjson.loads(line) if line else {"error": "it ended"}
        if "error" in answer:
            raise ServerFailed(f"load generator, {command}: {answer['error']}")
        return answer


@asynccontextmanager
async def load_generator() -> AsyncIterator[LoadGenerator]:
    """Run a load generator until the end of the block."""
    process = await asyncio.create_subprocess_exec(
        *python("-m", "benchmarks.generator"),
        cwd=REPOSITORY,
        env=environment(),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_MAX_LINE_BYTES,
    )
    try:
        yield LoadGenerator(process)
    finally:
        if process.stdin is not None:
            process.stdin.close()
        await process.wait()
