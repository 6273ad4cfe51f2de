"""Follows, requests, blocks and mutes, over HTTP and a real database."""

from datetime import timedelta
from typing import Any

import pytest

from storage.accounts import ACCOUNT_BY_ID
from tests.mastodon.write_fixtures import Here, Person
from tests.mastodon.write_fixtures import here_fixture as here_fixture

BOB_INBOX = "https://far.test/users/bob/inbox"


async def act(here: Here, person: Person, target: int, what: str, **options: Any) -> Any:
    return await here.do("POST", f"/api/v1/accounts/{target}/{what}", person, **options)


async def counts(here: Here, account_id: int) -> tuple[int, int]:
    row = await here.ctx.db.one(ACCOUNT_BY_ID, account_id)
    assert row is not None
    return row.followers_count, row.following_count


async def test_following_somebody_here_holds_at_once(here: Here) -> None:
    alice, bob = await here.person("alice"), await here.person("bob")
    relation = await act(here, alice, bob.id, "follow")
    assert (relation["id"], relation["following"], relation["requested"]) == (
        str(bob.id),
        True,
        False,
    )
    assert await counts(here, bob.id) == (1, 0)
    assert await counts(here, alice.id) == (0, 1)
    (told,) = await here.do("GET", "/api/v1/notifications", bob)
    assert told["type"] == "follow"
    relation = await act(here, alice, bob.id, "unfollow")
    assert relation["following"] is False
    assert await counts(here, bob.id) == (0, 0)


async def test_how_one_follows_can_be_changed_bit_by_bit(here: Here) -> None:
    alice, bob = await here.person("alice"), await here.person("bob")
    first = await act(
        here, alice, bob.id, "follow", json={"reblogs": False, "languages": ["de", "en"]}
    )
    assert (first["showing_reblogs"], first["notifying"]) == (False, False)
    assert first["languages"] == ["de", "en"]
    second = await act(here, alice, bob.id, "follow", data={"notify": "true"})
    assert (second["showing_reblogs"], second["notifying"]) == (False, True)
    assert second["languages"] == ["de", "en"]
    third = await act(here, alice, bob.id, "follow", json={"reblogs": True, "languages": []})
    assert (third["showing_reblogs"], third["notifying"]) == (True, True)
    assert third["languages"] is None
    assert await counts(here, bob.id) == (1, 0)


async def test_a_remote_follow_is_a_request_until_it_is_accepted(here: Here) -> None:
    alice, bob_id = await here.person("alice"), await here.account("bob")
    relation = await act(here, alice, bob_id, "follow")
    assert (relation["following"], relation["requested"]) == (False, True)
    relation = await act(here, alice, bob_id, "unfollow")
    assert relation["requested"] is False
    follow, undo = await here.sent_to(BOB_INBOX)
    assert (follow["type"], follow["object"]) == ("Follow", "https://far.test/users/bob")
    assert (undo["type"], undo["object"]["id"]) == ("Undo", follow["id"])


async def test_nobody_follows_themselves_or_across_a_block(here: Here) -> None:
    alice, bob, eve = [await here.person(name) for name in ("alice", "bob", "eve")]
    await here.block(bob.id, alice.id)
    await here.block(alice.id, eve.id)
    for target in (alice.id, bob.id, eve.id):
        refusal = await here.refusal("POST", f"/api/v1/accounts/{target}/follow", alice)
        assert refusal == (403, "This action is not allowed")


@pytest.mark.parametrize(
    "what", ["follow", "unfollow", "block", "unblock", "mute", "unmute", "remove_from_followers"]
)
async def test_unknown_accounts_are_not_found(here: Here, what: str) -> None:
    alice = await here.person("alice")
    for target in ("5", "abc"):
        reply = await here.send("POST", f"/api/v1/accounts/{target}/{what}", alice)
        assert (reply.status, reply.body) == (404, {"error": "Record not found"})


async def test_a_locked_account_decides_itself(here: Here) -> None:
    alice = await here.person("alice", locked=True)
    bob, carol = await here.person("bob"), await here.person("carol")
    for person in (bob, carol):
        relation = await act(here, person, alice.id, "follow")
        assert (relation["following"], relation["requested"]) == (False, True)
    waiting = await here.do("GET", "/api/v1/follow_requests", alice)
    assert {one["id"] for one in waiting} == {str(bob.id), str(carol.id)}
    path = "/api/v1/follow_requests"
    accepted = await here.do("POST", f"{path}/{bob.id}/authorize", alice)
    assert accepted["followed_by"] is True
    refused = await here.do("POST", f"{path}/{carol.id}/reject", alice)
    assert (refused["followed_by"], refused["requested_by"]) == (False, False)
    assert await here.do("GET", path, alice) == []
    assert (await here.send("POST", f"{path}/{carol.id}/authorize", alice)).status == 404
    assert (await here.send("POST", f"{path}/{bob.id}/reject", alice)).status == 404
    assert await counts(here, alice.id) == (1, 0)


