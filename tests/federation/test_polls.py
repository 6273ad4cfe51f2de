"""Votes and totals of polls, ours and peers'."""

from datetime import datetime
from typing import Any

import pytest

from fedserver.effects import Vote, end_polls, perform, tell_totals
from fedserver.services import users
from storage.accounts import ACCOUNT_BY_ID, AccountRow
from storage.query import Command, Query, Value
from storage.reactions import POLL_OF_STATUS, PollRow
from storage.statuses import STATUS_BY_URI
from tests.federation.conftest import PASSWORD, Server, deliver
from tests.federation.fake_peer import PUBLIC, FakePeer, Json, PeerActor
from tests.federation.processing import mentioning, take

POLL = Query(
    f"""
    SELECT {", ".join(f"p.{name}" for name in PollRow.__dataclass_fields__)}
    FROM polls p JOIN statuses s ON s.id = p.status_id WHERE s.uri = $1
    """,
    PollRow,
)
POST = Command(
    """
    INSERT INTO statuses (id, uri, url, account_id, local, visibility, thread_id, content,
        object_type, created_at)
    VALUES ($1, $2, $2, $3, true, $4, $1, '<p>Which?</p>', 'Question', now())
    """
)
ASK = Command(
    """
    INSERT INTO polls (id, status_id, account_id, options, votes, voters_count, multiple,
        expires_at)
    VALUES ($1, $1, $2, '{Red,Green,Blue}', '{0,0,0}', 0, $3, now() + interval '1 hour')
    """
)
IT_IS_OVER = Command("UPDATE polls SET expires_at = now() - interval '1 second'")
TOTALS_ARE_DUE = Command("UPDATE polls SET totals_due_at = now() WHERE totals_due_at IS NOT NULL")
TOLD = Value(
    """
    SELECT a.username || ' ' || n.type FROM notifications n JOIN accounts a ON a.id = n.account_id
    WHERE n.type = 'poll' ORDER BY 1
    """,
    str,
)


@pytest.fixture
def mallory(peer: FakePeer) -> PeerActor:
    return peer.actor("mallory")


async def asked(server: Server, *, multiple: bool = False, visibility: str = "public") -> str:
    """Let Alice ask something, and give the URI of the Question."""
    number = server.ctx.ids.new()
    uri = f"{server.alice.uri}/statuses/{number}"
    await server.ctx.db.execute(POST, number, uri, server.alice.id, visibility)
    await server.ctx.db.execute(ASK, number, server.alice.id, multiple)
    return uri


async def poll(server: Server, uri: str) -> PollRow:
    row = await server.ctx.db.one(POLL, uri)
    assert row is not None
    return row


def ballot(actor: PeerActor, number: int, question: str, choice: str, **changes: Any) -> Json:
    """Give the Create of a vote, as Mastodon sends it."""
    note = {
        "id": f"{actor.base_url}/votes/{number}",
        "type": "Note",
        "name": choice,
        "attributedTo": actor.uri,
        "inReplyTo": question,
        "to": question.rpartition("/statuses/")[0],
    }
    return actor.activity("Create", number, object=note | changes, to=note["to"])


async def votes(
    server: Server, peer: FakePeer, actor: PeerActor, question: str, *choices: str, first: int = 1
) -> list[str | None]:
    return [
        (await take(server, peer, actor, ballot(actor, number, question, choice))).outcome
        for number, choice in enumerate(choices, first)
    ]


