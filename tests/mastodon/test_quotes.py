"""Quotes at the client API: who sees them, who may, and what an app can change."""

from typing import Any

import orjson
import pytest

from fedserver import entities
from fedserver.context import Context
from storage.visibility import AT_ONCE, EVERYBODY, FOLLOWED, FOLLOWERS, UNNAMED
from tests.mastodon.world import World
from tests.mastodon.write_fixtures import Here
from tests.mastodon.write_fixtures import here_fixture as here_fixture

STATUSES = "/api/v1/statuses"


async def seen(ctx: Context, status_id: int, viewer: int | None) -> Any:
    return orjson.loads(orjson.dumps(await entities.status(ctx, status_id, viewer)))


async def test_a_quote_is_shown_whole_and_what_it_quotes_is_named(
    world: World, ctx: Context, schema: Any
) -> None:
    author = await world.account("author")
    inner = await world.quoting_status(author)
    outer = await world.rich_status(author)
    await world.quote(outer, inner)
    status = await seen(ctx, outer, await world.user("me"))
    # The schema wants exactly one of Quote and ShallowQuote, and each also fits the other: they
    # are checked one by one.
    quoted = status["quote"]["quoted_status"]
    assert quoted["id"] == str(inner)
    shallow = quoted.pop("quote")
    assert shallow["state"] == "accepted"
    assert shallow["quoted_status_id"].isdigit()
    schema.check("ShallowQuote", shallow)
    schema.check("Status", quoted | {"quote": None}, absent=frozenset({"text"}))
    schema.check("Quote", status["quote"])
    schema.check("Status", status | {"quote": None}, absent=frozenset({"text"}))
    schema.check("QuoteApproval", status["quote_approval"])


async def test_a_status_beside_its_quote_on_one_page_is_still_whole(
    world: World, ctx: Context
) -> None:
    author = await world.account("author")
    inner = await world.quoting_status(author)
    outer = await world.status(author)
    await world.quote(outer, inner)
    page = orjson.loads(orjson.dumps(await entities.statuses(ctx, [outer, inner], None)))
    assert "quoted_status_id" in page[0]["quote"]["quoted_status"]["quote"]
    assert page[1]["quote"]["quoted_status"]["id"].isdigit()


async def test_a_boost_shows_the_quote_of_what_it_boosts(world: World, ctx: Context) -> None:
    author = await world.account("author")
    quoting = await world.quoting_status(author)
    boost = await world.status(await world.account("fan"), reblog_of=quoting)
    shown = await seen(ctx, boost, None)
    assert shown["quote"] is None
    assert shown["reblog"]["quote"]["state"] == "accepted"


@pytest.mark.parametrize("state", ["pending", "rejected", "revoked", "deleted"])
async def test_without_consent_only_the_state_is_shown(
    world: World, ctx: Context, state: str
) -> None:
    author = await world.account("author")
    quoted, quoting = await world.status(author), await world.status(author)
    await world.quote(quoting, quoted, state=state)
    assert (await seen(ctx, quoting, None))["quote"] == {"state": state, "quoted_status": None}
    old = await world.status(author)
    await world.quote(old, quoted, state=state, legacy=True)
    assert (await seen(ctx, old, None))["quote"] is None


async def test_what_the_viewer_may_not_see_is_not_quoted_to_them(
    world: World, ctx: Context
) -> None:
    me, friend = await world.user("me"), await world.user("friend")
    author = await world.account("author")
    await world.follow(friend, author)
    private = await world.status(author, visibility="private")
    quoting = await world.status(author)
    await world.quote(quoting, private)
    hidden = {"state": "unauthorized", "quoted_status": None}
    assert (await seen(ctx, quoting, None))["quote"] == hidden
    assert (await seen(ctx, quoting, me))["quote"] == hidden
    assert (await seen(ctx, quoting, friend))["quote"]["quoted_status"]["id"] == str(private)
    outer = await world.status(author)
    await world.quote(outer, quoting)
    nested = (await seen(ctx, outer, me))["quote"]["quoted_status"]["quote"]
    assert nested == {"state": "unauthorized", "quoted_status_id": None}


async def test_quoted_authors_that_the_viewer_blocks_or_mutes(world: World, ctx: Context) -> None:
    me, author = await world.user("me"), await world.account("author")
    blocked, muted = await world.account("blocked"), await world.account("muted")
    await world.block(me, blocked)
    await world.mute(me, muted)
    for account, state in ((blocked, "blocked_account"), (muted, "muted_account")):
        quoting = await world.status(author)
        await world.quote(quoting, await world.status(account))
        quote = (await seen(ctx, quoting, me))["quote"]
        assert (quote["state"], quote["quoted_status"] is None) == (state, False)
    blocker = await world.account("blocker")
    await world.block(blocker, me)
    quoting = await world.status(author)
    await world.quote(quoting, await world.status(blocker))
    assert (await seen(ctx, quoting, me))["quote"]["state"] == "unauthorized"