async def test_a_remote_follower_hears_the_answer_and_its_end(here: Here) -> None:
    alice, bob_id = await here.person("alice", locked=True), await here.account("bob")
    await here.follow(bob_id, alice.id, accepted=False)
    await here.do("POST", f"/api/v1/follow_requests/{bob_id}/authorize", alice)
    assert await counts(here, alice.id) == (1, 0)
    relation = await act(here, alice, bob_id, "remove_from_followers")
    assert relation["followed_by"] is False
    assert await counts(here, alice.id) == (0, 0)
    assert [one["type"] for one in await here.sent_to(BOB_INBOX)] == ["Accept", "Reject"]


async def test_a_block_ends_follows_both_ways(here: Here) -> None:
    alice, bob = await here.person("alice"), await here.person("bob")
    await act(here, alice, bob.id, "follow")
    await act(here, bob, alice.id, "follow")
    relation = await act(here, alice, bob.id, "block")
    assert (relation["blocking"], relation["following"], relation["followed_by"]) == (
        True,
        False,
        False,
    )
    assert await counts(here, alice.id) == (0, 0)
    assert [one["id"] for one in await here.do("GET", "/api/v1/blocks", alice)] == [str(bob.id)]
    relation = await act(here, alice, bob.id, "unblock")
    assert relation["blocking"] is False
    assert await here.do("GET", "/api/v1/blocks", alice) == []


async def test_a_remote_block_is_told_and_taken_back(here: Here) -> None:
    alice, bob_id = await here.person("alice"), await here.account("bob")
    await act(here, alice, bob_id, "block")
    await act(here, alice, bob_id, "block")
    await act(here, alice, bob_id, "unblock")
    block, undo = await here.sent_to(BOB_INBOX)
    assert (block["type"], undo["type"]) == ("Block", "Undo")
    assert undo["object"]["id"] == block["id"]


async def test_a_mute_can_end_by_itself(here: Here, schema: Any) -> None:
    alice, bob_id = await here.person("alice"), await here.account("bob")
    relation = await act(
        here, alice, bob_id, "mute", json={"notifications": False, "duration": 3600}
    )
    assert (relation["muting"], relation["muting_notifications"]) == (True, False)
    (muted,) = await here.do("GET", "/api/v1/mutes", alice)
    assert (muted["id"], muted["mute_expires_at"]) == (str(bob_id), "2026-11-21T09:30:15.123Z")
    schema.check("MutedAccount", muted)
    schema.check("Relationship", relation)
    here.clock.move(timedelta(seconds=3601))
    assert await here.do("GET", "/api/v1/mutes", alice) == []
    assert await here.sent_to(BOB_INBOX) == []


async def test_a_mute_without_an_end_is_ended_by_hand(here: Here) -> None:
    alice, bob = await here.person("alice"), await here.person("bob")
    relation = await act(here, alice, bob.id, "mute")
    assert (relation["muting"], relation["muting_notifications"]) == (True, True)
    (muted,) = await here.do("GET", "/api/v1/mutes", alice)
    assert muted["mute_expires_at"] is None
    assert (await act(here, alice, bob.id, "unmute"))["muting"] is False


@pytest.mark.parametrize("what", ["block", "mute"])
async def test_nobody_blocks_or_mutes_themselves(here: Here, what: str) -> None:
    alice = await here.person("alice")
    reply = await here.send("POST", f"/api/v1/accounts/{alice.id}/{what}", alice)
    assert reply.status == 403


async def test_an_absurd_duration_is_no_server_error(here: Here) -> None:
    alice, bob = await here.person("alice"), await here.person("bob")
    relation = await act(here, alice, bob.id, "mute", json={"duration": 10**18})
    assert relation["muting"] is True


async def test_lists_are_paged_by_link(here: Here) -> None:
    alice = await here.person("alice")
    others = [await here.account(f"x{number}") for number in range(3)]
    for other in others:
        await act(here, alice, other, "block")
    reply = await here.send("GET", "/api/v1/blocks?limit=2", alice)
    assert [int(one["id"]) for one in reply.body] == [others[2], others[1]]
    following = reply.headers["Link"].split(">")[0].removeprefix("<http://here.test")
    assert 'rel="next"' in reply.headers["Link"].split(",")[0]
    assert [int(one["id"]) for one in await here.do("GET", following, alice)] == [others[0]]


async def test_the_old_follow_scope_is_enough(here: Here) -> None:
    alice, bob = await here.person("alice", scopes="follow"), await here.person("bob")
    assert (await act(here, alice, bob.id, "follow"))["following"] is True
    assert (await act(here, alice, bob.id, "block"))["blocking"] is True
