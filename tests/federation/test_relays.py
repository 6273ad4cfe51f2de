"""Relays of both styles: subscribing, their answers, what goes to them, what they bring."""

import pytest

from fedserver.effects import Create, DeleteStatus, NewStatus, perform
from fedserver.effects.relay import relays, subscribe, unsubscribe
from fedserver.errors import Invalid, NotFound
from fedserver.uris import Uris
from storage.accounts import ACCOUNT_BY_URI
from storage.query import Command, Value
from storage.relays import RelayRow
from storage.statuses import STATUS_BY_URI
from storage.timelines import PUBLIC as PUBLIC_TIMELINE
from tests.federation.conftest import ItemRow, Server, deliver
from tests.federation.fake_peer import PUBLIC, FakePeer, Json, PeerActor
from tests.federation.processing import process, take
from tests.federation.test_proofs import Prover

STATUSES = Value("SELECT uri FROM statuses ORDER BY uri", str)
FOLLOW = Command(
    """
    INSERT INTO follows (id, account_id, target_id, uri, accepted_at, created_at)
    VALUES ($1, $2, $3, $4, now(), now())
    """
)
HOMES = Value("SELECT count(*) FROM home_entries", int)


@pytest.fixture
def relay(peer: FakePeer) -> PeerActor:
    actor = peer.actor("relay")
    peer.serve(
        "/users/relay", actor.document(type="Application", followers=f"{actor.uri}/followers")
    )
    return actor


@pytest.fixture
def author(peer: FakePeer) -> PeerActor:
    """Somebody whose posts the relay passes on."""
    return peer.actor("author")


def inbox(peer: FakePeer) -> str:
    return f"{peer.base_url}/inbox"


def ourselves(server: Server) -> str:
    return Uris(server.base_url).instance_actor


async def asked(server: Server, peer: FakePeer, url: str) -> Json:
    """Subscribe, and give the Follow as it arrived."""
    await subscribe(server.ctx, url)
    await deliver(server)
    return peer.received.pop().document


async def answer(
    server: Server, peer: FakePeer, relay: PeerActor, follow: object, kind: str = "Accept"
) -> ItemRow:
    number = server.ctx.ids.new()
    return await take(server, peer, relay, relay.activity(kind, number, object=follow))


async def state(server: Server) -> list[str]:
    return [row.state for row in await relays(server.ctx)]


async def accepted(
    server: Server, peer: FakePeer, relay: PeerActor, *, litepub: bool = False
) -> RelayRow:
    follow = await asked(server, peer, relay.uri if litepub else inbox(peer))
    assert (await answer(server, peer, relay, follow)).outcome == "done"
    [row] = await relays(server.ctx)
    return row


