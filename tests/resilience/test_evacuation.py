"""The domain is lost, and everybody goes on under another one with their followers."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.conftest import unused_port
from tests.resilience.evacuees import (
    Site,
    actor_uri,
    came,
    evacuate,
    let_follow,
    people,
)
from tests.resilience.model_peers import MOVING, ModelPeer, Names, Takahe, model_peers, parking_page
from tests.waiting import until

OLD, NEW = "old.test", "new.test"


@pytest.fixture
async def site(database_dsn: str, tmp_path: Path) -> Site:
    return Site(database_dsn, tmp_path / "data", unused_port(), Names())


@pytest.fixture
async def peers(site: Site) -> AsyncIterator[list[ModelPeer]]:
    """Each kind that can be moved, and Takahe, with two people each."""
    ports = {kind: unused_port() for kind in (*MOVING, Takahe)}
    async with model_peers(site.names, ports, people=2) as found:
        yield found


@pytest.mark.parametrize("lost", ["no name", "502", "parking page", "410"])
async def test_all_followers_come_along(site: Site, peers: list[ModelPeer], lost: str) -> None:
    moving = [peer for peer in peers if not isinstance(peer, Takahe)]
    names = [f"person{number}" for number in range(20 if lost == "502" else 4)]
    async with site.running_at(OLD) as old:
        await let_follow(old, peers, await people(old, names))
    row = await evacuate(site, OLD, NEW)
    async with AsyncExitStack() as stack:
        await _lose(stack, site, lost)
        new = await stack.enter_async_context(site.running_at(NEW))
        targets = [actor_uri(new, name) for name in names]

        async def all_came() -> bool:
            return all(count == 2 * len(names) for count in came(moving, targets).values())

        try:
            await until(all_came, within_s=30)
        except TimeoutError:
            pytest.fail(f"{came(peers, targets)}, {[(p.name, p.dropped[:3]) for p in peers]}")
    assert row.new_base == f"http://{NEW}"


async def _lose(stack: AsyncExitStack, site: Site, lost: str) -> None:
    """Take the old domain away: it leads nowhere, or to somebody else's server."""
    if lost == "no name":
        site.names.ports[OLD] = None
        return
    site.names.ports[OLD] = port = unused_port()
    status = 200 if lost == "parking page" else int(lost)
    await stack.enter_async_context(parking_page(port, status))
