"""What a peer's author lets our people do: asked first where that is wanted, never without."""

from typing import Any

import pytest

from fedserver import effects
from fedserver.effects import Announce, Create, Like, NewStatus, Undo, UpdateStatus, bring_status
from fedserver.errors import Refused
from fedserver.services.fetch import Budget
from fedserver.uris import Uris
from storage.accounts import ACCOUNT_BY_URI, AccountRow
from storage.query import Value
from storage.relations import INSERT_FOLLOW
from storage.statuses import STATUS_BY_URI, StatusRow
from tests.federation.conftest import Server, deliver
from tests.federation.fake_peer import PUBLIC, FakePeer, Json, PeerActor
from tests.federation.processing import mentioning, take

FAVOURITES = Value("SELECT favourites_count FROM statuses WHERE uri = $1", int)
BOOSTS = Value("SELECT reblogs_count FROM statuses WHERE uri = $1", int)
POLICY = Value("SELECT interaction_policy::text FROM statuses WHERE uri = $1", str)
STATUSES = Value("SELECT uri FROM statuses WHERE local ORDER BY id", str)

AUTHORIZATION = "/authorizations/1"


@pytest.fixture
def gus(peer: FakePeer) -> PeerActor:
    return peer.actor("gus")


@pytest.fixture
def fan(peer: FakePeer) -> PeerActor:
    return peer.actor("fan")


async def row_of(server: Server, actor: PeerActor) -> AccountRow:
    row = await server.ctx.db.one(ACCOUNT_BY_URI, actor.uri)
    assert row is not None
    return row


async def guarded(
    server: Server, peer: FakePeer, gus: PeerActor, kind: str, *, names: str = "", **lists: Any
) -> StatusRow:
    """Bring a Note of Gus with a policy for one kind of interaction."""
    note = gus.note(1, interactionPolicy={f"can{kind}": lists}) | {"to": [PUBLIC]}
    create = mentioning(gus, server.alice.uri, 1, **note)
    if not names:
        # Alice may know it without being named in it: by a search, by a boost.
        create["object"]["tag"] = []
        create["object"]["cc"] = []
        peer.serve("/notes/1", create["object"])
        await take(server, peer, gus, mentioning(gus, server.alice.uri, 99))
        return await bring_status(server.ctx, create["object"]["id"], Budget(10))
    assert (await take(server, peer, gus, create)).outcome == "done"
    row = await server.ctx.db.one(STATUS_BY_URI, create["object"]["id"])
    assert row is not None
    return row


async def followed_by(server: Server, peer: FakePeer, fan: PeerActor) -> None:
    """Let Fan, at another inbox of the peer, follow Alice."""
    await take(server, peer, fan, mentioning(fan, server.alice.uri, 98))
    follower, now = await row_of(server, fan), server.ctx.clock.now()
    await server.ctx.db.execute(
        INSERT_FOLLOW, 1, follower.id, server.alice.id, "x", now, True, False, None, now
    )


def like(server: Server, status: StatusRow, author: AccountRow) -> Like:
    uri = Uris(server.base_url).activity(server.ctx.ids.new())
    return Like(actor=server.alice, uri=uri, status=status, author=author)


def boost(server: Server, status: StatusRow, author: AccountRow) -> Announce:
    boost_id = server.ctx.ids.new()
    return Announce(
        actor=server.alice,
        uri=Uris(server.base_url).status_activity("alice", boost_id),
        id=boost_id,
        status=status,
        author=author,
        visibility="public",
        created_at=server.ctx.clock.now(),
    )


def reply(server: Server, status: StatusRow) -> Create:
    status_id, uris = server.ctx.ids.new(), Uris(server.base_url)
    new = NewStatus(
        id=status_id,
        uri=uris.status("alice", status_id),
        url=uris.status_page("alice", status_id),
        visibility="public",
        content="<p>An answer</p>",
        created_at=server.ctx.clock.now(),
        parent=status,
    )
    return Create(actor=server.alice, uri=uris.status_activity("alice", status_id), status=new)


async def sent(server: Server, peer: FakePeer) -> list[tuple[str, Json]]:
    """Deliver; give where what came went, and forget it."""
    await deliver(server)
    came = [(one.path, one.document) for one in peer.received]
    peer.received.clear()
    return came


