"""What our people allow others to do with their posts: refused, let through, or kept waiting."""

from typing import Any

import orjson
import pytest

from fedserver import effects
from fedserver.effects import Approve, Consents, Create, NewStatus, Refuse, RevokeLeave
from fedserver.services import users
from fedserver.uris import Uris
from storage.accounts import ACCOUNT_BY_ID
from storage.approvals import ApprovalRow
from storage.query import Query, Value
from storage.relations import INSERT_FOLLOW
from storage.statuses import STATUS_BY_ID, STATUS_BY_URI, StatusRow
from storage.visibility import EVERYBODY
from tests.federation.conftest import PASSWORD, Server, deliver
from tests.federation.fake_peer import PUBLIC, FakePeer, Json, PeerActor
from tests.federation.processing import mentioning, take
from tests.federation.test_interaction_policies import followed_by, row_of

COUNTS = Value(
    "SELECT array[favourites_count, reblogs_count, replies_count] FROM statuses WHERE id = $1", list
)
APPROVALS = Query(
    f"SELECT {', '.join(ApprovalRow.__dataclass_fields__)} FROM approvals ORDER BY id", ApprovalRow
)
NOTICES = Value("SELECT type FROM notifications ORDER BY id", str)
WITHHELD = Value("SELECT withheld FROM statuses WHERE uri = $1", bool)
VISIBLE_REPLIES = Value(
    "SELECT uri FROM statuses WHERE in_reply_to_id = $1 AND NOT withheld ORDER BY id", str
)

FORWARDED = Value(
    """
    SELECT o.uri FROM outbox_activities o JOIN inbox_items i ON i.activity_uri = o.uri ORDER BY o.id
    """,
    str,
)

ASKED = {"automatic": ["author"], "manual": ["public"]}
NOBODY = {"automatic": ["author"], "manual": []}
FOLLOWERS_ONLY = {"automatic": ["author", "followers"], "manual": []}
KINDS = {"Like": "like", "Create": "reply", "Announce": "announce"}


@pytest.fixture
def fan(peer: FakePeer) -> PeerActor:
    return peer.actor("fan")


async def post(server: Server, policy: Json | None = None, **changes: Any) -> StatusRow:
    """Let Alice post something with a policy."""
    ctx, uris = server.ctx, Uris(server.base_url)
    status_id = ctx.ids.new()
    given: Json = {
        "id": status_id,
        "uri": uris.status("alice", status_id),
        "url": uris.status_page("alice", status_id),
        "visibility": "public",
        "content": "<p>Original</p>",
        "created_at": ctx.clock.now(),
        "consents": Consents(None, 0, policy),
    }
    status = NewStatus(**(given | changes))
    await effects.perform(ctx, Create(actor=server.alice, uri=f"{status.uri}/x", status=status))
    row = await ctx.db.one(STATUS_BY_ID, status_id)
    assert row is not None
    return row


def interaction(
    actor: PeerActor, kind: str, status: StatusRow, number: int = 7, **more: Any
) -> Json:
    """Give what `actor` does to `status` without asking."""
    if kind == "Create":
        note = actor.note(number, inReplyTo=status.uri, **more)
        return actor.create(number, object=note)
    return actor.activity(kind, number, object=status.uri, to=[PUBLIC], **more)


def interaction_id(activity: Json) -> str:
    made = activity["object"]
    uri: str = made["id"] if isinstance(made, dict) else activity["id"]
    return uri


def request(actor: PeerActor, activity: Json, status: StatusRow, number: int = 77) -> Json:
    """Give the request that asks for leave to do this."""
    kind = {"Create": "Reply"}.get(activity["type"], activity["type"])
    instrument = activity["object"] if kind == "Reply" else activity
    return actor.activity(
        f"{kind}Request", number, object=status.uri, instrument=instrument, to=[status.uri]
    )


async def approvals(server: Server) -> list[ApprovalRow]:
    return await server.ctx.db.fetch(APPROVALS)


async def sent(server: Server, peer: FakePeer) -> list[Json]:
    """Deliver, and give what the peer was sent since."""
    await deliver(server)
    came = [one.document for one in peer.received]
    peer.received.clear()
    return came


