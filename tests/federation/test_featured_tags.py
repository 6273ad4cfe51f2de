"""Hashtags on profiles: by the API, as a collection, and as Add and Remove to followers."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conftest import unused_port
from tests.federation.fake_peer import FakePeer, Request
from tests.federation.test_thread_collections import read
from tests.instances import Instance, Person, start_instance
from tests.waiting import until


@pytest.fixture
async def instance(database_dsn: str, tmp_path: Path, peer: FakePeer) -> AsyncIterator[Instance]:
    peer_port = int(peer.host.rpartition(":")[2])
    async with start_instance(
        database_dsn, tmp_path / "here", unused_port(), peers=(peer_port,)
    ) as started:
        yield started


@pytest.fixture
async def alice(instance: Instance) -> Person:
    return await instance.person("alice")


async def test_feature_show_and_take_away(
    instance: Instance, alice: Person, peer: FakePeer
) -> None:
    await alice.post("/api/v1/statuses", status="My #Garden grows")
    await alice.post("/api/v1/statuses", status="Secret #garden", visibility="private")
    (suggested,) = await alice.get("/api/v1/featured_tags/suggestions")
    assert suggested["name"] == "garden"
    made = await alice.post("/api/v1/featured_tags", name="#Garden")
    assert (made["name"], made["statuses_count"]) == ("Garden", "1")
    assert await alice.get("/api/v1/featured_tags") == [made]
    assert await alice.get("/api/v1/featured_tags/suggestions") == []
    of_account = f"/api/v1/accounts/{alice.account_id}/featured_tags"
    assert (await instance.request("GET", of_account)).body == [made]
    again = await alice.post("/api/v1/featured_tags", name="garden")
    assert again == made
    bob = await instance.person("bob")
    stranger = await instance.request(
        "DELETE", f"/api/v1/featured_tags/{made['id']}", token=bob.token
    )
    assert stranger.status == 404
    assert await alice.delete(f"/api/v1/featured_tags/{made['id']}") == {}
    assert await alice.get("/api/v1/featured_tags") == []


@pytest.mark.parametrize("name", ["", "two words", "#", "123", "x" * 101])
async def test_what_is_no_hashtag_is_refused(instance: Instance, alice: Person, name: str) -> None:
    answer = await instance.request(
        "POST", "/api/v1/featured_tags", token=alice.token, body={"name": name}
    )
    assert answer.status == 422


async def test_there_are_at_most_ten(instance: Instance, alice: Person) -> None:
    for number in range(10):
        await alice.post("/api/v1/featured_tags", name=f"tag{number}")
    answer = await instance.request(
        "POST", "/api/v1/featured_tags", token=alice.token, body={"name": "tag11"}
    )
    assert answer.status == 422
    assert len(await alice.get("/api/v1/featured_tags")) == 10


async def test_peers_read_the_collection_and_hear_of_changes(
    instance: Instance, alice: Person, peer: FakePeer
) -> None:
    friend = peer.actor("friend")
    me = f"{instance.base_url}/users/alice"
    follow = friend.activity("Follow", 1, object=me)
    assert (await peer.post(f"{instance.base_url}/inbox", follow, actor=friend)).status == 202

    async def accepted() -> list[Request]:
        return [one for one in peer.received if one.document["type"] == "Accept"]

    await until(accepted)
    made = await alice.post("/api/v1/featured_tags", name="Garden")
    tags = (await read(peer, me))["featuredTags"]
    hashtag = {"type": "Hashtag", "href": f"{instance.base_url}/tags/garden", "name": "#Garden"}
    collection = await read(peer, tags)
    assert (collection["totalItems"], collection["items"]) == (1, [hashtag])
    await alice.delete(f"/api/v1/featured_tags/{made['id']}")
    assert (await read(peer, tags))["items"] == []

    async def told() -> list[Request]:
        found = [one for one in peer.received if one.document["type"] in ("Add", "Remove")]
        return found if len(found) == 2 else []

    add, remove = (one.document for one in await until(told))
    assert (add["type"], remove["type"]) == ("Add", "Remove")
    for sent in (add, remove):
        # Mastodon sends its featured collection, and takes no other target.
        featured = f"{me}/collections/featured"
        assert (sent["actor"], sent["target"], sent["object"]) == (me, featured, hashtag)
