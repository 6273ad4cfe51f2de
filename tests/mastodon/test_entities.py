"""Every entity is complete and valid by the published schema."""

from datetime import timedelta
from typing import Any

import orjson

from fedserver import entities
from fedserver.context import Context
from fedserver.entities.times import stored_timestamp, timestamp
from storage.media import MEDIA_OF_OWNER
from storage.statuses import STATUS_BY_ID
from tests.mastodon.world import START, World

# Only the answer to a deletion has it.
NO_TEXT = frozenset({"text"})


def load(fragment: Any) -> Any:
    return orjson.loads(orjson.dumps(fragment))


async def test_status_is_complete(world: World, ctx: Context, schema: Any) -> None:
    viewer = await world.user("me")
    status_id = await world.rich_status(await world.account("you"))
    status = load(await entities.status(ctx, status_id, viewer))
    schema.check("Status", status, absent=NO_TEXT)
    schema.check("MediaAttachment", status["media_attachments"][0])
    schema.check("Poll", status["poll"])
    schema.check("CustomEmoji", status["emojis"][0])
    assert status["tags"] == [{"name": "katzen", "url": "http://here.test/tags/katzen"}]
    assert status["application"] == {"name": "A Client", "website": "https://client.test"}
    assert status["media_attachments"][0]["url"] == "http://here.test/media/ab.png"
    assert status["created_at"].endswith(".123Z")


async def test_mention_has_the_handle_and_the_url(world: World, ctx: Context) -> None:
    named = await world.account("far")
    status_id = await world.status(await world.account("you"))
    await world.mention(status_id, named)
    status = load(await entities.status(ctx, status_id, None))
    assert status["mentions"] == [
        {
            "id": str(named),
            "username": "far",
            "acct": "far@far.test",
            "url": "https://far.test/@far",
        }
    ]


async def test_flags_are_the_viewers(world: World, ctx: Context) -> None:
    me, you = await world.user("me"), await world.account("you")
    status_id = await world.status(you)
    await world.favourite(me, status_id)
    await world.bookmark(me, status_id)
    await world.status(me, reblog_of=status_id)
    mine = load(await entities.status(ctx, status_id, me))
    theirs = load(await entities.status(ctx, status_id, you))
    flags = ("favourited", "bookmarked", "reblogged", "pinned", "muted")
    assert [mine[flag] for flag in flags] == [True, True, True, False, False]
    assert [theirs[flag] for flag in flags] == [False] * 5


async def test_own_pinned_status_says_so(world: World, ctx: Context) -> None:
    me = await world.user("me")
    status_id = await world.status(me)
    await world.pin(me, status_id)
    assert load(await entities.status(ctx, status_id, me))["pinned"] is True
    assert load(await entities.status(ctx, status_id, None))["pinned"] is False


async def test_boost_holds_the_boosted_status(world: World, ctx: Context, schema: Any) -> None:
    me = await world.user("me")
    author = await world.account("author")
    boosted = await world.rich_status(author)
    boost = await world.status(await world.account("booster"), "", reblog_of=boosted)
    await world.favourite(me, boosted)
    status = load(await entities.status(ctx, boost, me))
    schema.check("Status", status, absent=NO_TEXT)
    schema.check("Status", status["reblog"], absent=NO_TEXT)
    assert (status["id"], status["reblog"]["id"]) == (str(boost), str(boosted))
    assert status["reblog"]["account"]["id"] == str(author)
    assert status["reblog"]["favourited"] is True
    assert status["reblog"]["poll"]["options"][0] == {"title": "Yes", "votes_count": 2}
    assert status["reblog"]["reblog"] is None


async def test_changed_status_is_rendered_anew(world: World, ctx: Context) -> None:
    status_id = await world.status(await world.account("you"))
    await entities.status(ctx, status_id, None)
    await world.execute("UPDATE statuses SET content = '<p>New</p>' WHERE id = $1", status_id)
    assert load(await entities.status(ctx, status_id, None))["content"] == "<p>New</p>"


async def test_changed_account_is_rendered_anew(world: World, ctx: Context) -> None:
    account_id = await world.account("you")
    status_id = await world.status(account_id)
    await entities.status(ctx, status_id, None)
    await world.execute("UPDATE accounts SET display_name = 'New' WHERE id = $1", account_id)
    shown = load(await entities.status(ctx, status_id, None))
    assert shown["account"]["display_name"] == "New"


async def test_order_is_kept_and_the_invisible_left_out(world: World, ctx: Context) -> None:
    you = await world.account("you")
    first, second = await world.status(you), await world.status(you)
    hidden = await world.status(you, visibility="private")
    gone = await world.account("gone")
    boost_of_hidden = await world.status(you, reblog_of=hidden)
    of_gone = await world.status(gone)
    await world.execute("UPDATE accounts SET suspended_at = now() WHERE id = $1", gone)
    asked = [second, hidden, 7, boost_of_hidden, of_gone, first]
    shown = [load(one)["id"] for one in await entities.statuses(ctx, asked, None)]
    assert shown == [str(second), str(first)]


