"""Accounts that move: peers' to peers, peers' to us; who may say so, and who goes along."""

from datetime import timedelta
from typing import Any

import pytest

from fedserver.services import users
from storage.accounts import ACCOUNT_BY_URI, AccountRow
from storage.database import Connection
from storage.lists import ADD_TO_LIST, INSERT_LIST
from storage.query import Command, Value
from storage.relations import FOLLOW_BETWEEN, FollowRow
from tests.federation.conftest import PASSWORD, Server, deliver
from tests.federation.fake_peer import FakePeer, Json, PeerActor
from tests.federation.processing import take

FOLLOWED = Value(
    """
    SELECT t.uri FROM follows f JOIN accounts t ON t.id = f.target_id
    WHERE f.account_id = $1 ORDER BY t.uri
    """,
    str,
)
FOLLOW = Command(
    """
    INSERT INTO follows (id, account_id, target_id, uri, accepted_at, show_reblogs, notify,
        languages, created_at)
    VALUES ($1, $2, $3, $4, now(), false, true, '{de,fr}', now())
    """
)
COUNT = Command("UPDATE accounts SET followers_count = followers_count + 1 WHERE id = $1")
COUNT_OWN = Command("UPDATE accounts SET following_count = following_count + 1 WHERE id = $1")
MOVED_TO = Value(
    "SELECT t.uri FROM accounts a JOIN accounts t ON t.id = a.moved_to_id WHERE a.uri = $1", str
)
AGE_MOVES = Command("UPDATE accounts SET moved_at = moved_at - $1::interval")
ALIAS = Command("UPDATE accounts SET also_known_as = ARRAY[$2::text] WHERE id = $1")
MUTE = Command(
    "INSERT INTO mutes (id, account_id, target_id, created_at) VALUES ($1, $2, $3, now())"
)
BLOCK = Command(
    """
    INSERT INTO blocks (id, account_id, target_id, uri, created_at)
    VALUES ($1, $2, $3, $4, now())
    """
)
NOTE = Command("INSERT INTO account_notes (account_id, target_id, comment) VALUES ($1, $2, $3)")
NOTED = Value(
    """
    SELECT t.uri || ' ' || n.comment FROM account_notes n JOIN accounts t ON t.id = n.target_id
    ORDER BY 1
    """,
    str,
)
LISTED = Value("SELECT a.uri FROM list_accounts m JOIN accounts a ON a.id = m.account_id", str)
MUTED = Value("SELECT t.uri FROM mutes m JOIN accounts t ON t.id = m.target_id ORDER BY 1", str)
BLOCKED = Value("SELECT t.uri FROM blocks b JOIN accounts t ON t.id = b.target_id ORDER BY 1", str)


@pytest.fixture
def old(peer: FakePeer) -> PeerActor:
    return peer.actor("old")


@pytest.fixture
def new(peer: FakePeer, old: PeerActor) -> PeerActor:
    """Somebody who says that they were `old`."""
    actor = peer.actor("new")
    peer.serve("/users/new", actor.document(alsoKnownAs=[old.uri]))
    return actor


async def row_of(server: Server, uri: str) -> AccountRow:
    row = await server.ctx.db.one(ACCOUNT_BY_URI, uri)
    assert row is not None
    return row


async def known(server: Server, peer: FakePeer, actor: PeerActor) -> AccountRow:
    """Let the server meet `actor`."""
    arrival = actor.activity("Follow", server.ctx.ids.new(), object=server.alice.uri)
    await take(server, peer, actor, arrival)
    return await row_of(server, actor.uri)


async def follow(server: Server, target: AccountRow, follower: AccountRow | None = None) -> None:
    """Let Alice (or another) follow `target`, under settings of her own."""
    ctx, who = server.ctx, follower or server.alice
    uri = f"{server.base_url}/activities/{ctx.ids.new()}"
    await ctx.db.execute(FOLLOW, ctx.ids.new(), who.id, target.id, uri)
    await ctx.db.execute(COUNT, target.id)
    await ctx.db.execute(COUNT_OWN, who.id)


def move(old: PeerActor, new: str, number: int = 70) -> Json:
    return old.activity("Move", number, object=old.uri, target=new, to=[f"{old.uri}/followers"])


async def between(server: Server, follower: AccountRow, uri: str) -> FollowRow | None:
    target = await row_of(server, uri)
    return await server.ctx.db.one(FOLLOW_BETWEEN, follower.id, target.id)