def answer(kind: str, gus: PeerActor, asked: Json, **more: Any) -> Json:
    request = {key: asked[key] for key in ("id", "type", "actor", "object")}
    request["instrument"] = asked["instrument"]["id"]
    return gus.activity(kind, 50, object=request, to=[asked["actor"]], **more)


async def test_what_everybody_may_is_not_asked(
    server: Server, peer: FakePeer, gus: PeerActor
) -> None:
    status = await guarded(server, peer, gus, "Like", always=[PUBLIC])
    assert await server.ctx.db.value(POLICY, status.uri) is None
    await effects.perform(server.ctx, like(server, status, await row_of(server, gus)))
    assert [one["type"] for _, one in await sent(server, peer)] == ["Like"]


@pytest.mark.parametrize(
    "names", [("automaticApproval", "manualApproval"), ("always", "approvalRequired")]
)
async def test_a_like_is_asked_for_and_ends_when_it_is_refused(
    server: Server, peer: FakePeer, gus: PeerActor, names: tuple[str, str]
) -> None:
    lists = {names[0]: [gus.uri], names[1]: PUBLIC}
    status = await guarded(server, peer, gus, "Like", **lists)
    act = like(server, status, await row_of(server, gus))
    await effects.perform(server.ctx, act)
    [(_, asked)] = await sent(server, peer)
    assert (asked["type"], asked["object"], asked["to"]) == ("LikeRequest", status.uri, [gus.uri])
    assert (asked["instrument"]["type"], asked["instrument"]["id"]) == ("Like", act.uri)
    assert await server.ctx.db.value(FAVOURITES, status.uri) == 1
    item = await take(server, peer, gus, answer("Reject", gus, asked))
    assert (item.outcome, item.reason) == ("done", None)
    assert await server.ctx.db.value(FAVOURITES, status.uri) == 0


async def test_a_boost_goes_out_with_the_consent_only(
    server: Server, peer: FakePeer, gus: PeerActor, fan: PeerActor
) -> None:
    await followed_by(server, peer, fan)
    status = await guarded(server, peer, gus, "Announce", manualApproval=[PUBLIC])
    act = boost(server, status, await row_of(server, gus))
    await effects.perform(server.ctx, act)
    [(path, asked)] = await sent(server, peer)
    assert (path, asked["type"]) == ("/users/gus/inbox", "AnnounceRequest")
    given = answer("Accept", gus, asked, result=f"{peer.base_url}{AUTHORIZATION}")
    item = await take(server, peer, gus, given)
    assert (item.outcome, item.reason) == ("done", None)
    [(path, told)] = await sent(server, peer)
    assert (path, told["type"], told["id"]) == ("/inbox", "Announce", act.uri)
    assert told["announceAuthorization"] == f"{peer.base_url}{AUTHORIZATION}"
    await effects.perform(
        server.ctx,
        Undo(actor=server.alice, uri=f"{server.base_url}/activities/5", undone=act),
    )
    [(_, undone)] = await sent(server, peer)
    assert (undone["type"], undone["object"]["type"]) == ("Undo", "Announce")


async def test_a_refused_boost_is_none(server: Server, peer: FakePeer, gus: PeerActor) -> None:
    status = await guarded(server, peer, gus, "Announce", manualApproval=[PUBLIC])
    await effects.perform(server.ctx, boost(server, status, await row_of(server, gus)))
    [(_, asked)] = await sent(server, peer)
    assert (await take(server, peer, gus, answer("Reject", gus, asked))).outcome == "done"
    assert await server.ctx.db.value(BOOSTS, status.uri) == 0
    assert await server.ctx.db.values(STATUSES) == []
    assert await sent(server, peer) == []