async def decide(server: Server, act: type[Any]) -> bool:
    """Let Alice decide about the one that asks."""
    [approval] = await approvals(server)
    asker = await server.ctx.db.one(ACCOUNT_BY_ID, approval.account_id)
    status = await server.ctx.db.one(STATUS_BY_ID, approval.status_id)
    made = act(
        actor=server.alice,
        uri=Uris(server.base_url).activity(server.ctx.ids.new()),
        approval=approval,
        asker=asker,
        status=status,
    )
    return await effects.perform(server.ctx, made)


async def test_what_nobody_may_is_refused_and_answered(
    server: Server, peer: FakePeer, fan: PeerActor
) -> None:
    for number, kind in enumerate(KINDS, 7):
        status = await post(server, {KINDS[kind]: NOBODY})
        done = interaction(fan, kind, status, number)
        item = await take(server, peer, fan, done)
        assert (item.outcome, item.reason) == ("refused", "its author does not allow it")
        assert await server.ctx.db.value(COUNTS, status.id) == [0, 0, 0]
        assert await server.ctx.db.one(STATUS_BY_URI, interaction_id(done)) is None
        [answer] = await sent(server, peer)
        assert (answer["type"], answer["object"]) == ("Reject", interaction_id(done))
        assert answer["target"] == status.uri
    assert await approvals(server) == []
    assert await server.ctx.db.values(NOTICES) == []


@pytest.mark.parametrize(
    ("kind", "polite"), [("Like", False), ("Create", False), ("Create", True), ("Announce", True)]
)
async def test_what_needs_leave_waits_and_is_shown_with_it(
    server: Server, peer: FakePeer, fan: PeerActor, kind: str, polite: bool
) -> None:
    status = await post(server, {KINDS[kind]: ASKED})
    done = interaction(fan, kind, status)
    activity = request(fan, done, status) if polite else done
    item = await take(server, peer, fan, activity)
    assert (item.outcome, item.reason) == ("done", None)
    assert await server.ctx.db.value(COUNTS, status.id) == [0, 0, 0]
    pending = {"Like": "pending.favourite", "Create": "pending.reply", "Announce": "pending.reblog"}
    assert await server.ctx.db.values(NOTICES) == [pending[kind]]
    assert await sent(server, peer) == []
    [approval] = await approvals(server)
    assert (approval.state, approval.kind) == ("pending", KINDS[kind])
    assert approval.request_uri == (activity["id"] if polite else None)

    assert await decide(server, Approve)
    assert sum(await server.ctx.db.value(COUNTS, status.id) or []) == 1
    assert pending[kind] not in await server.ctx.db.values(NOTICES)
    [accept] = await sent(server, peer)
    assert accept["type"] == "Accept"
    if polite:
        assert accept["object"]["id"] == activity["id"]
        assert accept["object"]["type"] == activity["type"]
        assert accept["object"]["instrument"] == interaction_id(done)
    else:
        assert (accept["object"], accept["target"]) == (interaction_id(done), status.uri)
    served = await peer.get(accept["result"])
    document = orjson.loads(served.text)
    word = {"Create": "Reply"}.get(kind, kind)
    assert document["type"] == f"{word}Authorization"
    assert document["attributedTo"] == server.alice.uri
    assert document["interactingObject"] == interaction_id(done)
    assert document["interactionTarget"] == status.uri


@pytest.mark.parametrize("kind", ["Create", "Announce"])
async def test_who_is_refused_stays_so(
    server: Server, peer: FakePeer, fan: PeerActor, kind: str
) -> None:
    status = await post(server, {KINDS[kind]: ASKED})
    done = interaction(fan, kind, status)
    await take(server, peer, fan, request(fan, done, status))
    assert await decide(server, Refuse)
    [answer] = await sent(server, peer)
    assert (answer["type"], answer["object"]["instrument"]) == ("Reject", interaction_id(done))
    assert "result" not in answer
    assert await server.ctx.db.value(COUNTS, status.id) == [0, 0, 0]
    assert await server.ctx.db.values(VISIBLE_REPLIES, status.id) == []
    assert await server.ctx.db.values(NOTICES) == []
    again = done | {"id": f"{peer.base_url}/activities/8"}
    assert (await take(server, peer, fan, again)).outcome in ("refused", "duplicate")
    assert await server.ctx.db.value(COUNTS, status.id) == [0, 0, 0]
    assert await server.ctx.db.values(VISIBLE_REPLIES, status.id) == []


