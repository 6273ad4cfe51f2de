"""A whole instance, with its hub."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fedserver import streaming
from fedserver.context import Context
from fedserver.streaming import Hub
from tests.instances import Instance, start_instance


@pytest.fixture
def hubs(monkeypatch: pytest.MonkeyPatch) -> list[Hub]:
    """Give the hubs of all instances that are started, in their order."""
    made: list[Hub] = []

    def make(ctx: Context) -> Hub:
        made.append(Hub(ctx))
        return made[-1]

    monkeypatch.setattr(streaming, "Hub", make)
    return made


@pytest.fixture
async def instance(
    hubs: list[Hub], database_dsn: str, tmp_path: Path, free_port: int
) -> AsyncIterator[Instance]:
    """Give a running instance of this test's own."""
    async with start_instance(database_dsn, tmp_path / "data", free_port) as started:
        yield started


@pytest.fixture
def hub(instance: Instance, hubs: list[Hub]) -> Hub:
    """Give the hub of `instance`."""
    return hubs[0]
