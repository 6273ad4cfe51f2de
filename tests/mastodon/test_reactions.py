"""Favourites, boosts and bookmarks, over HTTP and a real database."""

import asyncio

import pytest

from tests.mastodon.write_fixtures import Here
from tests.mastodon.write_fixtures import here_fixture as here_fixture

STATUSES = "/api/v1/statuses"
BOB_INBOX = "https://far.test/users/bob/inbox"


async def test_a_favourite_is_counted_told_and_taken_back(here: Here) -> None:
    alice, carol = await here.person("alice"), await here.person("carol")
    path = f"{STATUSES}/{(await here.post(alice))['id']}"
    for _ in range(2):
        liked = await here.do("POST", f"{path}/favourite", carol)
        assert (liked["favourited"], liked["favourites_count"]) == (True, 1)
    (told,) = await here.do("GET", "/api/v1/notifications", alice)
    assert (told["type"], told["account"]["id"]) == ("favourite", str(carol.id))
    for _ in range(2):
        unliked = await here.do("POST", f"{path}/unfavourite", carol)
        assert (unliked["favourited"], unliked["favourites_count"]) == (False, 0)
    assert await here.do("GET", "/api/v1/notifications", alice) == []


async def test_a_remote_author_hears_of_like_and_undo(here: Here) -> None:
    alice = await here.person("alice")
    status_id = await here.status(await here.account("bob"))
    await here.do("POST", f"{STATUSES}/{status_id}/favourite", alice)
    await here.do("POST", f"{STATUSES}/{status_id}/unfavourite", alice)
    like, undo = await here.sent_to(BOB_INBOX)
    assert (like["type"], like["object"]) == ("Like", f"https://far.test/s/{status_id}")
    assert (undo["type"], undo["object"]["id"]) == ("Undo", like["id"])


async def test_a_boost_shows_the_post_and_is_made_once(here: Here) -> None:
    alice, carol = await here.person("alice"), await here.person("carol")
    posted = await here.post(alice)
    path = f"{STATUSES}/{posted['id']}"
    replies = await asyncio.gather(*(here.send("POST", f"{path}/reblog", carol) for _ in range(3)))
    assert {reply.status for reply in replies} == {200}
    assert len({reply.body["id"] for reply in replies}) == 1
    boost = replies[0].body
    assert boost["id"] != posted["id"]
    assert boost["account"]["id"] == str(carol.id)
    assert boost["reblog"]["id"] == posted["id"]
    assert (boost["reblog"]["reblogged"], boost["reblog"]["reblogs_count"]) == (True, 1)
    (told,) = await here.do("GET", "/api/v1/notifications", alice)
    assert told["type"] == "reblog"


async def test_what_is_done_to_a_boost_is_done_to_what_it_shows(here: Here) -> None:
    alice, bob, carol = [await here.person(name) for name in ("alice", "bob", "carol")]
    posted = await here.post(alice)
    boost = await here.do("POST", f"{STATUSES}/{posted['id']}/reblog", bob)
    liked = await here.do("POST", f"{STATUSES}/{boost['id']}/favourite", carol)
    assert (liked["id"], liked["favourited"]) == (posted["id"], True)
    again = await here.do("POST", f"{STATUSES}/{boost['id']}/reblog", carol)
    assert again["reblog"]["id"] == posted["id"]
    back = await here.do("POST", f"{STATUSES}/{boost['id']}/unreblog", carol)
    assert (back["id"], back["reblogged"], back["reblogs_count"]) == (posted["id"], False, 1)


async def test_a_remote_author_hears_of_announce_and_undo(here: Here) -> None:
    alice = await here.person("alice")
    status_id = await here.status(await here.account("bob"))
    boost = await here.do("POST", f"{STATUSES}/{status_id}/reblog", alice)
    await here.do("POST", f"{STATUSES}/{status_id}/unreblog", alice)
    announce, undo = await here.sent_to(BOB_INBOX)
    assert announce["type"] == "Announce"
    assert announce["id"] == f"http://here.test/users/alice/statuses/{boost['id']}/activity"
    assert (undo["type"], undo["object"]["id"]) == ("Undo", announce["id"])


@pytest.mark.parametrize(("given", "kept"), [("unlisted", "unlisted"), (None, "public")])
async def test_a_boost_has_a_visibility_of_its_own(
    here: Here, given: str | None, kept: str
) -> None:
    alice, bob = await here.person("alice"), await here.person("bob")
    posted = await here.post(alice)
    boost = await here.do(
        "POST", f"{STATUSES}/{posted['id']}/reblog", bob, json={"visibility": given}
    )
    assert boost["visibility"] == kept


async def test_only_ones_own_private_posts_can_be_boosted(here: Here) -> None:
    alice, bob = await here.person("alice"), await here.person("bob")
    await here.follow(bob.id, alice.id)
    private = await here.post(alice, visibility="private")
    direct = await here.post(alice, "@bob hi", visibility="direct")
    own = await here.do("POST", f"{STATUSES}/{private['id']}/reblog", alice)
    assert own["visibility"] == "private"
    for status in (private, direct):
        reply = await here.send("POST", f"{STATUSES}/{status['id']}/reblog", bob)
        assert reply.status == 403
    assert (await here.send("POST", f"{STATUSES}/{direct['id']}/reblog", alice)).status == 403


async def test_bookmarks_stay_between_the_person_and_the_server(here: Here) -> None:
    alice = await here.person("alice")
    status_id = await here.status(await here.account("bob"))
    marked = await here.do("POST", f"{STATUSES}/{status_id}/bookmark", alice)
    assert marked["bookmarked"] is True
    assert [one["id"] for one in await here.do("GET", "/api/v1/bookmarks", alice)] == [
        str(status_id)
    ]
    unmarked = await here.do("POST", f"{STATUSES}/{status_id}/unbookmark", alice)
    assert unmarked["bookmarked"] is False
    assert await here.sent_to(BOB_INBOX) == []


@pytest.mark.parametrize(
    "act", ["favourite", "unfavourite", "reblog", "unreblog", "bookmark", "unbookmark"]
)
async def test_hidden_and_missing_look_the_same(here: Here, act: str) -> None:
    alice, eve = await here.person("alice"), await here.person("eve")
    hidden = await here.post(alice, visibility="private")
    for status_id in (hidden["id"], "999", "x", str(2**70)):
        refusal = await here.refusal("POST", f"{STATUSES}/{status_id}/{act}", eve)
        assert refusal == (404, "Record not found")


async def test_somebody_blocked_cannot_react(here: Here) -> None:
    alice, eve = await here.person("alice"), await here.person("eve")
    posted = await here.post(alice)
    await here.block(alice.id, eve.id)
    assert (await here.send("POST", f"{STATUSES}/{posted['id']}/favourite", eve)).status == 404
