"""A server with the pages and the OAuth endpoints, and a browser."""

from collections.abc import AsyncIterator

import pytest

from storage.database import Database
from tests.web_server import Site, serve


@pytest.fixture
async def site(db: Database, free_port: int) -> AsyncIterator[Site]:
    async with serve(db, free_port) as running:
        yield running
