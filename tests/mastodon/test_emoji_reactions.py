"""Emoji reactions of our people, over HTTP and a real database."""

from typing import Any
from urllib.parse import quote

import pytest

from storage.query import Command
from tests.mastodon.write_fixtures import Here, Person
from tests.mastodon.write_fixtures import here_fixture as here_fixture

BOB_INBOX = "https://far.test/users/bob/inbox"
CUSTOM = Command(
    "INSERT INTO custom_emojis (id, shortcode, image_blob, updated_at) VALUES (1, $1, $2, now())"
)


def path(status_id: object, emoji: str = "") -> str:
    base = f"/api/v1/pleroma/statuses/{status_id}/reactions"
    return f"{base}/{quote(emoji)}" if emoji else base


def brief(status: Any) -> list[tuple[str, int, bool]]:
    return [(one["name"], one["count"], one["me"]) for one in status["emoji_reactions"]]


async def test_me_is_true_for_whoever_reacted_alone(here: Here) -> None:
    alice, bob = await here.person("alice"), await here.person("bob")
    post = await here.post(alice, 'A text with ,"emoji_reactions":[]} in it')
    await here.do("PUT", path(post["id"], "🔥"), bob)
    shown = await here.do("PUT", path(post["id"], "🎉"), alice)
    assert brief(shown) == [("🔥", 1, False), ("🎉", 1, True)]
    shown = await here.do("PUT", path(post["id"], "🎉"), bob)
    assert brief(shown) == [("🔥", 1, True), ("🎉", 2, True)]
    assert (shown["favourited"], shown["favourites_count"]) == (True, 2)
    assert shown["content"] == post["content"]
    home = await here.do("GET", "/api/v1/timelines/public?local=1", alice)
    assert brief(home[0]) == [("🔥", 1, False), ("🎉", 2, True)]
    public = await here.send("GET", f"/api/v1/statuses/{post['id']}")
    assert brief(public.body) == [("🔥", 1, False), ("🎉", 2, False)]


async def test_the_lists_say_who_reacted(here: Here) -> None:
    alice, bob = await here.person("alice"), await here.person("bob")
    post = await here.post(alice)
    for person, emoji in ((bob, "🔥"), (alice, "🔥"), (bob, "🎉")):
        await here.do("PUT", path(post["id"], emoji), person)
    fire, party = await here.do("GET", path(post["id"]), alice)
    assert [one["acct"] for one in fire.pop("accounts")] == ["bob", "alice"]
    assert fire == {"name": "🔥", "count": 2, "me": True}
    assert ([one["acct"] for one in party["accounts"]], party["me"]) == (["bob"], False)
    assert await here.do("GET", path(post["id"], "🎉"), alice) == [party]
    assert await here.do("GET", path(post["id"], "👀"), alice) == []


async def test_a_reaction_is_told_as_a_favourite_and_taken_back(here: Here) -> None:
    alice, bob = await here.person("alice"), await here.person("bob")
    post = await here.post(alice)
    await here.do("PUT", path(post["id"], "🔥"), bob)
    (told,) = await here.do("GET", "/api/v1/notifications", alice)
    assert (told["type"], told["account"]["acct"]) == ("favourite", "bob")
    for _ in range(2):
        shown = await here.do("DELETE", path(post["id"], "🔥"), bob)
        assert (brief(shown), shown["favourited"], shown["favourites_count"]) == ([], False, 0)
    assert await here.do("GET", "/api/v1/notifications", alice) == []


async def test_who_knows_no_reactions_takes_them_back_as_a_favourite(here: Here) -> None:
    alice, bob = await here.person("alice"), await here.person("bob")
    post = await here.post(alice)
    for emoji in ("🔥", "🎉"):
        await here.do("PUT", path(post["id"], emoji), bob)
    await here.do("POST", f"/api/v1/statuses/{post['id']}/favourite", bob)
    shown = await here.do("POST", f"/api/v1/statuses/{post['id']}/unfavourite", bob)
    assert (brief(shown), shown["favourited"], shown["favourites_count"]) == ([], False, 0)


async def test_a_remote_author_hears_of_reaction_and_undo(here: Here) -> None:
    alice = await here.person("alice")
    await here.ctx.db.execute(CUSTOM, "blobcat", "ab12.png")
    status_id = await here.status(await here.account("bob"))
    await here.do("PUT", path(status_id, ":blobcat:"), alice)
    shown = await here.do("PUT", path(status_id, "❤️"), alice)
    assert brief(shown) == [("blobcat", 1, True), ("❤️", 1, True)]
    await here.do("DELETE", path(status_id, "blobcat"), alice)
    custom, heart, undo = await here.sent_to(BOB_INBOX)
    assert (custom["type"], custom["object"]) == ("Like", f"https://far.test/s/{status_id}")
    assert custom["content"] == custom["_misskey_reaction"] == ":blobcat:"
    (tag,) = custom["tag"]
    assert (tag["type"], tag["name"]) == ("Emoji", ":blobcat:")
    assert tag["icon"]["url"] == shown["emoji_reactions"][0]["url"]
    assert (heart["content"], heart["_misskey_reaction"]) == ("❤️", "❤️")
    assert "tag" not in heart
    assert (undo["type"], undo["object"]["id"]) == ("Undo", custom["id"])
    assert undo["object"]["content"] == ":blobcat:"


async def test_an_emoji_of_others_can_be_joined(here: Here) -> None:
    alice = await here.person("alice")
    bob = await here.account("bob")
    status_id = await here.status(bob)
    await here.react(bob, status_id, "neocat", "https://img.far.test/neocat.png")
    for name in ("neocat@far.test", "neocat@img.far.test", "neocat"):
        shown = await here.do("PUT", path(status_id, name), alice)
        assert brief(shown) == [("neocat", 2, True)]
        (listed,) = await here.do("GET", path(status_id, "neocat"), alice)
        assert listed["count"] == 2
        shown = await here.do("DELETE", path(status_id, name), alice)
        assert brief(shown) == [("neocat", 1, False)]
    elsewhere = await here.send("PUT", path(status_id, "neocat@other.test"), alice)
    assert elsewhere.status == 422


@pytest.mark.parametrize("emoji", ["hello", "🔥🔥x", "<b>", "7", "@", "x@"])
async def test_what_is_no_emoji_is_refused(here: Here, emoji: str) -> None:
    alice = await here.person("alice")
    post = await here.post(alice)
    assert (await here.send("PUT", path(post["id"], emoji), alice)).status == 422
    assert await here.count("emoji_reactions") == 0


async def test_what_is_hidden_is_not_reacted_to(here: Here) -> None:
    alice, eve = await here.person("alice"), await here.person("eve")
    hidden = await here.post(alice, visibility="private")
    for method in ("PUT", "DELETE", "GET"):
        assert (await here.send(method, path(hidden["id"], "🔥"), eve)).status == 404
    assert (await here.send("GET", path(hidden["id"]))).status == 404
    reader = await reading(here)
    assert (await here.send("PUT", path(hidden["id"], "🔥"), reader)).status == 403


async def reading(here: Here) -> Person:
    return await here.person("reader", scopes="read")