async def test_a_deleted_status_is_quoted_no_more(world: World, ctx: Context) -> None:
    author = await world.account("author")
    quoted, quoting = await world.status(author), await world.status(author)
    await world.quote(quoting, quoted)
    await world.execute("DELETE FROM statuses WHERE id = $1", quoted)
    assert (await seen(ctx, quoting, None))["quote"] == {"state": "deleted", "quoted_status": None}


@pytest.mark.parametrize(
    ("policy", "automatic", "manual", "rights"),
    [
        # for a stranger, a follower, somebody followed
        (0, [], [], ("denied", "denied", "denied")),
        (EVERYBODY << AT_ONCE, ["public"], [], ("automatic", "automatic", "automatic")),
        (FOLLOWERS << AT_ONCE, ["followers"], [], ("denied", "automatic", "denied")),
        (FOLLOWED << AT_ONCE, ["following"], [], ("denied", "denied", "automatic")),
        (
            FOLLOWERS << AT_ONCE | EVERYBODY,
            ["followers"],
            ["public"],
            ("manual", "automatic", "manual"),
        ),
        (UNNAMED << AT_ONCE, ["unsupported_policy"], [], ("unknown", "unknown", "unknown")),
    ],
)
async def test_who_may_quote(
    world: World,
    ctx: Context,
    policy: int,
    automatic: list[str],
    manual: list[str],
    rights: tuple[str, str, str],
) -> None:
    author = await world.account("author")
    people = [await world.user(name) for name in ("stranger", "follower", "followed")]
    await world.follow(people[1], author)
    await world.follow(author, people[2])
    status = await world.status(author)
    await world.quote_policy(status, policy)
    for person, right in zip(people, rights, strict=True):
        approval = (await seen(ctx, status, person))["quote_approval"]
        assert approval == {"automatic": automatic, "manual": manual, "current_user": right}
    assert (await seen(ctx, status, author))["quote_approval"]["current_user"] == "automatic"
    assert (await seen(ctx, status, None))["quote_approval"]["current_user"] == "denied"


async def test_a_quote_of_somebody_here(here: Here) -> None:
    alice, bob = await here.person("alice"), await here.person("bob")
    posted = await here.post(alice, "Original")
    assert posted["quote_approval"]["automatic"] == ["public"]
    quoting = await here.post(bob, "Look", quoted_status_id=posted["id"])
    assert quoting["quote"]["state"] == "accepted"
    assert quoting["quote"]["quoted_status"]["quotes_count"] == 1
    told = await here.do("GET", "/api/v1/notifications", alice)
    assert [(one["type"], one["status"]["id"]) for one in told] == [("quote", quoting["id"])]
    page = await here.send("GET", f"{STATUSES}/{posted['id']}/quotes", alice)
    assert [one["id"] for one in page.body] == [quoting["id"]]
    await here.do("DELETE", f"{STATUSES}/{quoting['id']}", bob)
    assert (await here.do("GET", f"{STATUSES}/{posted['id']}", alice))["quotes_count"] == 0


async def test_pages_of_quotes(here: Here) -> None:
    alice, bob = await here.person("alice"), await here.person("bob")
    posted = await here.post(alice, "Original")
    made = [(await here.post(bob, f"{n}", quoted_status_id=posted["id"]))["id"] for n in range(3)]
    path = f"{STATUSES}/{posted['id']}/quotes"
    first = await here.send("GET", path, alice, params={"limit": 2})
    assert [one["id"] for one in first.body] == made[:0:-1]
    assert f"max_id={made[1]}" in first.headers["Link"]
    second = await here.do("GET", path, alice, params={"limit": 2, "max_id": made[1]})
    assert [one["id"] for one in second] == [made[0]]


async def test_a_quote_needs_no_text_of_its_own(here: Here) -> None:
    alice = await here.person("alice")
    posted = await here.post(alice, "Original")
    quoting = await here.post(alice, "", quoted_status_id=posted["id"])
    assert quoting["content"].startswith('<p class="quote-inline">RE: <a href="')
    again = await here.post(alice, f"See {posted['url']}", quoted_status_id=posted["id"])
    assert "quote-inline" not in again["content"]


async def test_consent_is_taken_back_by_the_quoted_author_only(here: Here) -> None:
    alice, bob = await here.person("alice"), await here.person("bob")
    posted = await here.post(alice, "Original")
    quoting = await here.post(bob, "Look", quoted_status_id=posted["id"])
    path = f"{STATUSES}/{posted['id']}/quotes/{quoting['id']}/revoke"
    assert (await here.refusal("POST", path, bob))[0] == 403
    other = await here.post(alice, "Another")
    wrong = f"{STATUSES}/{other['id']}/quotes/{quoting['id']}/revoke"
    assert (await here.refusal("POST", wrong, alice))[0] == 404
    revoked = await here.do("POST", path, alice)
    assert revoked["quote"] == {"state": "revoked", "quoted_status": None}
    assert (await here.do("GET", f"{STATUSES}/{posted['id']}", alice))["quotes_count"] == 0
    assert await here.do("GET", "/api/v1/notifications", alice) == []
    assert (await here.do("POST", path, alice))["quote"]["state"] == "revoked"


