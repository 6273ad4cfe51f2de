"""Collections of accounts, over HTTP and a real database."""

from typing import Any

import pytest

from storage.query import Command
from tests.mastodon.conftest import Schema
from tests.mastodon.write_fixtures import Here, Person
from tests.mastodon.write_fixtures import here_fixture as here_fixture

COLLECTIONS = "/api/v1/collections"
BOB_INBOX = "https://far.test/users/bob/inbox"
DISCOVERABLE = Command("UPDATE accounts SET discoverable = true WHERE id = $1")
OPEN_TO_ALL = Command("UPDATE accounts SET feature_policy = 32 WHERE id = $1")
OPEN_TO_FOLLOWERS = Command("UPDATE accounts SET feature_policy = 64 WHERE id = $1")


async def member(here: Here, name: str, **options: Any) -> Person:
    """Make somebody who wants to be found."""
    person = await here.person(name, **options)
    await here.ctx.db.execute(DISCOVERABLE, person.id)
    return person


async def made(here: Here, owner: Person, *members: int, **fields: Any) -> Any:
    body = {"name": "Friends", "account_ids": [str(one) for one in members], **fields}
    return (await here.do("POST", COLLECTIONS, owner, json=body))["collection"]


async def told(here: Here, person: Person, kind: str) -> list[Any]:
    shown = await here.do("GET", "/api/v1/notifications", person, params={"types[]": kind})
    assert isinstance(shown, list)
    return shown


async def test_a_collection_has_every_key(here: Here, schema: Schema) -> None:
    alice, carol = await here.person("alice"), await member(here, "carol")
    given = {"description": "All of them", "language": "en", "sensitive": True, "tag_name": "#Cats"}
    collection = await made(here, alice, carol.id, discoverable=False, **given)
    schema.check("Collection", collection)
    schema.check_each("CollectionItem", collection["items"])
    assert {key: collection[key] for key in ("description", "language", "sensitive")} == {
        key: given[key] for key in ("description", "language", "sensitive")
    }
    assert collection["tag"] == {"name": "cats", "url": "http://here.test/tags/cats"}
    assert (collection["item_count"], collection["local"]) == (1, True)
    whole = await here.do("GET", f"{COLLECTIONS}/{collection['id']}", alice)
    schema.check("CollectionWithAccounts", whole)
    assert whole["collection"] == collection
    assert [one["id"] for one in whole["accounts"]] == [str(alice.id), str(carol.id)]
    anybody = await here.send("GET", f"{COLLECTIONS}/{collection['id']}")
    assert anybody.body["collection"] == collection


async def test_who_is_put_in_is_told_with_a_fallback(here: Here, schema: Schema) -> None:
    alice, carol = await here.person("alice"), await member(here, "carol")
    first = await made(here, alice, carol.id)
    second = await made(here, alice, carol.id, name="More <b>friends</b>")
    shown = await told(here, carol, "added_to_collection")
    assert [one["collection"]["id"] for one in shown] == [second["id"], first["id"]]
    schema.check_each("Notification", shown)
    assert [one["fallback"] for one in shown] == [None, None]
    params = {"types[]": "added_to_collection", "supported_types[]": "mention"}
    old_app = (await here.do("GET", "/api/v1/notifications", carol, params=params))[0]
    schema.check("NotificationFallback", old_app["fallback"])
    assert old_app["fallback"]["title"].endswith(">@alice</a> added you to a collection")
    assert second["url"] in old_app["fallback"]["summary"]
    known = {"supported_types[]": "added_to_collection"}
    path = f"/api/v1/notifications/{old_app['id']}"
    assert (await here.do("GET", path, carol, params=known))["fallback"] is None


async def test_members_are_told_of_the_last_change_only(here: Here) -> None:
    alice, carol = await here.person("alice"), await member(here, "carol")
    collection = await made(here, alice, carol.id)
    path = f"{COLLECTIONS}/{collection['id']}"
    for name in ("Best friends", "Former friends"):
        changed = await here.do("PATCH", path, alice, json={"name": name})
        assert changed["collection"]["name"] == name
    await here.do("PATCH", path, alice, json={"discoverable": False})
    (shown,) = await told(here, carol, "collection_update")
    assert shown["collection"]["name"] == "Former friends"
    await here.do("DELETE", path, alice)
    assert await told(here, carol, "collection_update") == []
    assert (await here.send("GET", path)).status == 404


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"name": " "}, "Validation failed: Name can't be blank"),
        (
            {"name": "x" * 41},
            "Validation failed: Name is too long (maximum is 40 characters)",
        ),
        (
            {"description": "x" * 101},
            "Validation failed: Description is too long (maximum is 100 characters)",
        ),
        ({"tag_name": "not one"}, "Validation failed: Tag name is not a valid hashtag"),
    ],
)
async def test_what_is_wrong_is_refused(here: Here, wrong: dict[str, Any], error: str) -> None:
    alice = await here.person("alice")
    collection = await made(here, alice)
    body = {"name": "Friends", **wrong}
    assert await here.refusal("POST", COLLECTIONS, alice, json=body) == (422, error)
    path = f"{COLLECTIONS}/{collection['id']}"
    assert await here.refusal("PATCH", path, alice, json=wrong) == (422, error)
    assert await here.count("collections") == 1