async def test_one_voice_each_in_a_poll_of_one_choice(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    uri, victor = await asked(server), peer.actor("victor")
    ends = await votes(server, peer, mallory, uri, "Green", "Green", "Blue", "Purple")
    assert ends == ["done", "duplicate", "duplicate", "ignored"]
    assert await votes(server, peer, victor, uri, "Green", first=20) == ["done"]
    found = await poll(server, uri)
    assert (found.votes, found.voters_count) == ([0, 2, 0], 2)


async def test_several_choices_of_one_voter(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    uri = await asked(server, multiple=True)
    ends = await votes(server, peer, mallory, uri, "Red", "Blue", "Red")
    assert ends == ["done", "done", "duplicate"]
    found = await poll(server, uri)
    assert (found.votes, found.voters_count) == ([1, 0, 1], 1)


async def test_nobody_votes_for_others_unseen_or_late(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    uri, victor = await asked(server), peer.actor("victor")
    stolen = ballot(mallory, 1, uri, "Red", attributedTo=victor.uri)
    assert (await take(server, peer, mallory, stolen)).outcome == "ignored"
    hidden = await asked(server, visibility="private")
    assert await votes(server, peer, mallory, hidden, "Red", first=2) == ["ignored"]
    await server.ctx.db.execute(IT_IS_OVER)
    assert await votes(server, peer, mallory, uri, "Red", first=3) == ["refused"]
    assert (await poll(server, uri)).votes == [0, 0, 0]
    assert (await poll(server, hidden)).votes == [0, 0, 0]


async def test_voters_are_told_the_totals_after_a_while(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    uri, victor = await asked(server), peer.actor("victor")
    await votes(server, peer, mallory, uri, "Green")
    await votes(server, peer, victor, uri, "Red", first=2)
    assert await tell_totals(server.ctx) == 0
    await server.ctx.db.execute(TOTALS_ARE_DUE)
    assert await tell_totals(server.ctx) == 1
    assert await tell_totals(server.ctx) == 0
    await deliver(server)
    (update,) = [request.document for request in peer.received]
    assert (update["type"], update["object"]["id"]) == ("Update", uri)
    assert totals(update["object"]) == [1, 1, 0]
    assert "updated" not in update["object"]


def totals(question: Json) -> list[int]:
    options = question.get("oneOf") or question["anyOf"]
    return [option["replies"]["totalItems"] for option in options]


async def person(server: Server, name: str) -> AccountRow:
    account_id = await users.create_user(server.ctx, name, f"{name}@mail.example", PASSWORD)
    row = await server.ctx.db.one(ACCOUNT_BY_ID, account_id)
    assert row is not None
    return row


async def vote_here(server: Server, voter: AccountRow, uri: str, choice: int) -> None:
    db = server.ctx.db
    status = await db.one(STATUS_BY_URI, uri)
    assert status is not None
    found, author = (
        await db.one(POLL_OF_STATUS, status.id),
        await db.one(ACCOUNT_BY_ID, status.account_id),
    )
    assert found is not None
    assert author is not None
    act = Vote(
        actor=voter,
        uri=f"{server.base_url}/activities/{server.ctx.ids.new()}",
        poll=found,
        status=status,
        author=author,
        choices=(choice,),
    )
    assert await perform(server.ctx, act)


async def test_the_end_is_told_once_to_the_author_and_to_who_voted(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    uri, bob = await asked(server), await person(server, "bob")
    await person(server, "carol")
    await vote_here(server, bob, uri, 2)
    await votes(server, peer, mallory, uri, "Green")
    assert await end_polls(server.ctx) == 0
    await server.ctx.db.execute(IT_IS_OVER)
    assert await end_polls(server.ctx) == 1
    assert await end_polls(server.ctx) == 0
    assert await server.ctx.db.values(TOLD) == ["alice poll", "bob poll"]
    await deliver(server)
    (update,) = [request.document for request in peer.received]
    assert totals(update["object"]) == [0, 1, 1]
    assert update["object"]["closed"] == update["object"]["endTime"]


def question(actor: PeerActor, number: int, counts: list[int], **changes: Any) -> Json:
    """Give a Question of a peer."""
    options = [
        {"type": "Note", "name": name, "replies": {"type": "Collection", "totalItems": count}}
        for name, count in zip(("Yes", "No"), counts, strict=True)
    ]
    note = actor.note(number, type="Question", oneOf=options, endTime="2099-01-01T00:00:00Z")
    return note | {"votersCount": sum(counts)} | changes


async def test_a_peers_poll_that_ended_is_read_again(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    create = mentioning(mallory, server.alice.uri, 1)
    create["object"] |= {**question(mallory, 1, [1, 1]), "tag": create["object"]["tag"]}
    await take(server, peer, mallory, create)
    uri = f"{peer.base_url}/notes/1"
    await vote_here(server, server.alice, uri, 0)
    assert (await poll(server, uri)).votes == [2, 1]
    ended = {"endTime": "2026-11-02T00:00:00Z", "closed": "2026-11-02T00:00:00Z"}
    peer.serve("/notes/1", question(mallory, 1, [7, 3], **ended))
    await server.ctx.db.execute(IT_IS_OVER)
    assert await end_polls(server.ctx) == 1
    assert await server.ctx.db.values(TOLD) == ["alice poll"]
    found = await poll(server, uri)
    assert (found.votes, found.voters_count) == ([7, 3], 10)
    assert found.closed_at == datetime.fromisoformat("2026-11-02T00:00:00+00:00")


async def test_an_update_refreshes_totals_and_other_options_start_anew(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    create = mentioning(mallory, server.alice.uri, 1)
    create["object"] |= {**question(mallory, 1, [1, 1]), "tag": create["object"]["tag"]}
    await take(server, peer, mallory, create)
    uri, victor = f"{peer.base_url}/notes/1", peer.actor("victor")
    update = mallory.activity("Update", 2, object=question(mallory, 1, [5, 6]), to=[PUBLIC])
    assert (await take(server, peer, mallory, update)).outcome == "done"
    assert (await poll(server, uri)).votes == [5, 6]
    forged = victor.activity("Update", 3, object=question(victor, 1, [0, 99]), to=[PUBLIC])
    assert (await take(server, peer, victor, forged)).outcome == "ignored"
    assert (await poll(server, uri)).votes == [5, 6]
    huge = question(mallory, 1, [10**12, -5])
    await take(server, peer, mallory, mallory.activity("Update", 4, object=huge, to=[PUBLIC]))
    assert (await poll(server, uri)).votes == [2**31 - 1, 0]
    other = question(mallory, 1, [0, 0], updated="2026-11-03T00:00:00Z")
    other["oneOf"][0]["name"] = "Maybe"
    await take(server, peer, mallory, mallory.activity("Update", 5, object=other, to=[PUBLIC]))
    found = await poll(server, uri)
    assert (found.options, found.votes) == (["Maybe", "No"], [0, 0])
