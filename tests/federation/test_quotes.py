"""Quotes of a peer: every spelling, the proof of consent, requests for it and its end."""

from copy import copy
from dataclasses import dataclass, replace
from typing import Any

import orjson
import pytest

from fedserver import effects, entities
from fedserver.context import Context
from fedserver.effects import Consents, Create, NewStatus
from fedserver.uris import Uris
from fedserver.workers.quote_proofs import prove_some
from storage.accounts import ACCOUNT_BY_URI, AccountRow
from storage.query import Command, Query, Value
from storage.relations import INSERT_FOLLOW
from storage.statuses import STATUS_BY_ID, StatusRow
from tests.federation.conftest import Server, deliver
from tests.federation.fake_peer import FakePeer, Json, PeerActor
from tests.federation.processing import mentioning, take


@dataclass(frozen=True, slots=True)
class KeptQuote:
    """A quote, as the database has it."""

    quoting: str
    quoted_uri: str | None
    quoted: str | None
    state: str
    legacy: bool
    authorization_uri: str | None


QUOTES = Query(
    """
    SELECT s.uri AS quoting, q.quoted_uri, t.uri AS quoted, q.state, q.legacy, q.authorization_uri
    FROM quotes q JOIN statuses s ON s.id = q.status_id LEFT JOIN statuses t ON t.id = q.quoted_id
    ORDER BY s.id
    """,
    KeptQuote,
)
QUOTES_COUNT = Value("SELECT quotes_count FROM statuses WHERE uri = $1", int)
STATUS_ID = Value("SELECT id FROM statuses WHERE uri = $1", int)
EDITS = Value("SELECT count(*) FROM status_edits", int)
NOTIFICATIONS = Value("SELECT type FROM notifications ORDER BY id", str)
BLOCK = Command(
    """
    INSERT INTO blocks (id, account_id, target_id, uri, created_at) VALUES (1, $1, $2, 'x', now())
    """
)

PUBLIC_POLICY, FOLLOWERS_POLICY, NOBODY = 32, 64, 0


@pytest.fixture
def mallory(peer: FakePeer) -> PeerActor:
    return peer.actor("mallory")


@pytest.fixture
def victor(peer: FakePeer) -> PeerActor:
    return peer.actor("victor")


async def post(
    server: Server, *, policy: int = PUBLIC_POLICY, visibility: str = "public"
) -> StatusRow:
    """Let Alice post something."""
    ctx = server.ctx
    status_id = ctx.ids.new()
    uris = Uris(ctx.config.base_url)
    status = NewStatus(
        id=status_id,
        uri=uris.status("alice", status_id),
        url=uris.status_page("alice", status_id),
        visibility=visibility,
        content="<p>Original</p>",
        created_at=ctx.clock.now(),
        consents=Consents(None, policy),
    )
    await effects.perform(ctx, Create(actor=server.alice, uri=f"{status.uri}/x", status=status))
    row = await ctx.db.one(STATUS_BY_ID, status_id)
    assert row is not None
    return row


async def quotes(server: Server) -> list[KeptQuote]:
    return await server.ctx.db.fetch(QUOTES)


async def only(server: Server) -> KeptQuote:
    kept = await quotes(server)
    assert len(kept) == 1
    return kept[0]


async def shown(ctx: Context, uri: str, viewer: int | None = None) -> Any:
    status_id = await ctx.db.value(STATUS_ID, uri)
    assert status_id is not None
    return orjson.loads(orjson.dumps(await entities.status(ctx, status_id, viewer)))


def original(peer: FakePeer, author: PeerActor, number: int = 1, **changes: Any) -> Json:
    """Serve a Note of `author`, to be quoted."""
    note = author.note(number, **changes)
    peer.serve(f"/notes/{number}", note)
    return note


def stamp(peer: FakePeer, author: PeerActor, quoting: str, quoted: str, **changes: Any) -> str:
    """Serve the consent of `author`."""
    uri = f"{peer.base_url}/stamps/1"
    document = {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": uri,
        "type": "QuoteAuthorization",
        "attributedTo": author.uri,
        "interactingObject": quoting,
        "interactionTarget": quoted,
    }
    peer.serve("/stamps/1", document | changes)
    return uri