async def test_what_may_not_be_quoted_is_not_found(here: Here) -> None:
    alice, bob = await here.person("alice"), await here.person("bob")
    for fields in (
        {"quote_approval_policy": "nobody"},
        {"quote_approval_policy": "followers"},
        {"visibility": "private"},
        {"visibility": "direct"},
    ):
        posted = await here.post(alice, "Original", **fields)
        body = {"status": "Look", "quoted_status_id": posted["id"]}
        refused = await here.refusal("POST", STATUSES, bob, json=body)
        assert refused == (404, "The post you are trying to quote does not appear to exist.")
    await here.follow(bob.id, alice.id)
    followed = await here.post(alice, "Original", quote_approval_policy="followers")
    quoting = await here.post(bob, "Look", quoted_status_id=followed["id"])
    assert quoting["quote"]["state"] == "accepted"


async def test_a_quote_of_ones_private_post_reaches_no_more_people(here: Here) -> None:
    alice = await here.person("alice")
    private = await here.post(alice, "For friends", visibility="private")
    assert private["quote_approval"]["automatic"] == []
    quoting = await here.post(alice, "Look", quoted_status_id=private["id"])
    assert (quoting["visibility"], quoting["quote"]["state"]) == ("private", "accepted")


async def test_the_policy_is_changed_and_told(here: Here) -> None:
    alice, bob = await here.person("alice"), await here.person("bob")
    follower = await here.account("far")
    await here.follow(follower, alice.id)
    posted = await here.post(alice, "Original")
    path = f"{STATUSES}/{posted['id']}"
    changed = await here.do(
        "PUT", f"{path}/interaction_policy", alice, json={"quote_approval_policy": "nobody"}
    )
    assert changed["quote_approval"]["automatic"] == []
    assert changed["edited_at"] is None
    *_, update = await here.sent_to("https://far.test/users/far/inbox")
    assert update["type"] == "Update"
    can_quote = update["object"]["interactionPolicy"]["canQuote"]
    assert can_quote["automaticApproval"] == ["https://here.test/users/alice"]
    edited = await here.do(
        "PUT", path, alice, json={"status": "Changed", "quote_approval_policy": "followers"}
    )
    assert edited["quote_approval"]["automatic"] == ["followers"]
    unknown = {"quote_approval_policy": "friends"}
    assert (await here.refusal("PUT", f"{path}/interaction_policy", alice, json=unknown))[0] == 422
    assert (await here.refusal("PUT", f"{path}/interaction_policy", bob, json=unknown))[0] == 404


async def test_the_policy_of_new_posts_is_a_setting(here: Here) -> None:
    alice = await here.person("alice")
    update = "/api/v1/accounts/update_credentials"
    profile = await here.do("PATCH", update, alice, json={"source": {"quote_policy": "followers"}})
    assert profile["source"]["quote_policy"] == "followers"
    settings = await here.do("GET", "/api/v1/preferences", alice)
    assert settings["posting:default:quote_policy"] == "followers"
    assert (await here.post(alice, "Hi"))["quote_approval"]["automatic"] == ["followers"]
    public = await here.post(alice, "Hi", quote_approval_policy="public")
    assert public["quote_approval"]["automatic"] == ["public"]
    unknown = {"source": {"quote_policy": "friends"}}
    assert (await here.refusal("PATCH", update, alice, json=unknown))[0] == 422


async def test_a_quote_of_a_peers_status_asks_its_author(here: Here) -> None:
    alice, author = await here.person("alice"), await here.account("author")
    status = await here.status(author)
    await here.quote_policy(status, EVERYBODY)
    quoting = await here.post(alice, "Look", quoted_status_id=str(status))
    assert quoting["quote"] == {"state": "pending", "quoted_status": None}
    (asked,) = await here.sent_to("https://far.test/users/author/inbox")
    assert (asked["type"], asked["object"]) == ("QuoteRequest", f"https://far.test/s/{status}")
    note = asked["instrument"]
    assert note["id"] == quoting["uri"]
    assert {note["quote"], note["quoteUri"], note["_misskey_quote"]} == {asked["object"]}
    link = note["tag"][-1]
    assert (link["type"], link["href"]) == ("Link", asked["object"])
    assert link["rel"] == "https://misskey-hub.net/ns#_misskey_quote"
    assert "quoteAuthorization" not in note
    assert '<p class="quote-inline">RE: ' in note["content"]
