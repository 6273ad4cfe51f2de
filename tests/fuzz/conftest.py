"""The fake peer of the federation tests, and the time that `make fuzz` gives to each target."""

import os
from collections.abc import AsyncIterator

import pytest

from tests.conftest import unused_port
from tests.federation.fake_peer import FakePeer, start_peer
from tests.fuzz.documents import SECONDS_VARIABLE


def pytest_collection_finish(session: pytest.Session) -> None:
    """Share the time among the targets that are going to run."""
    targets = sum(1 for item in session.items if item.get_closest_marker("fuzz"))
    if targets and SECONDS_VARIABLE in os.environ:
        os.environ[SECONDS_VARIABLE] = str(float(os.environ[SECONDS_VARIABLE]) / targets)


@pytest.fixture
async def peer() -> AsyncIterator[FakePeer]:
    """Give a peer with nobody on it."""
    async with start_peer(unused_port()) as started:
        yield started