@pytest.mark.parametrize("kind", ["Like", "Create"])
async def test_leave_taken_back_hides_what_it_allowed(
    server: Server, peer: FakePeer, fan: PeerActor, kind: str
) -> None:
    status = await post(server, {KINDS[kind]: ASKED})
    await take(server, peer, fan, interaction(fan, kind, status))
    assert await decide(server, Approve)
    [accept] = await sent(server, peer)
    assert await decide(server, RevokeLeave)
    [deletion] = await sent(server, peer)
    assert (deletion["type"], deletion["object"]) == ("Delete", accept["result"])
    served = await peer.get(accept["result"])
    assert (served.status, orjson.loads(served.text)["type"]) == (410, "Tombstone")
    assert await server.ctx.db.value(COUNTS, status.id) == [0, 0, 0]
    assert await server.ctx.db.values(VISIBLE_REPLIES, status.id) == []
    assert not await decide(server, RevokeLeave)


async def test_followers_who_may_are_given_their_proof_at_once(
    server: Server, peer: FakePeer, fan: PeerActor
) -> None:
    stranger = peer.actor("stranger")
    await followed_by(server, peer, fan)
    for number, kind in enumerate(KINDS, 7):
        status = await post(server, {KINDS[kind]: FOLLOWERS_ONLY})
        other = interaction(stranger, kind, status, number + 30)
        assert (await take(server, peer, stranger, other)).outcome == "refused"
        await sent(server, peer)
        done = interaction(fan, kind, status, number)
        assert (await take(server, peer, fan, done)).outcome == "done"
        assert sum(await server.ctx.db.value(COUNTS, status.id) or []) == 1
        [accept] = await sent(server, peer)
        assert (accept["type"], accept["object"]) == ("Accept", interaction_id(done))
        assert (await peer.get(accept["result"])).status == 200


async def test_whoever_asks_for_what_is_free_is_answered(
    server: Server, peer: FakePeer, fan: PeerActor
) -> None:
    for number, kind in enumerate(KINDS, 7):
        status = await post(server)
        asked = request(fan, interaction(fan, kind, status, number), status, number + 70)
        assert (await take(server, peer, fan, asked)).outcome == "done"
        assert sum(await server.ctx.db.value(COUNTS, status.id) or []) == 1
        [accept] = await sent(server, peer)
        assert (accept["type"], accept["object"]["id"]) == ("Accept", asked["id"])
        assert (await peer.get(accept["result"])).status == 200


async def test_what_is_taken_back_no_longer_waits(
    server: Server, peer: FakePeer, fan: PeerActor
) -> None:
    status = await post(server, {"like": ASKED, "announce": ASKED})
    for number, kind in ((7, "Like"), (8, "Announce")):
        done = interaction(fan, kind, status, number)
        await take(server, peer, fan, done)
        undo = fan.activity("Undo", number + 100, object=done["id"])
        assert (await take(server, peer, fan, undo)).outcome == "done"
    assert await approvals(server) == []
    assert await server.ctx.db.values(NOTICES) == []
    assert await server.ctx.db.value(COUNTS, status.id) == [0, 0, 0]


async def test_an_answer_to_what_waits_waits_with_it(
    server: Server, peer: FakePeer, fan: PeerActor
) -> None:
    status = await post(server, {"reply": ASKED})
    first = interaction(fan, "Create", status)
    await take(server, peer, fan, first)
    second = fan.note(8, inReplyTo=first["object"]["id"], cc=[server.alice.uri])
    await take(server, peer, fan, fan.create(8, object=second))
    assert await server.ctx.db.value(WITHHELD, second["id"])
    assert len(await approvals(server)) == 1
    assert await decide(server, Approve)
    assert await server.ctx.db.value(WITHHELD, second["id"]) is False


