"""What peers' people do to posts of other peers whose authors want to be asked: shown only with a
proof of leave from the author's own server."""

from copy import copy
from dataclasses import replace
from typing import Any

import pytest

from fedserver.workers.leave_proofs import prove_claims
from storage.query import Value
from storage.relations import INSERT_FOLLOW
from storage.statuses import STATUS_BY_URI, StatusRow
from tests.federation.conftest import Server
from tests.federation.fake_peer import PUBLIC, FakePeer, Json, PeerActor
from tests.federation.processing import mentioning, take
from tests.federation.test_interaction_policies import guarded, row_of
from tests.federation.test_our_policies import APPROVALS, COUNTS, KINDS, interaction, interaction_id

WITHHELD = Value("SELECT withheld FROM statuses WHERE uri = $1", bool)
POLICIES = {"Like": "Like", "Create": "Reply", "Announce": "Announce"}


@pytest.fixture
def gus(peer: FakePeer) -> PeerActor:
    """Whose posts are guarded."""
    return peer.actor("gus")


@pytest.fixture
async def fan(server: Server, peer: FakePeer) -> PeerActor:
    """Whom Alice follows."""
    actor = peer.actor("fan")
    await take(server, peer, actor, mentioning(actor, server.alice.uri, 98))
    row, now = await row_of(server, actor), server.ctx.clock.now()
    await server.ctx.db.execute(
        INSERT_FOLLOW, 2, server.alice.id, row.id, "y", now, True, False, None, now
    )
    return actor


async def shown(server: Server, status: StatusRow) -> int:
    """Count what is seen of the post."""
    return sum(await server.ctx.db.value(COUNTS, status.id) or [])


def proof(
    peer: FakePeer,
    author: PeerActor,
    kind: str,
    done: Json,
    path: str = "/authorizations/1",
    **changes: Any,
) -> str:
    """Serve the leave of `author`."""
    uri = f"{peer.base_url}{path}"
    document = {
        "@context": ["https://gotosocial.org/ns", "https://www.w3.org/ns/activitystreams"],
        "id": uri,
        "type": f"{POLICIES[kind]}Authorization",
        "attributedTo": author.uri,
        "interactingObject": interaction_id(done),
        "interactionTarget": f"{peer.base_url}/notes/1",
    }
    peer.serve(path, document | changes)
    return uri


def naming(kind: str, done: Json, authorization: str) -> Json:
    """Give what was done, with the leave that it has."""
    if kind == "Create":
        return done | {"object": done["object"] | {"replyAuthorization": authorization}}
    return done | {f"{kind.lower()}Authorization": authorization}


@pytest.mark.parametrize("kind", list(KINDS))
async def test_with_a_proof_it_is_shown(
    server: Server, peer: FakePeer, gus: PeerActor, fan: PeerActor, kind: str
) -> None:
    status = await guarded(server, peer, gus, POLICIES[kind], manualApproval=[PUBLIC])
    done = interaction(fan, kind, status)
    item = await take(server, peer, fan, naming(kind, done, proof(peer, gus, kind, done)))
    assert (item.outcome, item.reason) == ("done", None)
    assert await shown(server, status) == 1
    taken_back = gus.activity("Delete", 60, object=f"{peer.base_url}/authorizations/1")
    foreign = fan.activity("Delete", 61, object=f"{peer.base_url}/authorizations/1")
    assert (await take(server, peer, fan, foreign)).outcome == "ignored"
    assert await shown(server, status) == 1
    assert (await take(server, peer, gus, taken_back)).outcome == "done"
    assert await shown(server, status) == 0


async def test_leave_for_something_else_is_none(
    server: Server, peer: FakePeer, gus: PeerActor, fan: PeerActor
) -> None:
    status = await guarded(server, peer, gus, "Reply", manualApproval=[PUBLIC])
    wrong: list[Json] = [
        {"interactingObject": "https://elsewhere.example/notes/9"},
        {"interactionTarget": "https://elsewhere.example/notes/9"},
        {"attributedTo": "https://elsewhere.example/users/gus"},
        {"type": "QuoteAuthorization"},
        {"id": "https://elsewhere.example/authorizations/1"},
    ]
    for number, changes in enumerate(wrong, 10):
        done = interaction(fan, "Create", status, number)
        authorization = proof(peer, gus, "Create", done, path=f"/wrong/{number}", **changes)
        await take(server, peer, fan, naming("Create", done, authorization))
        assert await server.ctx.db.value(WITHHELD, interaction_id(done)), changes
        assert peer.times_asked(f"/wrong/{number}") == 1
    assert await shown(server, status) == 0


async def test_leave_from_another_host_is_not_even_asked_for(
    server: Server, peer: FakePeer, gus: PeerActor, fan: PeerActor
) -> None:
    status = await guarded(server, peer, gus, "Reply", manualApproval=[PUBLIC])
    done = interaction(fan, "Create", status)
    ours = f"{server.base_url}/users/alice/authorizations/1"
    for number, forged in enumerate(("https://elsewhere.example/1", ours)):
        activity = naming("Create", done, forged) | {
            "id": f"{peer.base_url}/activities/{number + 70}"
        }
        await take(server, peer, fan, activity)
    assert await server.ctx.db.value(WITHHELD, interaction_id(done))


