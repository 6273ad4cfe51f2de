"""A whole instance, with its hub."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.instances import Instance, start_instance


@pytest.fixture
async def instance(database_dsn: str, tmp_path: Path, free_port: int) -> AsyncIterator[Instance]:
    """Give a running instance of this test's own."""
    async with start_instance(database_dsn, tmp_path / "data", free_port) as started:
        yield started