async def test_nobody_asks_for_another_or_for_something_else(
    server: Server, peer: FakePeer, fan: PeerActor
) -> None:
    status, other = await post(server, {"reply": ASKED}), await post(server)
    elsewhere = interaction(fan, "Like", status) | {"id": "https://elsewhere.example/likes/1"}
    item = await take(server, peer, fan, request(fan, elsewhere, status))
    assert item.outcome == "refused"
    ours = interaction(fan, "Like", status) | {"id": f"{server.base_url}/activities/9"}
    assert (await take(server, peer, fan, request(fan, ours, status, 78))).outcome == "refused"
    wrong = request(fan, interaction(fan, "Create", other), status, 79)
    assert (await take(server, peer, fan, wrong)).outcome == "refused"
    mallory = peer.actor("mallory")
    theirs = interaction(fan, "Create", status, 9)
    assert (await take(server, peer, mallory, request(mallory, theirs, status, 80))).outcome in (
        "refused",
        "ignored",
    )
    assert await approvals(server) == []
    assert await server.ctx.db.value(COUNTS, status.id) == [0, 0, 0]


async def test_the_note_says_what_was_chosen(server: Server, peer: FakePeer) -> None:
    status = await post(
        server,
        {
            "reply": {"automatic": ["followers"], "manual": ["public"]},
            "announce": {"automatic": ["author"], "manual": []},
        },
    )
    policy = orjson.loads((await peer.get(status.uri)).text)["interactionPolicy"]
    alice = server.alice
    assert policy["canReply"]["automaticApproval"] == [alice.followers_url, alice.uri]
    assert policy["canReply"]["manualApproval"] == [PUBLIC]
    assert policy["canReply"]["always"] == policy["canReply"]["automaticApproval"]
    assert policy["canReply"]["approvalRequired"] == [PUBLIC]
    assert policy["canAnnounce"]["automaticApproval"] == [alice.uri]
    assert policy["canLike"]["automaticApproval"] == [PUBLIC]


async def test_a_reply_here_is_told_elsewhere_with_its_leave_only(
    server: Server, peer: FakePeer, fan: PeerActor
) -> None:
    bob_id = await users.create_user(server.ctx, "bob", "bob@mail.example", PASSWORD)
    bob = await server.ctx.db.one(ACCOUNT_BY_ID, bob_id)
    assert bob is not None
    await take(server, peer, fan, mentioning(fan, server.alice.uri, 98))
    follower, now = await row_of(server, fan), server.ctx.clock.now()
    await server.ctx.db.execute(
        INSERT_FOLLOW, 1, follower.id, bob_id, "x", now, True, False, None, now
    )
    status = await post(server, {"reply": ASKED})
    await sent(server, peer)
    reply_id, uris = server.ctx.ids.new(), Uris(server.base_url)
    reply = NewStatus(
        id=reply_id,
        uri=uris.status("bob", reply_id),
        url=uris.status_page("bob", reply_id),
        visibility="public",
        content="<p>An answer</p>",
        created_at=now,
        parent=status,
    )
    create = Create(actor=bob, uri=uris.status_activity("bob", reply_id), status=reply)
    await effects.perform(server.ctx, create)
    assert await sent(server, peer) == []
    assert (await peer.get(reply.uri)).status == 404
    assert await decide(server, Approve)
    [told] = await sent(server, peer)
    assert (told["type"], told["id"]) == ("Create", create.uri)
    served = orjson.loads((await peer.get(told["object"]["replyAuthorization"])).text)
    assert served["interactingObject"] == reply.uri
    assert await decide(server, RevokeLeave)
    assert (await peer.get(reply.uri)).status == 404


async def test_what_waits_is_not_passed_on_to_followers(
    server: Server, peer: FakePeer, fan: PeerActor
) -> None:
    await followed_by(server, peer, fan)
    status = await post(server, {"reply": ASKED})
    await sent(server, peer)
    done = interaction(fan, "Create", status, cc=[server.alice.followers_url])
    assert (await take(server, peer, fan, done)).outcome == "done"
    assert await server.ctx.db.values(FORWARDED) == []
    free = await post(server)
    open_answer = interaction(fan, "Create", free, 8, cc=[server.alice.followers_url])
    assert (await take(server, peer, fan, open_answer)).outcome == "done"
    assert await server.ctx.db.values(FORWARDED) == [open_answer["id"]]