async def test_leave_that_cannot_be_read_yet_is_asked_for_again(
    server: Server, peer: FakePeer, gus: PeerActor, fan: PeerActor
) -> None:
    kind = "Announce"
    status = await guarded(server, peer, gus, POLICIES[kind], manualApproval=[PUBLIC])
    done = interaction(fan, kind, status)
    peer.serve("/authorizations/1", {}, status=503)
    await take(server, peer, fan, naming(kind, done, f"{peer.base_url}/authorizations/1"))
    assert await shown(server, status) == 0
    proof(peer, gus, kind, done)
    fresh = replace(server.ctx, out=copy(server.ctx.out))  # has not heard of the failure
    assert await prove_claims(fresh) == 1
    assert await prove_claims(fresh) == 0
    assert await shown(server, status) == 1


@pytest.mark.parametrize(
    ("kind", "form"), [("Create", "polite"), ("Announce", "by id"), ("Like", "first servers")]
)
async def test_the_authors_own_word_shows_what_waits(
    server: Server, peer: FakePeer, gus: PeerActor, fan: PeerActor, kind: str, form: str
) -> None:
    status = await guarded(server, peer, gus, POLICIES[kind], manualApproval=[PUBLIC])
    done = interaction(fan, kind, status)
    assert (await take(server, peer, fan, done)).outcome == "done"
    assert await shown(server, status) == 0
    asked: Any = interaction_id(done)
    if form == "polite":
        asked = {
            "id": f"{peer.base_url}/requests/1",
            "type": f"{POLICIES[kind]}Request",
            "actor": fan.uri,
            "object": status.uri,
            "instrument": interaction_id(done),
        }
    result = {} if form == "first servers" else {"result": f"{peer.base_url}/authorizations/1"}
    answer = gus.activity("Accept", 50, object=asked, target=status.uri, to=[fan.uri], **result)
    mallory = peer.actor("mallory")
    forged = answer | {"actor": mallory.uri, "id": f"{peer.base_url}/activities/51"}
    await take(server, peer, mallory, forged)
    assert await shown(server, status) == 0
    assert (await take(server, peer, gus, answer)).outcome == "done"
    assert await shown(server, status) == 1


async def test_a_reply_that_comes_again_with_leave_is_shown(
    server: Server, peer: FakePeer, gus: PeerActor, fan: PeerActor
) -> None:
    status = await guarded(server, peer, gus, "Reply", manualApproval=[PUBLIC])
    done = interaction(fan, "Create", status)
    await take(server, peer, fan, done)
    named = naming("Create", done, proof(peer, gus, "Create", done))
    again = await take(server, peer, fan, named | {"id": f"{peer.base_url}/activities/71"})
    assert again.outcome == "done"
    assert await shown(server, status) == 1


async def test_an_update_may_bring_the_leave(
    server: Server, peer: FakePeer, gus: PeerActor, fan: PeerActor
) -> None:
    status = await guarded(server, peer, gus, "Reply", manualApproval=[PUBLIC])
    done = interaction(fan, "Create", status)
    await take(server, peer, fan, done)
    named = naming("Create", done, proof(peer, gus, "Create", done))["object"]
    update = fan.activity("Update", 72, object=named, to=[PUBLIC])
    assert (await take(server, peer, fan, update)).outcome == "done"
    assert await shown(server, status) == 1


async def test_what_the_author_rejects_is_not_shown(
    server: Server, peer: FakePeer, gus: PeerActor, fan: PeerActor
) -> None:
    kind = "Create"
    status = await guarded(server, peer, gus, POLICIES[kind], manualApproval=[PUBLIC])
    done = interaction(fan, kind, status)
    await take(server, peer, fan, done)
    reject = gus.activity("Reject", 50, object=interaction_id(done), to=[fan.uri])
    assert (await take(server, peer, gus, reject)).outcome == "done"
    accept = gus.activity("Accept", 51, object=interaction_id(done), to=[fan.uri])
    await take(server, peer, gus, accept)
    assert await shown(server, status) == 0
    [approval] = await server.ctx.db.fetch(APPROVALS)
    assert approval.state == "rejected"


@pytest.mark.parametrize("kind", ["Create", "Announce"])
async def test_what_its_policy_forbids_is_refused(
    server: Server, peer: FakePeer, gus: PeerActor, fan: PeerActor, kind: str
) -> None:
    status = await guarded(server, peer, gus, POLICIES[kind], automaticApproval=gus.uri)
    done = interaction(fan, kind, status)
    item = await take(server, peer, fan, done)
    assert (item.outcome, item.reason) == ("refused", "its author does not allow it")
    assert await server.ctx.db.one(STATUS_BY_URI, interaction_id(done)) is None
    assert await shown(server, status) == 0


async def test_answers_that_came_before_their_post_wait_with_it(
    server: Server, peer: FakePeer, gus: PeerActor, fan: PeerActor
) -> None:
    uri = f"{peer.base_url}/notes/1"
    early = fan.note(5, inReplyTo=uri)
    assert (await take(server, peer, fan, fan.create(5, object=early))).outcome == "done"
    assert await server.ctx.db.value(WITHHELD, early["id"]) is False
    status = await guarded(server, peer, gus, "Reply", names="alice", manualApproval=[PUBLIC])
    assert await server.ctx.db.value(WITHHELD, early["id"])
    accept = gus.activity("Accept", 50, object=early["id"], to=[fan.uri])
    assert (await take(server, peer, gus, accept)).outcome == "done"
    assert await shown(server, status) == 1
    assert await server.ctx.db.value(WITHHELD, early["id"]) is False