async def test_poll_hides_totals_until_it_ends(world: World, ctx: Context) -> None:
    me, you = await world.user("me"), await world.account("you")
    poll_id = await world.poll(you, await world.status(you), hide_totals=True)
    await world.vote(poll_id, me, 1)
    poll = load(await entities.poll(ctx, poll_id, me))
    assert [one["votes_count"] for one in poll["options"]] == [None, None]
    assert (poll["voted"], poll["own_votes"], poll["expired"]) == (True, [1], False)
    await world.execute("UPDATE polls SET expires_at = $1", START)
    poll = load(await entities.poll(ctx, poll_id, None))
    assert [one["votes_count"] for one in poll["options"]] == [2, 1]
    assert (poll["voted"], poll["own_votes"], poll["expired"]) == (False, [], True)


async def test_account_is_complete(world: World, ctx: Context, schema: Any) -> None:
    far, new = await world.account("far"), await world.account("new", "else.test")
    await world.execute("UPDATE accounts SET moved_to_id = $2 WHERE id = $1", far, new)
    await world.execute("UPDATE accounts SET last_status_at = $2 WHERE id = $1", far, START)
    account = load(await entities.account(ctx, far))
    schema.check("Account", account)
    schema.check("Account", account["moved"])
    assert account["acct"] == "far@far.test"
    assert account["moved"]["acct"] == "new@else.test"
    assert account["last_status_at"] == "2026-11-20"
    assert account["fields"][0]["verified_at"] == "2026-01-02T03:04:05.000Z"
    assert account["header"] == "http://here.test/static/headers/missing.png"


async def test_local_account_has_placeholders(world: World, ctx: Context, schema: Any) -> None:
    account = load(await entities.account(ctx, await world.user("me")))
    schema.check("Account", account)
    assert account["acct"] == "me"
    assert account["avatar"] == "http://here.test/static/avatars/missing.png"


async def test_suspended_account_shows_only_its_name(world: World, ctx: Context) -> None:
    account_id = await world.account("bad", display_name="Bad")
    await world.execute("UPDATE accounts SET suspended_at = now() WHERE id = $1", account_id)
    account = load(await entities.account(ctx, account_id))
    assert (account["suspended"], account["display_name"], account["note"]) == (True, "", "")
    assert account["fields"] == []
    assert account["avatar"].endswith("missing.png")


async def test_credential_account_is_complete(world: World, ctx: Context, schema: Any) -> None:
    me = await world.user("me")
    await world.follow(await world.account("asks"), me, accepted=False)
    account = await entities.credential_account(ctx, me)
    schema.check("CredentialAccount", account)
    assert account["source"]["follow_requests_count"] == 1
    assert account["role"]["id"] == "-99"


async def test_relationship_is_complete(world: World, ctx: Context, schema: Any) -> None:
    me, you = await world.user("me"), await world.account("you")
    await world.follow(me, you)
    await world.follow(you, me, accepted=False)
    await world.mute(me, you)
    [one] = await entities.relationships(ctx, me, [you, 5])
    schema.check("Relationship", one)
    told = ("following", "showing_reblogs", "requested", "followed_by", "requested_by", "muting")
    assert [one[key] for key in told] == [True, True, False, False, True, True]
    assert one["languages"] == ["en"]


async def test_blocks_are_told_in_their_direction(world: World, ctx: Context) -> None:
    me, you = await world.user("me"), await world.user("you")
    await world.block(me, you)
    mine = await entities.relationship(ctx, me, you)
    theirs = await entities.relationship(ctx, you, me)
    assert (mine["blocking"], mine["blocked_by"]) == (True, False)
    assert (theirs["blocking"], theirs["blocked_by"]) == (False, True)


async def test_media_that_waits_to_be_posted(world: World, ctx: Context, schema: Any) -> None:
    from fedserver.uris import Uris

    me = await world.user("me")
    row = await ctx.db.one(MEDIA_OF_OWNER, await world.media(me, None), me)
    assert row is not None
    schema.check("MediaAttachment", entities.media(Uris(ctx.config.base_url), row))


async def test_deleted_status_comes_with_its_text(world: World, ctx: Context, schema: Any) -> None:
    me = await world.user("me")
    row = await ctx.db.one(STATUS_BY_ID, await world.status(me, local=True))
    assert row is not None
    shown = load(await entities.status_with_text(ctx, row, me))
    schema.check("Status", shown)
    assert shown["text"] == "Hello"


def test_times_have_three_decimals() -> None:
    assert timestamp(START) == "2026-11-20T08:30:15.123Z"
    assert timestamp(START.replace(microsecond=0)) == "2026-11-20T08:30:15.000Z"
    assert timestamp(START + timedelta(microseconds=900)) == "2026-11-20T08:30:15.124Z"


def test_a_stored_time_that_is_none() -> None:
    assert stored_timestamp("yesterday") is None
    assert stored_timestamp(None) is None
