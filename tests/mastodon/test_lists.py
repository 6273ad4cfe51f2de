"""Lists, over HTTP and a real database."""

from typing import Any

import pytest

from tests.mastodon.conftest import Schema
from tests.mastodon.write_fixtures import Here, Person
from tests.mastodon.write_fixtures import here_fixture as here_fixture

LISTS = "/api/v1/lists"


async def make_list(here: Here, person: Person, *members: Person, **fields: Any) -> str:
    """Make a list with members whom the person follows from now on."""
    for member in members:
        await here.do("POST", f"/api/v1/accounts/{member.id}/follow", person)
    made = await here.do("POST", LISTS, person, json={"title": "Friends", **fields})
    ids = [str(member.id) for member in members]
    await here.do("POST", f"{LISTS}/{made['id']}/accounts", person, json={"account_ids": ids})
    return str(made["id"])


async def shown(here: Here, person: Person, list_id: str, **params: Any) -> list[str]:
    path = f"/api/v1/timelines/list/{list_id}"
    return [one["id"] for one in await here.do("GET", path, person, params=params)]


async def test_a_list_is_made_changed_and_deleted(here: Here, schema: Schema) -> None:
    alice = await here.person("alice")
    made = await here.do("POST", LISTS, alice, json={"title": " Friends ", "exclusive": True})
    schema.check("List", made)
    assert made | {"id": ""} == {
        "id": "",
        "title": "Friends",
        "replies_policy": "list",
        "exclusive": True,
    }
    path = f"{LISTS}/{made['id']}"
    changed = await here.do("PUT", path, alice, data={"replies_policy": "none"})
    assert changed == made | {"replies_policy": "none"}
    assert await here.do("GET", LISTS, alice) == [changed]
    assert await here.do("GET", path, alice) == changed
    assert await here.do("DELETE", path, alice) == {}
    assert await here.do("GET", LISTS, alice) == []


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({}, "Validation failed: Title can't be blank"),
        ({"title": "  "}, "Validation failed: Title can't be blank"),
        (
            {"title": "x" * 257},
            "Validation failed: Title is too long (maximum is 256 characters)",
        ),
    ],
)
async def test_a_list_needs_a_title(here: Here, fields: dict[str, Any], error: str) -> None:
    alice = await here.person("alice")
    assert await here.refusal("POST", LISTS, alice, json=fields) == (422, error)
    assert await here.count("lists") == 0


async def test_an_unknown_policy_is_refused(here: Here) -> None:
    alice = await here.person("alice")
    fields = {"title": "x", "replies_policy": "whatever"}
    status, _ = await here.refusal("POST", LISTS, alice, json=fields)
    assert status == 422


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("PUT", ""),
        ("DELETE", ""),
        ("GET", "/accounts"),
        ("POST", "/accounts"),
        ("DELETE", "/accounts"),
    ],
)
async def test_a_list_is_its_owners_alone(here: Here, method: str, path: str) -> None:
    alice, eve = await here.person("alice"), await here.person("eve")
    list_id = await make_list(here, alice, await here.person("bob"))
    refusal = await here.refusal(method, f"{LISTS}/{list_id}{path}", eve, json={"title": "mine"})
    assert refusal == (404, "Record not found")
    assert (await here.send("GET", f"/api/v1/timelines/list/{list_id}", eve)).status == 404
    assert await here.count("list_accounts") == 1


async def test_only_followed_accounts_are_listed_and_each_once(here: Here) -> None:
    alice, bob, eve = [await here.person(name) for name in ("alice", "bob", "eve")]
    list_id = await make_list(here, alice, bob)
    path = f"{LISTS}/{list_id}/accounts"
    assert await here.refusal("POST", path, alice, json={"account_ids": [str(eve.id)]}) == (
        404,
        "Record not found",
    )
    again = await here.refusal("POST", path, alice, json={"account_ids": [str(bob.id)]})
    assert again == (422, "Validation failed: Account has already been taken")
    assert [one["id"] for one in await here.do("GET", path, alice)] == [str(bob.id)]
    found = await here.do("GET", f"/api/v1/accounts/{bob.id}/lists", alice)
    assert [one["id"] for one in found] == [list_id]
    await here.do("DELETE", path, alice, json={"account_ids": [str(bob.id)]})
    assert await here.do("GET", path, alice, params={"limit": "0"}) == []