async def test_a_reply_waits_for_consent(
    server: Server, peer: FakePeer, gus: PeerActor, fan: PeerActor
) -> None:
    await followed_by(server, peer, fan)
    status = await guarded(server, peer, gus, "Reply", approvalRequired=PUBLIC)
    create = reply(server, status)
    await effects.perform(server.ctx, create)
    [(path, asked)] = await sent(server, peer)
    assert (path, asked["type"]) == ("/users/gus/inbox", "ReplyRequest")
    assert asked["instrument"]["inReplyTo"] == status.uri
    assert "replyAuthorization" not in asked["instrument"]
    row = await server.ctx.db.one(STATUS_BY_URI, create.status.uri)
    assert row is not None
    await effects.perform(
        server.ctx,
        UpdateStatus(
            actor=server.alice,
            uri=f"{server.base_url}/activities/7",
            status=row,
            changed=create.status,
        ),
    )
    assert await sent(server, peer) == []
    given = answer("Accept", gus, asked, result=f"{peer.base_url}{AUTHORIZATION}")
    assert (await take(server, peer, gus, given)).outcome == "done"
    [(path, told)] = await sent(server, peer)
    assert (path, told["type"], told["id"]) == ("/inbox", "Create", create.uri)
    assert told["object"]["replyAuthorization"] == f"{peer.base_url}{AUTHORIZATION}"
    again = given | {"id": f"{peer.base_url}/activities/51"}
    assert (await take(server, peer, gus, again)).outcome == "duplicate"
    assert await sent(server, peer) == []


async def test_only_the_author_gives_leave_and_with_an_authorization_of_its_own(
    server: Server, peer: FakePeer, gus: PeerActor, fan: PeerActor
) -> None:
    status = await guarded(server, peer, gus, "Reply", manualApproval=[PUBLIC])
    await effects.perform(server.ctx, reply(server, status))
    [(_, asked)] = await sent(server, peer)
    foreign = answer("Accept", fan, asked, result=f"{peer.base_url}{AUTHORIZATION}")
    assert (await take(server, peer, fan, foreign)).outcome == "ignored"
    elsewhere = answer("Accept", gus, asked, result="https://elsewhere.example/1")
    assert (
        await take(server, peer, gus, elsewhere | {"id": f"{peer.base_url}/activities/52"})
    ).outcome == "refused"
    without = answer("Accept", gus, asked) | {"id": f"{peer.base_url}/activities/53"}
    assert (await take(server, peer, gus, without)).outcome == "refused"
    assert await sent(server, peer) == []


async def test_whom_a_status_names_may_answer_it(
    server: Server, peer: FakePeer, gus: PeerActor
) -> None:
    status = await guarded(server, peer, gus, "Reply", names="alice", manualApproval=[PUBLIC])
    await effects.perform(server.ctx, reply(server, status))
    assert [one["type"] for _, one in await sent(server, peer)] == ["Create"]


@pytest.mark.parametrize("kind", ["Like", "Announce", "Reply"])
async def test_what_nobody_may_is_not_done_at_all(
    server: Server, peer: FakePeer, gus: PeerActor, kind: str
) -> None:
    status = await guarded(server, peer, gus, kind, automaticApproval=gus.uri)
    author = await row_of(server, gus)
    act = {
        "Like": like(server, status, author),
        "Announce": boost(server, status, author),
        "Reply": reply(server, status),
    }[kind]
    with pytest.raises(Refused):
        await effects.perform(server.ctx, act)
    assert await server.ctx.db.value(FAVOURITES, status.uri) == 0
    assert await server.ctx.db.value(BOOSTS, status.uri) == 0
    assert await server.ctx.db.values(STATUSES) == []
    assert await sent(server, peer) == []


async def test_a_boost_of_a_private_status_of_ours_is_refused_whatever_it_says(
    server: Server, peer: FakePeer, fan: PeerActor
) -> None:
    await followed_by(server, peer, fan)
    status = await own(server)
    announce = fan.activity("Announce", 60, object=status.uri, to=[PUBLIC])
    assert (await take(server, peer, fan, announce)).outcome == "ignored"
    assert await server.ctx.db.value(BOOSTS, status.uri) == 0


async def own(server: Server) -> StatusRow:
    """Let Alice post to her followers."""
    status_id, uris = server.ctx.ids.new(), Uris(server.base_url)
    new = NewStatus(
        id=status_id,
        uri=uris.status("alice", status_id),
        url=uris.status_page("alice", status_id),
        visibility="private",
        content="<p>For friends</p>",
        created_at=server.ctx.clock.now(),
    )
    await effects.perform(server.ctx, Create(actor=server.alice, uri=f"{new.uri}/x", status=new))
    row = await server.ctx.db.one(STATUS_BY_URI, new.uri)
    assert row is not None
    return row