async def test_an_edit_of_what_waits_tells_nobody(
    server: Server, peer: FakePeer, fan: PeerActor
) -> None:
    status = await post(server, {"reply": ASKED})
    tag = [{"type": "Mention", "href": server.alice.uri, "name": "@alice"}]
    done = interaction(fan, "Create", status, tag=tag)
    await take(server, peer, fan, done)
    edited = done["object"] | {"content": "<p>Worse</p>", "updated": "2026-11-02T12:00:00Z"}
    update = fan.activity("Update", 9, object=edited, to=[PUBLIC])
    assert (await take(server, peer, fan, update)).outcome == "done"
    assert await server.ctx.db.values(NOTICES) == ["pending.reply"]
    assert await decide(server, Approve)
    assert await server.ctx.db.values(NOTICES) == ["mention"]


async def test_a_reaction_waits_as_a_favourite(
    server: Server, peer: FakePeer, fan: PeerActor
) -> None:
    status = await post(server, {"like": ASKED})
    reaction = fan.activity("EmojiReact", 7, object=status.uri, content="🎉")
    assert (await take(server, peer, fan, reaction)).outcome == "done"
    assert await server.ctx.db.value(COUNTS, status.id) == [0, 0, 0]
    assert await decide(server, Approve)
    assert await server.ctx.db.value(COUNTS, status.id) == [1, 0, 0]


async def test_a_quote_waits_for_its_author(server: Server, peer: FakePeer, fan: PeerActor) -> None:
    status = await post(server, consents=Consents(None, EVERYBODY))
    note = fan.note(7, quote=status.uri)
    peer.serve("/notes/7", note)
    asked = fan.activity("QuoteRequest", 8, object=status.uri, instrument=note)
    assert (await take(server, peer, fan, asked)).outcome == "done"
    assert await sent(server, peer) == []
    [approval] = await approvals(server)
    assert (approval.kind, approval.request_uri) == ("quote", asked["id"])
    await effects.give_leave(server.ctx, server.alice, approval.id)
    [accept] = await sent(server, peer)
    assert (accept["type"], accept["object"]["id"]) == ("Accept", asked["id"])
    served = orjson.loads((await peer.get(accept["result"])).text)
    assert served["type"] == "QuoteAuthorization"
    await effects.refuse_leave(server.ctx, server.alice, approval.id)
    [deletion] = await sent(server, peer)
    assert (deletion["type"], deletion["object"]) == ("Delete", accept["result"])


async def test_asking_again_under_another_id_gives_no_leave(
    server: Server, peer: FakePeer, fan: PeerActor
) -> None:
    status = await post(server, {"like": ASKED, "announce": ASKED})
    for number, kind in ((7, "Like"), (8, "Announce")):
        await take(server, peer, fan, interaction(fan, kind, status, number))
        other = interaction(fan, kind, status, number + 10)
        await take(server, peer, fan, request(fan, other, status, number + 20))
    assert {one.state for one in await approvals(server)} == {"pending"}
    assert await sent(server, peer) == []
    assert await server.ctx.db.value(COUNTS, status.id) == [0, 0, 0]


async def test_who_asks_again_after_a_no_is_told_no(
    server: Server, peer: FakePeer, fan: PeerActor
) -> None:
    status = await post(server, {"announce": ASKED})
    await take(server, peer, fan, interaction(fan, "Announce", status))
    assert await decide(server, Refuse)
    await sent(server, peer)
    again = request(fan, interaction(fan, "Announce", status, 9), status)
    assert (await take(server, peer, fan, again)).outcome == "done"
    [answer] = await sent(server, peer)
    assert (answer["type"], answer["object"]["id"]) == ("Reject", again["id"])
    assert await server.ctx.db.value(COUNTS, status.id) == [0, 0, 0]