async def test_whom_one_unfollows_leaves_the_lists(here: Here) -> None:
    alice, bob = await here.person("alice"), await here.person("bob")
    list_id = await make_list(here, alice, bob)
    await here.do("POST", f"/api/v1/accounts/{bob.id}/unfollow", alice)
    assert await here.do("GET", f"{LISTS}/{list_id}/accounts", alice) == []


async def test_the_timeline_shows_the_members_in_pages(here: Here) -> None:
    alice, bob, eve, out = [await here.person(name) for name in ("alice", "bob", "eve", "out")]
    list_id = await make_list(here, alice, bob, eve)
    posts = [(await here.post(who, f"{n}"))["id"] for n, who in enumerate([bob, eve, bob, out])]
    first = await here.send("GET", f"/api/v1/timelines/list/{list_id}?limit=2", alice)
    assert [one["id"] for one in first.body] == [posts[2], posts[1]]
    assert f"max_id={posts[1]}" in first.headers["Link"]
    assert await shown(here, alice, list_id, max_id=posts[1]) == [posts[0]]
    assert await shown(here, alice, list_id, min_id=posts[0], limit="1") == [posts[1]]


@pytest.mark.parametrize(
    ("policy", "seen"),
    [
        ("none", {"own", "to alice"}),
        ("list", {"own", "to alice", "to eve"}),
        ("followed", {"own", "to alice", "to eve", "to fay"}),
    ],
)
async def test_the_policy_decides_which_replies_are_shown(
    here: Here, policy: str, seen: set[str]
) -> None:
    """eve is on the list, fay is followed only, gus neither."""
    names = ("alice", "bob", "eve", "fay", "gus")
    alice, bob, eve, fay, gus = [await here.person(name) for name in names]
    await here.do("POST", f"/api/v1/accounts/{fay.id}/follow", alice)
    list_id = await make_list(here, alice, bob, eve, replies_policy=policy)
    answered = {one.name: (await here.post(one, "x"))["id"] for one in (alice, eve, fay, gus)}
    ids = {(await here.post(bob, "own"))["id"]: "own"}
    for name, post_id in answered.items():
        made = await here.post(bob, "reply", in_reply_to_id=post_id)
        ids[made["id"]] = f"to {name}"
    timeline = await shown(here, alice, list_id)
    assert {ids[one] for one in timeline if one in ids} == seen


async def test_muted_members_and_hidden_boosts_are_not_shown(here: Here) -> None:
    alice, bob, eve = [await here.person(name) for name in ("alice", "bob", "eve")]
    list_id = await make_list(here, alice, bob, eve)
    posted = await here.post(bob)
    boost = await here.do("POST", f"/api/v1/statuses/{posted['id']}/reblog", eve)
    assert await shown(here, alice, list_id) == [boost["id"], posted["id"]]
    follow = f"/api/v1/accounts/{eve.id}/follow"
    await here.do("POST", follow, alice, json={"reblogs": False})
    assert await shown(here, alice, list_id) == [posted["id"]]
    await here.do("POST", f"/api/v1/accounts/{bob.id}/mute", alice)
    assert await shown(here, alice, list_id) == []


async def test_members_of_an_exclusive_list_are_not_at_home(here: Here) -> None:
    alice, bob, eve = [await here.person(name) for name in ("alice", "bob", "eve")]
    await here.do("POST", f"/api/v1/accounts/{eve.id}/follow", alice)
    list_id = await make_list(here, alice, bob, exclusive=True)
    listed, other = await here.post(bob), await here.post(eve)
    home = [one["id"] for one in await here.do("GET", "/api/v1/timelines/home", alice)]
    assert home == [other["id"]]
    assert await shown(here, alice, list_id) == [listed["id"]]
    await here.do("PUT", f"{LISTS}/{list_id}", alice, json={"exclusive": False})
    home = [one["id"] for one in await here.do("GET", "/api/v1/timelines/home", alice)]
    assert home == [other["id"], listed["id"]]