@pytest.mark.parametrize(
    "spelling",
    [
        {"quoteUrl": "URI"},
        {"quoteUri": "URI"},
        {"_misskey_quote": "URI"},
        {
            "tag": [
                {"type": "Link", "href": "URI", "rel": "https://misskey-hub.net/ns#_misskey_quote"}
            ]
        },
        {"tag": [{"type": "Link", "href": "URI", "mediaType": "application/activity+json"}]},
        {"quote": "URI"},
    ],
)
async def test_every_spelling_of_a_quote_is_read_and_needs_consent(
    server: Server, peer: FakePeer, mallory: PeerActor, victor: PeerActor, spelling: Json
) -> None:
    quoted = original(peer, victor)["id"]
    said = orjson.loads(orjson.dumps(spelling).replace(b"URI", quoted.encode()))
    mention = {"type": "Mention", "href": server.alice.uri, "name": "@alice"}
    said["tag"] = [mention, *said.get("tag", [])]
    create = mentioning(mallory, server.alice.uri, 2, **said)
    assert (await take(server, peer, mallory, create)).outcome == "done"
    kept = await only(server)
    legacy = "quote" not in spelling
    assert (kept.quoted, kept.state, kept.legacy) == (quoted, "pending", legacy)
    quote = (await shown(server.ctx, kept.quoting))["quote"]
    assert quote == (None if legacy else {"state": "pending", "quoted_status": None})
    assert await server.ctx.db.value(QUOTES_COUNT, quoted) == 0


async def test_a_proved_consent_shows_the_quoted_status(
    server: Server, peer: FakePeer, mallory: PeerActor, victor: PeerActor
) -> None:
    quoted = original(peer, victor)["id"]
    authorization = stamp(peer, victor, f"{peer.base_url}/notes/2", quoted)
    create = mentioning(
        mallory, server.alice.uri, 2, quote=quoted, quoteAuthorization=authorization
    )
    assert (await take(server, peer, mallory, create)).outcome == "done"
    kept = await only(server)
    assert (kept.state, kept.authorization_uri) == ("accepted", authorization)
    status = await shown(server.ctx, kept.quoting)
    assert status["quote"]["state"] == "accepted"
    assert status["quote"]["quoted_status"]["uri"] == quoted
    assert status["quote"]["quoted_status"]["quote"] is None
    assert await server.ctx.db.value(QUOTES_COUNT, quoted) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"interactingObject": "https://elsewhere.example/notes/9"},
        {"interactionTarget": "https://elsewhere.example/notes/9"},
        {"attributedTo": "https://elsewhere.example/users/victor"},
        {"type": "LikeAuthorization"},
        {"id": "https://elsewhere.example/stamps/1"},
    ],
)
async def test_a_consent_to_something_else_is_none(
    server: Server, peer: FakePeer, mallory: PeerActor, victor: PeerActor, changes: Json
) -> None:
    quoted = original(peer, victor)["id"]
    authorization = stamp(peer, victor, f"{peer.base_url}/notes/2", quoted, **changes)
    create = mentioning(
        mallory, server.alice.uri, 2, quote=quoted, quoteAuthorization=authorization
    )
    assert (await take(server, peer, mallory, create)).outcome == "done"
    kept = await only(server)
    assert (kept.state, kept.authorization_uri) == ("rejected", None)
    quote = (await shown(server.ctx, kept.quoting))["quote"]
    assert quote == {"state": "rejected", "quoted_status": None}


