"""The fake peer of the federation tests."""

from collections.abc import AsyncIterator

import pytest

from tests.conftest import unused_port
from tests.federation.fake_peer import FakePeer, start_peer


@pytest.fixture
async def peer() -> AsyncIterator[FakePeer]:
    """Give a peer with nobody on it."""
    async with start_peer(unused_port()) as started:
        yield started