async def test_ten_collections_of_twenty_five(here: Here) -> None:
    alice = await here.person("alice")
    people = [await here.account(f"m{number}") for number in range(26)]
    for one in people:
        await here.ctx.db.execute(OPEN_TO_ALL, one)
    body = {"name": "Too many", "account_ids": [str(one) for one in people]}
    assert (await here.refusal("POST", COLLECTIONS, alice, json=body))[0] == 422
    full = await made(here, alice, *people[:25])
    path = f"{COLLECTIONS}/{full['id']}/items"
    more = {"account_id": str(people[25])}
    assert (await here.refusal("POST", path, alice, json=more))[0] == 422
    for number in range(9):
        await made(here, alice, name=f"Number {number}")
    assert (await here.refusal("POST", COLLECTIONS, alice, json={"name": "Eleven"}))[0] == 422
    own = await here.do("GET", "/api/v1/accounts/verify_credentials", alice)
    assert own["role"]["collection_limit"] == 10
    assert await here.count("collections") == 10


async def test_only_whoever_agrees_is_put_in(here: Here) -> None:
    alice = await here.person("alice")
    hidden, open_one = await here.person("hidden"), await member(here, "open")
    locked = await member(here, "locked", locked=True)
    blocking = await member(here, "blocking")
    await here.do("POST", f"/api/v1/accounts/{alice.id}/block", blocking)
    silent, followed = await here.account("silent"), await here.account("followed")
    await here.ctx.db.execute(OPEN_TO_FOLLOWERS, followed)
    expected = {
        hidden.id: "denied",
        open_one.id: "automatic",
        locked.id: "denied",
        silent: "missing",
        followed: "denied",
    }
    for account_id, right in expected.items():
        shown = await here.do("GET", f"/api/v1/accounts/{account_id}", alice)
        assert shown["feature_approval"]["current_user"] == right, account_id
    for account_id in (hidden.id, locked.id, silent, followed, blocking.id):
        body = {"name": "No", "account_ids": [str(account_id)]}
        assert (await here.refusal("POST", COLLECTIONS, alice, json=body))[0] == 403
    for account_id in (locked.id, followed):
        await here.follow(alice.id, account_id)
        shown = await here.do("GET", f"/api/v1/accounts/{account_id}", alice)
        assert shown["feature_approval"]["current_user"] == "automatic"
    states = {
        item["account_id"]: item["state"]
        for item in (await made(here, alice, locked.id, followed, open_one.id))["items"]
    }
    assert states == {
        str(locked.id): "accepted",
        str(followed): "pending",
        str(open_one.id): "accepted",
    }
    nobody = (await here.send("GET", f"/api/v1/accounts/{open_one.id}")).body
    assert nobody["feature_approval"] == {
        "automatic": ["public"],
        "manual": [],
        "current_user": "denied",
    }


async def test_a_pending_item_is_its_owners_alone(here: Here) -> None:
    alice, carol = await here.person("alice"), await here.person("carol")
    bob = await here.account("bob")
    await here.ctx.db.execute(OPEN_TO_ALL, bob)
    collection = await made(here, alice, bob)
    path = f"{COLLECTIONS}/{collection['id']}"
    seen = await here.do("GET", path, carol)
    assert (seen["collection"]["items"], seen["collection"]["item_count"]) == ([], 0)
    request = next(one for one in await here.sent_to(BOB_INBOX) if one["type"] != "Add")
    assert request["type"] == "FeatureRequest"
    assert request["instrument"] == collection["uri"]
    assert request["object"] == "https://far.test/users/bob"
    (added,) = [one for one in await here.sent_to(BOB_INBOX) if one["type"] == "Add"]
    assert added["object"]["orderedItems"] == []