async def test_followers_go_along_with_their_settings(
    server: Server, peer: FakePeer, old: PeerActor, new: PeerActor
) -> None:
    await follow(server, await known(server, peer, old))
    item = await take(server, peer, old, move(old, new.uri))
    assert (item.outcome, item.reason) == ("done", None)
    assert await server.ctx.db.values(FOLLOWED, server.alice.id) == [new.uri]
    asked = await between(server, server.alice, new.uri)
    assert asked is not None
    assert asked.accepted_at is None, "only the new account's own Accept counts"
    assert (asked.show_reblogs, asked.notify, asked.languages) == (False, True, ["de", "fr"])
    assert await server.ctx.db.value(MOVED_TO, old.uri) == new.uri
    assert (await row_of(server, old.uri)).followers_count == 0
    alice = await row_of(server, server.alice.uri)
    assert alice.following_count == 0


async def test_the_new_account_is_asked_and_the_old_one_told(
    server: Server, peer: FakePeer, old: PeerActor, new: PeerActor
) -> None:
    await follow(server, await known(server, peer, old))
    peer.received.clear()
    await take(server, peer, old, move(old, new.uri))
    await deliver(server)
    sent = {one.document["type"]: one for one in peer.received if one.document["type"] != "Accept"}
    assert set(sent) == {"Follow", "Undo"}
    assert sent["Follow"].path == "/users/new/inbox"
    assert sent["Follow"].document["object"] == new.uri
    assert sent["Undo"].path == "/users/old/inbox"
    undone = sent["Undo"].document["object"]
    assert (undone["type"], undone["actor"], undone["object"]) == (
        "Follow",
        server.alice.uri,
        old.uri,
    )


async def test_an_accept_of_the_moved_follow_puts_it_in_force(
    server: Server, peer: FakePeer, old: PeerActor, new: PeerActor
) -> None:
    await follow(server, await known(server, peer, old))
    await take(server, peer, old, move(old, new.uri))
    asked = await between(server, server.alice, new.uri)
    assert asked is not None
    accept = new.activity("Accept", 71, object=asked.uri)
    assert (await take(server, peer, new, accept)).outcome == "done"
    assert (await row_of(server, server.alice.uri)).following_count == 1
    assert (await row_of(server, new.uri)).followers_count == 1


async def test_a_target_that_does_not_agree_gets_nobody(
    server: Server, peer: FakePeer, old: PeerActor
) -> None:
    stranger = peer.actor("stranger")
    await follow(server, await known(server, peer, old))
    item = await take(server, peer, old, move(old, stranger.uri))
    assert item.outcome == "refused"
    assert "alsoKnownAs" in (item.reason or "")
    assert await server.ctx.db.values(FOLLOWED, server.alice.id) == [old.uri]
    assert await server.ctx.db.value(MOVED_TO, old.uri) is None


async def test_the_target_is_read_anew(server: Server, peer: FakePeer, old: PeerActor) -> None:
    """What was known of the target before counts in neither direction."""
    target = peer.actor("target")
    peer.serve("/users/target", target.document(alsoKnownAs=[old.uri]))
    await known(server, peer, target)
    await follow(server, await known(server, peer, old))
    peer.serve("/users/target", target.document())
    assert (await take(server, peer, old, move(old, target.uri))).outcome == "refused"
    peer.serve("/users/target", target.document(alsoKnownAs=[old.uri]))
    assert (await take(server, peer, old, move(old, target.uri, 71))).outcome == "done"


async def test_nobody_moves_another(
    server: Server, peer: FakePeer, old: PeerActor, new: PeerActor
) -> None:
    await follow(server, await known(server, peer, old))
    mallory = peer.actor("mallory")
    forged = mallory.activity("Move", 70, object=old.uri, target=mallory.uri)
    # The new account alone proves nothing: alsoKnownAs is its own claim.
    assert (await take(server, peer, mallory, forged)).outcome == "ignored"
    third = mallory.activity("Move", 71, object=old.uri, target=new.uri)
    assert (await peer.post(server.shared_inbox, third, actor=mallory)).status == 403
    assert await server.ctx.db.values(FOLLOWED, server.alice.id) == [old.uri]


