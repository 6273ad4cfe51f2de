"""Lists of collections and endorsements cost a fixed number of queries, whatever they hold."""

import importlib

import pytest

from tests.mastodon.test_query_counts import Counter, count
from tests.mastodon.test_query_counts import counter as counter
from tests.mastodon.world import START, World

COLLECTION = """
    INSERT INTO collections (id, account_id, uri, url, name, description, sensitive, discoverable,
        created_at, updated_at)
    VALUES ($1, $2, $3, $3, 'One', '', false, true, $4, $4)
"""
ITEM = """
    INSERT INTO collection_items (id, collection_id, account_id, state, position, created_at,
        changed_at)
    VALUES ($1, $2, $3, 'accepted', 1, $4, $4)
"""
ENDORSEMENT = "INSERT INTO endorsements VALUES ($1, $2, $3, $4)"
NOTICE = """
    INSERT INTO notifications (id, account_id, type, from_account_id, collection_id, subject_id,
        created_at)
    VALUES ($1, $2, 'added_to_collection', $3, $4, $4, $5)
"""
LINK = "INSERT INTO linked_collections VALUES ($1, $2)"
LINKED = "UPDATE statuses SET links_collections = true WHERE id = $1"


async def fill(world: World, me: int, entries: int) -> dict[str, str]:
    """Give `me` that many of everything, and the paths of the lists."""
    owner, first = await world.account(f"owner{entries}"), 0
    for number in range(entries):
        collection, fan = world.next_id(), await world.account(f"f{entries}x{number}")
        first = first or collection
        uri = f"https://far.test/{collection}"
        await world.execute(COLLECTION, collection, owner, uri, START)
        await world.execute(ITEM, world.next_id(), collection, me, START)
        if collection != first:
            await world.execute(ITEM, world.next_id(), first, fan, START)
        await world.follow(me, fan)
        await world.execute(ENDORSEMENT, world.next_id(), me, fan, START)
        await world.execute(NOTICE, world.next_id(), me, owner, collection, START)
        status = await world.status(owner)
        await world.execute(LINK, status, collection)
        await world.execute(LINKED, status)
        await world.favourite(me, status)
    return {
        "collections": f"/api/v1/accounts/{owner}/collections?limit=40",
        "in collections": f"/api/v1/accounts/{me}/in_collections?limit=40",
        "collection": f"/api/v1/collections/{first}",
        "endorsements": "/api/v1/endorsements?limit=40",
        "notifications": "/api/v1/notifications?limit=40",
        "linked": "/api/v1/favourites?limit=40",
    }


@pytest.fixture
def more_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `world` serve these endpoints too."""
    more = ("collections", "endorsements")
    modules = importlib.import_module("tests.mastodon.conftest")._MODULES
    monkeypatch.setattr("tests.mastodon.conftest._MODULES", (*modules, *more))


async def test_forty_cost_as_much_as_one(
    more_modules: None, world: World, counter: Counter
) -> None:
    paths: dict[str, list[tuple[str, str]]] = {}
    for entries in (1, 40):
        me = await world.user(f"me{entries}")
        token = await world.token(me)
        for name, path in (await fill(world, me, entries)).items():
            paths.setdefault(name, []).append((path, token))
    for name, (small, large) in paths.items():
        entries, *few = await count(world, counter, *small)
        more_entries, *many = await count(world, counter, *large)
        assert more_entries >= 40 > entries, name
        assert few == many, name
        assert max(many) <= 9, name
