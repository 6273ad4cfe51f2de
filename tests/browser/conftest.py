"""A whole instance, and a real browser in front of it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.browser.chromium import Tab, chromium, find_chromium
from tests.instances import Instance, start_instance


@pytest.fixture
async def tab(tmp_path: Path) -> AsyncIterator[Tab]:
    program = find_chromium()
    if program is None:
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")
    async with chromium(program, tmp_path / "chromium") as opened:
        yield opened


@pytest.fixture
async def instance(database_dsn: str, tmp_path: Path, free_port: int) -> AsyncIterator[Instance]:
    async with start_instance(database_dsn, tmp_path / "instance", free_port) as running:
        yield running