async def test_a_move_counts_once_and_the_next_one_waits(
    server: Server, peer: FakePeer, old: PeerActor, new: PeerActor
) -> None:
    await follow(server, await known(server, peer, old))
    newer = peer.actor("newer")
    peer.serve("/users/newer", newer.document(alsoKnownAs=[old.uri]))
    assert (await take(server, peer, old, move(old, new.uri))).outcome == "done"
    assert (await take(server, peer, old, move(old, new.uri, 71))).outcome == "duplicate"
    again = await take(server, peer, old, move(old, newer.uri, 72))
    assert again.outcome == "refused"
    assert "7 days" in (again.reason or "")
    assert await server.ctx.db.value(MOVED_TO, old.uri) == new.uri
    await server.ctx.db.execute(AGE_MOVES, timedelta(days=8))
    assert (await take(server, peer, old, move(old, newer.uri, 73))).outcome == "done"
    assert await server.ctx.db.value(MOVED_TO, old.uri) == newer.uri


async def test_two_accounts_cannot_send_followers_back_and_forth(
    server: Server, peer: FakePeer, old: PeerActor, new: PeerActor
) -> None:
    peer.serve("/users/old", old.document(alsoKnownAs=[new.uri]))
    await follow(server, await known(server, peer, old))
    assert (await take(server, peer, old, move(old, new.uri))).outcome == "done"
    back = await take(server, peer, new, move(new, old.uri, 71))
    assert back.outcome == "done", "somebody may come home"
    assert (await take(server, peer, old, move(old, new.uri, 72))).outcome == "refused"
    assert await server.ctx.db.values(FOLLOWED, server.alice.id) == [new.uri]


async def test_our_own_account_is_followed_at_once(
    server: Server, peer: FakePeer, old: PeerActor
) -> None:
    bob_id = await users.create_user(server.ctx, "bob", "bob@mail.example", PASSWORD)
    await follow(server, await known(server, peer, old))
    await server.ctx.db.execute(ALIAS, bob_id, old.uri)
    bob = f"{server.base_url}/users/bob"
    assert (await take(server, peer, old, move(old, bob))).outcome == "done"
    followed = await between(server, server.alice, bob)
    assert followed is not None
    assert followed.accepted_at is not None
    assert (await row_of(server, bob)).followers_count == 1
    assert (await row_of(server, server.alice.uri)).following_count == 1


async def test_who_follows_both_keeps_the_new_settings(
    server: Server, peer: FakePeer, old: PeerActor, new: PeerActor
) -> None:
    await follow(server, await known(server, peer, old))
    await follow(server, await known(server, peer, new))
    before = await between(server, server.alice, new.uri)
    peer.received.clear()
    assert (await take(server, peer, old, move(old, new.uri))).outcome == "done"
    assert await between(server, server.alice, new.uri) == before
    await deliver(server)
    assert "Follow" not in [one.document["type"] for one in peer.received]


async def test_blocks_and_mutes_go_along(
    server: Server, peer: FakePeer, old: PeerActor, new: PeerActor
) -> None:
    ctx = server.ctx
    bob_id = await users.create_user(ctx, "bob", "bob@mail.example", PASSWORD)
    target = await known(server, peer, old)
    await known(server, peer, new)
    await ctx.db.execute(MUTE, 1, server.alice.id, target.id)
    await ctx.db.execute(BLOCK, 2, bob_id, target.id, f"{server.base_url}/activities/2")
    peer.received.clear()
    assert (await take(server, peer, old, move(old, new.uri))).outcome == "done"
    assert await ctx.db.values(MUTED) == [new.uri, old.uri]
    assert await ctx.db.values(BLOCKED) == [new.uri, old.uri]
    await deliver(server)
    [block] = [one.document for one in peer.received if one.document["type"] == "Block"]
    assert (block["actor"], block["object"]) == (f"{server.base_url}/users/bob", new.uri)


async def test_lists_and_notes_go_along(
    server: Server, peer: FakePeer, old: PeerActor, new: PeerActor
) -> None:
    ctx, alice = server.ctx, server.alice
    target = await known(server, peer, old)
    await follow(server, target)
    now = ctx.clock.now()
    await ctx.db.execute(INSERT_LIST, 5, alice.id, "Friends", "list", False, now)
    await ctx.db.execute(ADD_TO_LIST, 5, [6], [target.id], alice.id)
    await ctx.db.execute(NOTE, alice.id, target.id, "from school")
    assert (await take(server, peer, old, move(old, new.uri))).outcome == "done"
    assert await ctx.db.values(LISTED) == [new.uri]
    assert await ctx.db.values(NOTED) == [f"{new.uri} from school", f"{old.uri} from school"]