async def test_another_may_not_change_it(here: Here) -> None:
    alice, carol = await here.person("alice"), await member(here, "carol")
    collection = await made(here, alice, carol.id)
    path = f"{COLLECTIONS}/{collection['id']}"
    item = f"{path}/items/{collection['items'][0]['id']}"
    assert (await here.refusal("PATCH", path, carol, json={"name": "Mine"}))[0] == 403
    assert (await here.refusal("DELETE", path, carol))[0] == 403
    body = {"account_id": str(carol.id)}
    assert (await here.refusal("POST", f"{path}/items", carol, json=body))[0] == 403
    assert (await here.refusal("DELETE", item, carol))[0] == 403
    assert (await here.refusal("POST", f"{item}/revoke", alice))[0] == 403
    reader = await here.person("reader", scopes="read")
    assert (await here.refusal("POST", COLLECTIONS, reader, json={"name": "No"}))[0] == 403
    assert (await here.refusal("POST", f"{path}/items", alice, json={}))[0] == 422


async def test_whoever_leaves_is_not_put_in_again_at_once(here: Here) -> None:
    alice, carol = await here.person("alice"), await member(here, "carol")
    collection = await made(here, alice, carol.id)
    path = f"{COLLECTIONS}/{collection['id']}"
    inside = f"/api/v1/accounts/{carol.id}/in_collections"
    assert len((await here.do("GET", inside, carol))["collections"]) == 1
    await here.do("POST", f"{path}/items/{collection['items'][0]['id']}/revoke", carol)
    assert (await here.do("GET", inside, carol))["collections"] == []
    assert (await here.do("GET", path, alice))["collection"]["items"] == []
    assert await told(here, carol, "added_to_collection") == []
    again = {"account_id": str(carol.id)}
    assert (await here.refusal("POST", f"{path}/items", alice, json=again))[0] == 422
    assert (await here.refusal("GET", inside, alice))[0] == 403


async def test_lists_are_counted_off(here: Here) -> None:
    alice, carol = await here.person("alice"), await here.person("carol")
    for number in range(5):
        await made(here, alice, name=f"Number {number}", discoverable=number != 2)
    path = f"/api/v1/accounts/{alice.id}/collections"
    own = (await here.do("GET", path, alice))["collections"]
    assert [one["name"] for one in own] == [f"Number {number}" for number in (4, 3, 2, 1, 0)]
    reply = await here.send("GET", path, carol, params={"limit": "2", "offset": "1"})
    assert [one["name"] for one in reply.body["collections"]] == ["Number 3", "Number 1"]
    following, before = reply.headers["Link"].split(", ")
    assert following == f'<http://here.test{path}?limit=2&offset=3>; rel="next"'
    assert before == f'<http://here.test{path}?limit=2&offset=0>; rel="prev"'
    last = await here.send("GET", path, carol, params={"limit": "2", "offset": "3"})
    assert 'rel="next"' not in last.headers["Link"]


async def test_who_is_blocked_sees_no_collections(here: Here) -> None:
    alice, carol = await here.person("alice"), await here.person("carol")
    collection = await made(here, alice)
    await here.do("POST", f"/api/v1/accounts/{carol.id}/block", alice)
    path = f"/api/v1/accounts/{alice.id}/collections"
    assert (await here.do("GET", path, carol))["collections"] == []
    assert (await here.refusal("GET", f"{COLLECTIONS}/{collection['id']}", carol))[0] == 404


async def test_a_post_shows_the_collections_that_it_links_to(here: Here, schema: Schema) -> None:
    alice, carol = await here.person("alice"), await member(here, "carol")
    collection = await made(here, alice, carol.id)
    plain = await here.post(alice, "Nothing but https://here.test/collections/9")
    assert plain["tagged_collections"] == []
    for address in (collection["url"], collection["uri"]):
        posted = await here.post(alice, f"Look: {address} !")
        assert posted["tagged_collections"] == [collection]
        schema.check("Collection", posted["tagged_collections"][0])
    path = f"/api/v1/statuses/{posted['id']}"
    await here.do("PATCH", f"{COLLECTIONS}/{collection['id']}", alice, json={"name": "Others"})
    assert (await here.do("GET", path, carol))["tagged_collections"][0]["name"] == "Others"
    edited = await here.do("PUT", path, alice, json={"status": "No more"})
    assert edited["tagged_collections"] == []
    again = await here.do("PUT", path, alice, json={"status": collection["uri"]})
    assert len(again["tagged_collections"]) == 1
    await here.do("DELETE", f"{COLLECTIONS}/{collection['id']}", alice)
    assert (await here.do("GET", path, carol))["tagged_collections"] == []