class TestSubscribing:
    async def test_in_mastodons_style(
        self, server: Server, peer: FakePeer, relay: PeerActor
    ) -> None:
        follow = await asked(server, peer, inbox(peer))
        assert (follow["type"], follow["actor"]) == ("Follow", ourselves(server))
        assert follow["object"] == PUBLIC
        assert await state(server) == ["pending"]
        assert (await answer(server, peer, relay, follow)).outcome == "done"
        [row] = await relays(server.ctx)
        assert (row.state, row.actor_uri, row.style) == ("accepted", relay.uri, "mastodon")

    async def test_in_litepubs_style(
        self, server: Server, peer: FakePeer, relay: PeerActor
    ) -> None:
        follow = await asked(server, peer, relay.uri)
        assert (follow["object"], follow["to"]) == (relay.uri, [relay.uri])
        # Some answer with an id of their own.
        rewritten = follow | {"id": f"{peer.base_url}/follows/1"}
        assert (await answer(server, peer, relay, rewritten)).outcome == "done"
        [row] = await relays(server.ctx)
        assert (row.state, row.style) == ("accepted", "litepub")
        back = relay.activity("Follow", 9, object=ourselves(server))
        assert (await take(server, peer, relay, back)).outcome == "done"
        await deliver(server)
        assert peer.received[-1].document["type"] == "Accept"

    async def test_the_answer_may_be_the_id_alone(
        self, server: Server, peer: FakePeer, relay: PeerActor
    ) -> None:
        follow = await asked(server, peer, inbox(peer))
        assert (await answer(server, peer, relay, follow["id"])).outcome == "done"
        refused = await answer(server, peer, relay, follow["id"], "Reject")
        assert refused.outcome == "done"
        assert await state(server) == ["rejected"]

    async def test_nobody_else_answers(
        self, server: Server, peer: FakePeer, relay: PeerActor
    ) -> None:
        follow = await asked(server, peer, relay.uri)
        mallory = peer.actor("mallory")
        assert (await answer(server, peer, mallory, follow["id"])).outcome == "refused"
        assert await state(server) == ["pending"]

    async def test_leaving(self, server: Server, peer: FakePeer, relay: PeerActor) -> None:
        row = await accepted(server, peer, relay)
        await unsubscribe(server.ctx, inbox(peer))
        await deliver(server)
        undo = peer.received[-1].document
        assert undo["type"] == "Undo"
        assert (undo["object"]["id"], undo["object"]["object"]) == (row.follow_uri, PUBLIC)
        assert await relays(server.ctx) == []
        with pytest.raises(NotFound):
            await unsubscribe(server.ctx, inbox(peer))

    async def test_twice_or_nonsense(
        self, server: Server, peer: FakePeer, relay: PeerActor
    ) -> None:
        await subscribe(server.ctx, inbox(peer))
        with pytest.raises(Invalid, match="before"):
            await subscribe(server.ctx, inbox(peer))
        with pytest.raises(Invalid):
            await subscribe(server.ctx, "relay.example")
        with pytest.raises(Invalid):
            await subscribe(server.ctx, f"{server.base_url}/inbox")
        with pytest.raises(NotFound):
            await subscribe(server.ctx, f"{peer.base_url}/nobody")


async def post(server: Server, visibility: str) -> str:
    ctx, alice = server.ctx, server.alice
    number = ctx.ids.new()
    uris = Uris(server.base_url)
    status = NewStatus(
        id=number,
        uri=uris.status("alice", number),
        url=uris.status_page("alice", number),
        visibility=visibility,
        content="<p>Hello</p>",
        created_at=ctx.clock.now(),
    )
    uri = uris.status_activity("alice", number)
    await perform(ctx, Create(actor=alice, uri=uri, status=status))
    return status.uri


class TestSent:
    async def test_public_posts_go_to_mastodons_style_as_they_are(
        self, server: Server, peer: FakePeer, relay: PeerActor
    ) -> None:
        await accepted(server, peer, relay)
        uri = await post(server, "public")
        await deliver(server)
        [create] = [one.document for one in peer.received]
        assert (create["type"], create["object"]["id"]) == ("Create", uri)
        # Mastodon believes a relay only what bears one (FEP-ae0c).
        assert create["signature"]["type"] == "RsaSignature2017"

    async def test_and_to_litepubs_style_as_an_announce(
        self, server: Server, peer: FakePeer, relay: PeerActor
    ) -> None:
        await accepted(server, peer, relay, litepub=True)
        uri = await post(server, "public")
        await deliver(server)
        [announce] = [one.document for one in peer.received]
        assert (announce["type"], announce["actor"]) == ("Announce", ourselves(server))
        assert announce["object"] == uri
        assert announce["to"] == [f"{relay.uri}/followers"]
        assert "published" in announce

    @pytest.mark.parametrize("visibility", ["unlisted", "private", "direct"])
    @pytest.mark.parametrize("litepub", [False, True])
    async def test_nothing_else_does(
        self, server: Server, peer: FakePeer, relay: PeerActor, visibility: str, litepub: bool
    ) -> None:
        await accepted(server, peer, relay, litepub=litepub)
        await post(server, visibility)
        await deliver(server)
        assert peer.received == []

    async def test_only_relays_that_accepted_get_anything(
        self, server: Server, peer: FakePeer
    ) -> None:
        await asked(server, peer, inbox(peer))
        await post(server, "public")
        await deliver(server)
        assert peer.received == []

    async def test_they_hear_of_deletions(
        self, server: Server, peer: FakePeer, relay: PeerActor
    ) -> None:
        await accepted(server, peer, relay)
        uri = await post(server, "public")
        status = await server.ctx.db.one(STATUS_BY_URI, uri)
        assert status is not None
        act = DeleteStatus(
            actor=server.alice,
            uri=f"{server.base_url}/activities/{server.ctx.ids.new()}",
            status=status,
        )
        await perform(server.ctx, act)
        await deliver(server)
        assert [one.document["type"] for one in peer.received] == ["Create", "Delete"]