async def test_who_blocks_the_new_account_stays(
    server: Server, peer: FakePeer, old: PeerActor, new: PeerActor
) -> None:
    await follow(server, await known(server, peer, old))
    target = await known(server, peer, new)
    await server.ctx.db.execute(BLOCK, 2, server.alice.id, target.id, "x")
    assert (await take(server, peer, old, move(old, new.uri))).outcome == "done"
    assert await server.ctx.db.values(FOLLOWED, server.alice.id) == [old.uri]


async def test_a_profile_that_names_its_new_address_leads_there(
    server: Server, peer: FakePeer, old: PeerActor, new: PeerActor
) -> None:
    """Misskey: an Update with `movedTo`. Followers go along with a Move only."""
    await follow(server, await known(server, peer, old))
    document = old.document(movedTo=new.uri)
    item = await take(server, peer, old, old.activity("Update", 70, object=document))
    assert item.outcome == "done"
    assert await server.ctx.db.value(MOVED_TO, old.uri) == new.uri
    assert await server.ctx.db.values(FOLLOWED, server.alice.id) == [old.uri]
    assert (await take(server, peer, old, move(old, new.uri, 71))).outcome == "done"
    assert await server.ctx.db.values(FOLLOWED, server.alice.id) == [new.uri]
    home = await take(server, peer, old, old.activity("Update", 72, object=old.document()))
    assert home.outcome == "done"
    assert await server.ctx.db.value(MOVED_TO, old.uri) is None


async def test_who_had_moved_before_we_met_leads_on(
    server: Server, peer: FakePeer, old: PeerActor, new: PeerActor
) -> None:
    await known(server, peer, new)
    peer.serve("/users/old", old.document(movedTo=new.uri))
    await known(server, peer, old)
    assert await server.ctx.db.value(MOVED_TO, old.uri) == new.uri


async def test_a_profile_cannot_borrow_somebody_elses(
    server: Server, peer: FakePeer, old: PeerActor
) -> None:
    famous = peer.actor("famous")
    await known(server, peer, famous)
    await known(server, peer, old)
    document = old.document(movedTo=famous.uri)
    await take(server, peer, old, old.activity("Update", 70, object=document))
    assert await server.ctx.db.value(MOVED_TO, old.uri) is None


async def test_the_number_of_statements_does_not_grow_with_the_followers(
    server: Server, peer: FakePeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten go along with as many statements as one."""
    ran: list[str] = []

    def counted(name: str) -> None:
        run = getattr(Connection, name)

        async def count(self: Connection, statement: Any, *arguments: object) -> Any:
            ran.append(statement.sql)
            return await run(self, statement, *arguments)

        monkeypatch.setattr(Connection, name, count)

    for name in ("fetch", "one", "value", "values", "execute"):
        counted(name)
    counts = []
    for round_, followers in enumerate((1, 10)):
        before, after = peer.actor(f"before{round_}"), peer.actor(f"after{round_}")
        peer.serve(f"/users/after{round_}", after.document(alsoKnownAs=[before.uri]))
        target = await known(server, peer, before)
        await known(server, peer, after)
        for number in range(followers):
            name = f"fan{round_}x{number}"
            fan_id = await users.create_user(server.ctx, name, f"{name}@mail.example", PASSWORD)
            await server.ctx.db.execute(FOLLOW, server.ctx.ids.new(), fan_id, target.id, name)
        ran.clear()
        item = await take(server, peer, before, move(before, after.uri, 80 + round_))
        assert item.outcome == "done"
        counts.append(len(ran))
    assert counts[0] == counts[1]


async def test_large_crowds_go_in_batches(
    server: Server,
    peer: FakePeer,
    old: PeerActor,
    new: PeerActor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("fedserver.effects.move._BATCH", 2)
    target = await known(server, peer, old)
    for number in range(5):
        name = f"fan{number}"
        fan_id = await users.create_user(server.ctx, name, f"{name}@mail.example", PASSWORD)
        await server.ctx.db.execute(FOLLOW, server.ctx.ids.new(), fan_id, target.id, name)
    assert (await take(server, peer, old, move(old, new.uri))).outcome == "done"
    targets = Value("SELECT t.uri FROM follows f JOIN accounts t ON t.id = f.target_id", str)
    follows = await server.ctx.db.values(targets)
    assert sorted(follows) == [new.uri] * 5 + [server.alice.uri]