async def test_an_author_needs_no_consent_to_quote_themselves(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    quoted = original(peer, mallory)["id"]
    await take(server, peer, mallory, mentioning(mallory, server.alice.uri, 2, quote=quoted))
    assert (await only(server)).state == "accepted"


async def test_consent_taken_back_hides_the_quote_for_good(
    server: Server, peer: FakePeer, mallory: PeerActor, victor: PeerActor
) -> None:
    quoted = original(peer, victor)["id"]
    authorization = stamp(peer, victor, f"{peer.base_url}/notes/2", quoted)
    create = mentioning(
        mallory, server.alice.uri, 2, quote=quoted, quoteAuthorization=authorization
    )
    await take(server, peer, mallory, create)
    foreign = mallory.activity("Delete", 10, object=authorization)
    assert (await take(server, peer, mallory, foreign)).outcome == "ignored"
    assert (await only(server)).state == "accepted"
    revocation = victor.activity("Delete", 11, object=authorization)
    assert (await take(server, peer, victor, revocation)).outcome == "done"
    assert (await only(server)).state == "revoked"
    assert await server.ctx.db.value(QUOTES_COUNT, quoted) == 0
    note = create["object"] | {"updated": "2026-11-02T12:00:00Z"}
    again = mallory.activity("Update", 12, object=note)
    await take(server, peer, mallory, again)
    assert (await only(server)).state != "accepted"


async def test_an_update_brings_the_consent_later(
    server: Server, peer: FakePeer, mallory: PeerActor, victor: PeerActor
) -> None:
    quoted = original(peer, victor)["id"]
    create = mentioning(mallory, server.alice.uri, 2, quote=quoted)
    await take(server, peer, mallory, create)
    authorization = stamp(peer, victor, f"{peer.base_url}/notes/2", quoted)
    note = create["object"] | {"quoteAuthorization": authorization}
    update = mallory.activity("Update", 12, object=note)
    assert (await take(server, peer, mallory, update)).outcome == "done"
    assert (await only(server)).state == "accepted"
    assert await server.ctx.db.value(QUOTES_COUNT, quoted) == 1


async def test_a_consent_that_comes_after_an_edit_is_no_edit(
    server: Server, peer: FakePeer, mallory: PeerActor, victor: PeerActor
) -> None:
    quoted = original(peer, victor)["id"]
    create = mentioning(mallory, server.alice.uri, 2, quote=quoted)
    await take(server, peer, mallory, create)
    note = create["object"] | {"updated": "2026-11-02T12:00:00Z", "content": "<p>Changed</p>"}
    edit = mallory.activity("Update", 12, object=note)
    assert (await take(server, peer, mallory, edit)).outcome == "done"
    assert await server.ctx.db.value(EDITS) == 1
    authorization = stamp(peer, victor, note["id"], quoted)
    told = mallory.activity("Update", 13, object=note | {"quoteAuthorization": authorization})
    assert (await take(server, peer, mallory, told)).outcome == "done"
    assert (await only(server)).state == "accepted"
    assert await server.ctx.db.value(EDITS) == 1
    again = mallory.activity("Update", 14, object=note | {"content": "<p>Once more</p>"})
    assert (await take(server, peer, mallory, again)).outcome == "done"
    assert await server.ctx.db.value(EDITS) == 2


async def test_what_is_quoted_may_come_later(
    server: Server, peer: FakePeer, mallory: PeerActor, victor: PeerActor
) -> None:
    missing = f"{peer.base_url}/notes/1"
    own = f"{peer.base_url}/notes/5"
    await take(server, peer, mallory, mentioning(mallory, server.alice.uri, 2, quote=missing))
    await take(server, peer, mallory, mentioning(mallory, server.alice.uri, 3, quote=own))
    assert [one.quoted for one in await quotes(server)] == [None, None]
    await take(server, peer, victor, mentioning(victor, server.alice.uri, 1))
    await take(server, peer, mallory, mentioning(mallory, server.alice.uri, 5))
    kept = {one.quoted: one.state for one in await quotes(server)}
    assert kept == {missing: "pending", own: "accepted"}
    assert await server.ctx.db.value(QUOTES_COUNT, own) == 1


async def test_a_consent_that_could_not_be_read_is_asked_for_again(
    server: Server, peer: FakePeer, mallory: PeerActor, victor: PeerActor
) -> None:
    quoted = original(peer, victor)["id"]
    authorization = f"{peer.base_url}/stamps/1"
    peer.serve("/stamps/1", b"", status=503)
    create = mentioning(
        mallory, server.alice.uri, 2, quote=quoted, quoteAuthorization=authorization
    )
    await take(server, peer, mallory, create)
    assert (await only(server)).state == "pending"
    stamp(peer, victor, f"{peer.base_url}/notes/2", quoted)
    asked = peer.times_asked("/stamps/1")
    assert await prove_some(forgetful(server.ctx)) == 1
    assert peer.times_asked("/stamps/1") == asked + 1
    assert ((await only(server)).state, await prove_some(server.ctx)) == ("accepted", 0)
    assert await server.ctx.db.value(QUOTES_COUNT, quoted) == 1


def forgetful(ctx: Context) -> Context:
    """Give a context that does not remember what failed in the last minute."""
    return replace(ctx, out=copy(ctx.out))


async def test_a_chain_of_quotes_is_not_followed_to_its_end(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    for number in range(1, 20):
        original(peer, mallory, number, quote=f"{peer.base_url}/notes/{number + 1}")
    create = mentioning(mallory, server.alice.uri, 0, quote=f"{peer.base_url}/notes/1")
    assert (await take(server, peer, mallory, create)).outcome == "done"
    assert peer.times_asked("/notes/2") == 1
    assert peer.times_asked("/notes/3") == 0


async def test_a_hidden_status_is_not_shown_by_its_quote(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    """One rule decides who sees a status, also where it is quoted."""
    private = await post(server, visibility="private")
    await server.ctx.db.execute(
        Command(
            """
            INSERT INTO quotes (status_id, account_id, quoted_uri, quoted_id, quoted_account_id,
                state, created_at)
            SELECT id, account_id, $2, $1, $3, 'accepted', now() FROM statuses WHERE id = $4
            """
        ),
        private.id,
        private.uri,
        server.alice.id,
        (await post(server)).id,
    )
    quoting = (await only(server)).quoting
    assert (await shown(server.ctx, quoting))["quote"] == {
        "state": "unauthorized",
        "quoted_status": None,
    }
    mine = await shown(server.ctx, quoting, server.alice.id)
    assert mine["quote"]["quoted_status"]["id"] == str(private.id)


def request(server: Server, actor: PeerActor, status: StatusRow, note: Json) -> Json:
    """Ask Alice for consent."""
    return actor.activity("QuoteRequest", 20, object=status.uri, instrument=note)


async def ask(
    server: Server, peer: FakePeer, mallory: PeerActor, status: StatusRow
) -> tuple[str | None, Json]:
    """Ask Alice for consent; give the outcome and her answer."""
    note = mallory.note(2, quote=status.uri)
    item = await take(server, peer, mallory, request(server, mallory, status, note))
    await deliver(server)
    answers = [one.document for one in peer.received]
    return item.outcome, answers[-1]


async def test_a_request_is_granted_by_the_policy_and_the_consent_served(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    status = await post(server)
    outcome, answer = await ask(server, peer, mallory, status)
    assert outcome == "done"
    assert answer["type"] == "Accept"
    assert answer["object"]["type"] == "QuoteRequest"
    assert answer["object"]["id"] == f"{peer.base_url}/activities/20"
    assert answer["object"]["instrument"] == f"{peer.base_url}/notes/2"
    served = orjson.loads((await peer.get(answer["result"])).text)
    assert {key: served[key] for key in served if key != "@context"} == {
        "id": answer["result"],
        "type": "QuoteAuthorization",
        "attributedTo": server.alice.uri,
        "interactingObject": f"{peer.base_url}/notes/2",
        "interactionTarget": status.uri,
    }
    assert (await only(server)).state == "accepted"
    assert await server.ctx.db.value(QUOTES_COUNT, status.uri) == 1
    assert await server.ctx.db.values(NOTIFICATIONS) == ["quote"]


async def test_a_request_asked_again_is_answered_again_and_counted_once(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    status = await post(server)
    _, first = await ask(server, peer, mallory, status)
    note = mallory.note(2, quote=status.uri)
    again = mallory.activity("QuoteRequest", 21, object=status.uri, instrument=note["id"])
    assert (await take(server, peer, mallory, again)).outcome == "done"
    await deliver(server)
    second = peer.received[-1].document
    assert second["result"] == first["result"]
    assert second["object"]["id"] == again["id"]
    assert await server.ctx.db.value(QUOTES_COUNT, status.uri) == 1
    assert await server.ctx.db.values(NOTIFICATIONS) == ["quote"]


@pytest.mark.parametrize("policy", [NOBODY, FOLLOWERS_POLICY])
async def test_a_request_beyond_the_policy_is_rejected_and_its_quote_not_read(
    server: Server, peer: FakePeer, mallory: PeerActor, policy: int
) -> None:
    status = await post(server, policy=policy)
    outcome, answer = await ask(server, peer, mallory, status)
    assert (outcome, answer["type"], "result" in answer) == ("done", "Reject", False)
    assert await quotes(server) == []
    assert await server.ctx.db.values(NOTIFICATIONS) == []


async def known(server: Server, peer: FakePeer, actor: PeerActor) -> AccountRow:
    await take(server, peer, actor, mentioning(actor, server.alice.uri, 90))
    row = await server.ctx.db.one(ACCOUNT_BY_URI, actor.uri)
    assert row is not None
    return row


async def test_followers_may_quote_where_the_policy_says_so(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    follower, ctx = await known(server, peer, mallory), server.ctx
    now = ctx.clock.now()
    await ctx.db.execute(
        INSERT_FOLLOW, 1, follower.id, server.alice.id, "x", now, True, False, None, now
    )
    outcome, answer = await ask(server, peer, mallory, await post(server, policy=FOLLOWERS_POLICY))
    assert (outcome, answer["type"]) == ("done", "Accept")


async def test_who_is_blocked_may_not_even_ask(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    blocked = await known(server, peer, mallory)
    await server.ctx.db.execute(BLOCK, server.alice.id, blocked.id)
    status = await post(server)
    note = mallory.note(2, quote=status.uri)
    item = await take(server, peer, mallory, request(server, mallory, status, note))
    assert item.outcome == "ignored"
    assert [one.state for one in await quotes(server)] in ([], ["pending"])


async def test_nobody_asks_for_the_quote_of_another_nor_for_what_is_no_quote(
    server: Server, peer: FakePeer, mallory: PeerActor, victor: PeerActor
) -> None:
    status = await post(server)
    peer.serve("/notes/2", victor.note(2, quote=status.uri))
    foreign = mallory.activity(
        "QuoteRequest", 30, object=status.uri, instrument=f"{peer.base_url}/notes/2"
    )
    assert (await take(server, peer, mallory, foreign)).outcome == "refused"
    plain = request(server, mallory, status, mallory.note(3)) | {
        "id": f"{peer.base_url}/activities/31"
    }
    assert (await take(server, peer, mallory, plain)).outcome == "refused"
    elsewhere = mallory.activity(
        "QuoteRequest", 32, object=status.uri, instrument="https://elsewhere.example/1"
    )
    assert (await take(server, peer, mallory, elsewhere)).outcome == "refused"
    assert [one.state for one in await quotes(server)] == []
    assert await server.ctx.db.value(QUOTES_COUNT, status.uri) == 0


async def test_a_peer_cannot_say_that_one_of_ours_consents(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    status = await post(server, policy=NOBODY)
    authorization = f"{server.base_url}/users/alice/quote_authorizations/1"
    create = mentioning(
        mallory, server.alice.uri, 2, quote=status.uri, quoteAuthorization=authorization
    )
    assert (await take(server, peer, mallory, create)).outcome == "done"
    kept = await only(server)
    assert (kept.state, kept.authorization_uri) == ("pending", None)