async def public_timeline(server: Server) -> list[int]:
    rows = await server.ctx.db.fetch(
        PUBLIC_TIMELINE.downward, 2**63 - 1, 0, 20, server.alice.id, False
    )
    return [row.id for row in rows]


async def pass_on(
    server: Server, peer: FakePeer, relay: PeerActor, activity: Json
) -> list[str | None]:
    """Send another's activity under the relay's signature, and give the new outcomes."""
    before = len(await server.items())
    sent = await peer.post(server.shared_inbox, activity, actor=relay)
    assert sent.status == 202, sent
    await process(server)
    return [item.outcome for item in (await server.items())[before:]]


class TestBrought:
    async def test_an_announce_brings_the_post_into_the_federated_timeline_only(
        self, server: Server, peer: FakePeer, relay: PeerActor, author: PeerActor
    ) -> None:
        await accepted(server, peer, relay, litepub=True)
        peer.serve("/notes/1", author.note(1))
        announce = relay.activity("Announce", 1, object=f"{peer.base_url}/notes/1")
        assert (await take(server, peer, relay, announce)).outcome == "done"
        status = await server.ctx.db.one(STATUS_BY_URI, f"{peer.base_url}/notes/1")
        assert status is not None
        assert await public_timeline(server) == [status.id]
        assert await server.ctx.db.values(STATUSES) == [status.uri], "no boost of it"
        assert await server.ctx.db.value(HOMES) == 0

    async def test_a_passed_on_create_is_read_at_its_origin(
        self, server: Server, peer: FakePeer, relay: PeerActor, author: PeerActor
    ) -> None:
        await accepted(server, peer, relay)
        peer.serve("/notes/1", author.note(1))
        forged = author.create(1, object=author.note(1, content="<p>Never written</p>"))
        assert await pass_on(server, peer, relay, forged) == ["done"]
        status = await server.ctx.db.one(STATUS_BY_URI, f"{peer.base_url}/notes/1")
        assert status is not None
        assert status.content == "<p>Note 1</p>"
        assert await pass_on(server, peer, relay, forged) == [], "the same news counts once"

    async def test_what_is_not_at_its_origin_is_nothing(
        self, server: Server, peer: FakePeer, relay: PeerActor, author: PeerActor
    ) -> None:
        await accepted(server, peer, relay)
        assert await pass_on(server, peer, relay, author.create(1)) == ["ignored"]
        assert await server.ctx.db.values(STATUSES) == []

    @pytest.mark.parametrize("litepub", [False, True])
    async def test_public_only(
        self, server: Server, peer: FakePeer, relay: PeerActor, author: PeerActor, litepub: bool
    ) -> None:
        await accepted(server, peer, relay, litepub=litepub)
        peer.serve("/notes/1", author.note(1, to=[f"{author.uri}/followers"], cc=[PUBLIC]))
        announce = relay.activity("Announce", 1, object=f"{peer.base_url}/notes/1")
        assert (await take(server, peer, relay, announce)).outcome == "refused"
        assert await server.ctx.db.values(STATUSES) == []

    async def test_what_comes_by_itself_is_left_to_come(
        self, server: Server, peer: FakePeer, relay: PeerActor, author: PeerActor
    ) -> None:
        """Else the Create would find it known, and no home timeline would have it."""
        await accepted(server, peer, relay)
        arrival = author.activity("Follow", 5, object=server.alice.uri)
        await take(server, peer, author, arrival)
        row = await server.ctx.db.one(ACCOUNT_BY_URI, author.uri)
        assert row is not None
        await server.ctx.db.execute(FOLLOW, 5, server.alice.id, row.id, "urn:follow")
        peer.serve("/notes/1", author.note(1))
        assert await pass_on(server, peer, relay, author.create(1)) == ["ignored"]
        direct = author.create(1) | {"id": f"{peer.base_url}/activities/6"}
        assert (await take(server, peer, author, direct)).outcome == "done"
        assert await server.ctx.db.value(HOMES) == 1
        stranger = peer.actor("stranger")
        peer.serve("/notes/2", stranger.note(2, cc=[server.alice.uri]))
        assert await pass_on(server, peer, relay, stranger.create(2)) == ["ignored"]

    async def test_nobody_else_passes_anything_on(
        self, server: Server, peer: FakePeer, relay: PeerActor, author: PeerActor
    ) -> None:
        follow = await asked(server, peer, inbox(peer))
        peer.serve("/notes/1", author.note(1))
        early = await peer.post(server.shared_inbox, author.create(1), actor=relay)
        assert early.status == 403, "it has not accepted us"
        assert (await answer(server, peer, relay, follow)).outcome == "done"
        mallory = peer.actor("mallory")
        other = await peer.post(server.shared_inbox, author.create(1), actor=mallory)
        assert other.status == 403
        await unsubscribe(server.ctx, inbox(peer))
        late = await peer.post(server.shared_inbox, author.create(1), actor=relay)
        assert late.status == 403

    async def test_a_passed_on_delete_counts_if_the_origin_says_so(
        self, server: Server, peer: FakePeer, relay: PeerActor, author: PeerActor
    ) -> None:
        await accepted(server, peer, relay)
        peer.serve("/notes/1", author.note(1))
        await pass_on(server, peer, relay, author.create(1))
        note = f"{peer.base_url}/notes/1"
        delete = author.activity("Delete", 2, object={"id": note, "type": "Tombstone"})
        assert await pass_on(server, peer, relay, delete) == ["ignored"]
        assert await server.ctx.db.values(STATUSES) == [note]
        peer.serve("/notes/1", {"id": note, "type": "Tombstone"}, status=410)
        again = delete | {"id": f"{peer.base_url}/activities/3"}
        assert await pass_on(server, peer, relay, again) == ["done"]
        assert await server.ctx.db.values(STATUSES) == []

    async def test_other_news_is_taken_and_forgotten(
        self, server: Server, peer: FakePeer, relay: PeerActor, author: PeerActor
    ) -> None:
        await accepted(server, peer, relay)
        move = author.activity("Move", 3, object=author.uri, target=relay.uri)
        assert await pass_on(server, peer, relay, move) == []

    async def test_a_passed_on_update_counts_by_its_proof(
        self, server: Server, peer: FakePeer, relay: PeerActor
    ) -> None:
        await accepted(server, peer, relay)
        prover = Prover(peer, "prover")
        peer.serve("/notes/1", prover.actor.note(1))
        create = prover.proven(prover.actor.create(1))
        assert await pass_on(server, peer, relay, create) == ["done"]
        edited = prover.actor.note(1, content="<p>Better</p>", updated="2026-11-02T12:00:00Z")
        update = prover.actor.activity("Update", 2, object=edited, to=[PUBLIC])
        assert await pass_on(server, peer, relay, update) == ["ignored"]
        proven = prover.proven(update | {"id": f"{peer.base_url}/activities/3"})
        assert await pass_on(server, peer, relay, proven) == ["done"]
        status = await server.ctx.db.one(STATUS_BY_URI, f"{peer.base_url}/notes/1")
        assert status is not None
        assert status.content == "<p>Better</p>"
