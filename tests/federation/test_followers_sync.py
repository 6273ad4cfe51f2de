"""Followers compared with peers, both ways (FEP-8fcf)."""

import orjson
import pytest

from activitypub.followers import HEADER, Synchronization, digest_of, read_header, write_header
from activitypub.keys import multikey_encode
from activitypub.signatures import Dialect, sign_cavage, sign_rfc9421
from activitypub.signatures.coverage import covers
from fedserver.effects import Follow, UpdateActor, compare_followers, perform
from fedserver.services import followers, users
from fedserver.workers.comparing import compare_some
from storage.accounts import ACCOUNT_BY_ID, ACCOUNT_BY_URI, AccountRow
from storage.conditions import BEGIN_RESTORE, END_RESTORE
from storage.followers import ComparisonRow
from storage.hosts import REMEMBER_DIALECT
from storage.query import Command, Query, Value
from storage.relations import FOLLOW_BETWEEN
from tests.federation.conftest import PASSWORD, Server, deliver, send
from tests.federation.fake_peer import ACTIVITY_JSON, FakePeer, Json, PeerActor, Request
from tests.federation.processing import take
from tests.federation.test_proofs import Prover

COMPARISONS = Query("SELECT account_id, url, digest FROM followers_comparisons", ComparisonRow)
DUE_NOW = Command("UPDATE followers_comparisons SET due_at = '2020-01-01'")
ACCEPTED = Command("UPDATE follows SET accepted_at = '2020-01-01'")
COUNTED = Command("UPDATE accounts SET followers_count = $2 WHERE id = $1")
WAITING_COMPARISONS = Value("SELECT count(*) FROM followers_comparisons", int)


async def be_followed(server: Server, peer: FakePeer, *names: str) -> list[PeerActor]:
    """Let people at the peer follow Alice, and forget what was sent about it."""
    fans = [peer.actor(name) for name in names]
    for number, fan in enumerate(fans):
        follow = fan.activity("Follow", 100 + number, object=server.alice.uri)
        assert (await take(server, peer, fan, follow)).outcome == "done"
    await deliver(server)
    peer.received.clear()
    return fans


async def post_to_followers(server: Server, peer: FakePeer, **addressed: object) -> Request:
    """Deliver an activity of Alice's, and give it as it arrived."""
    ctx, alice = server.ctx, server.alice
    [uri] = await send(server, f"{peer.base_url}/inbox")
    document = orjson.dumps({"id": uri, "type": "Create", "actor": alice.uri, **addressed})
    change = Command("UPDATE outbox_activities SET document = $2 WHERE uri = $1")
    await ctx.db.execute(change, uri, document)
    await deliver(server)
    return peer.received[-1]


def to_followers(server: Server) -> dict[str, object]:
    return {"to": [f"{server.alice.uri}/followers"]}


class TestSent:
    async def test_the_digest_goes_with_what_is_for_followers(
        self, server: Server, peer: FakePeer
    ) -> None:
        fans = await be_followed(server, peer, "fan", "friend")
        request = await post_to_followers(server, peer, **to_followers(server))
        said = read_header(request.headers[HEADER.lower()])
        assert said == Synchronization(
            collection_id=f"{server.alice.uri}/followers",
            url=f"{server.alice.uri}/followers_synchronization",
            digest=digest_of(fan.uri for fan in fans),
        )
        assert covers(request.signed(peer.base_url), HEADER)

    async def test_both_signatures_cover_it(self, server: Server, peer: FakePeer) -> None:
        await be_followed(server, peer, "fan")
        now = server.ctx.clock.now()
        await server.ctx.db.execute(REMEMBER_DIALECT, peer.host, "rfc9421", now)
        request = await post_to_followers(server, peer, **to_followers(server))
        assert request.dialect is Dialect.RFC9421
        assert covers(request.signed(peer.base_url), HEADER)

    async def test_what_is_for_others_says_nothing(self, server: Server, peer: FakePeer) -> None:
        [fan] = await be_followed(server, peer, "fan")
        direct = await post_to_followers(server, peer, to=[fan.uri])
        assert HEADER.lower() not in direct.headers
        # Naming the collection in the text addresses nobody.
        named = await post_to_followers(
            server, peer, to=[fan.uri], content=f"{server.alice.uri}/followers"
        )
        assert HEADER.lower() not in named.headers

    async def test_it_follows_the_changes(
        self, server: Server, peer: FakePeer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(followers, "_LOOK_EVERY_S", 0.0)
        [fan] = await be_followed(server, peer, "fan")
        await post_to_followers(server, peer, **to_followers(server))
        undo = fan.activity("Undo", 7, object=f"{peer.base_url}/activities/100")
        assert (await take(server, peer, fan, undo)).outcome == "done"
        request = await post_to_followers(server, peer, **to_followers(server))
        assert read_header(request.headers[HEADER.lower()]).digest == "0" * 64

    async def test_nothing_is_said_during_a_restore(self, server: Server, peer: FakePeer) -> None:
        await be_followed(server, peer, "fan")
        await server.ctx.db.execute(BEGIN_RESTORE, server.ctx.clock.now())
        request = await post_to_followers(server, peer, **to_followers(server))
        assert HEADER.lower() not in request.headers

    async def test_one_query_serves_a_batch(
        self, server: Server, peer: FakePeer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await be_followed(server, peer, "fan")
        looked: list[int] = []
        look = followers._look

        async def counted(ctx: object, account_id: int) -> object:
            looked.append(account_id)
            return await look(server.ctx, account_id)

        monkeypatch.setattr(followers, "_look", counted)
        document = orjson.dumps(to_followers(server))
        inbox = f"{peer.base_url}/inbox"
        for _ in range(20):
            header = await followers.header_for(server.ctx, server.alice.id, inbox, document)
            assert header
        assert looked == [server.alice.id]


class TestServed:
    async def test_a_peer_sees_its_own_people(self, server: Server, peer: FakePeer) -> None:
        fans = await be_followed(server, peer, "fan", "friend")
        bob_id = await users.create_user(server.ctx, "bob", "bob@mail.example", PASSWORD)
        bob = await server.ctx.db.one(ACCOUNT_BY_ID, bob_id)
        assert bob is not None
        await perform(server.ctx, Follow(actor=bob, uri="urn:x", target=server.alice))
        url = f"{server.alice.uri}/followers_synchronization"
        answer = await peer.get(url, actor=fans[0])
        assert answer.status == 200
        collection = orjson.loads(answer.text)
        assert collection["id"] == url
        assert collection["orderedItems"] == [fan.uri for fan in fans]

    async def test_nobody_unsigned_sees_it(self, server: Server, peer: FakePeer) -> None:
        await be_followed(server, peer, "fan")
        answer = await peer.get(f"{server.alice.uri}/followers_synchronization")
        assert answer.status == 401

    async def test_a_list_is_whole_or_not_there(
        self, server: Server, peer: FakePeer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fans = await be_followed(server, peer, "fan", "friend")
        monkeypatch.setattr("fedserver.federation.followers.MAX_LISTED", 1)
        url = f"{server.alice.uri}/followers_synchronization"
        assert (await peer.get(url, actor=fans[0])).status == 404

    async def test_it_is_not_answered_during_a_restore(
        self, server: Server, peer: FakePeer
    ) -> None:
        [fan] = await be_followed(server, peer, "fan")
        url = f"{server.alice.uri}/followers_synchronization"
        await server.ctx.db.execute(BEGIN_RESTORE, server.ctx.clock.now())
        assert (await peer.get(url, actor=fan)).status == 503
        await server.ctx.db.execute(END_RESTORE)
        assert (await peer.get(url, actor=fan)).status == 200


@pytest.fixture
async def author(server: Server, peer: FakePeer) -> AccountRow:
    """Give somebody at the peer with a followers collection."""
    actor = peer.actor("author")
    peer.serve("/users/author", actor.document(followers=f"{actor.uri}/followers"))
    hello = actor.activity("Follow", 1, object=server.alice.uri)
    await take(server, peer, actor, hello)
    row = await server.ctx.db.one(ACCOUNT_BY_URI, actor.uri)
    assert row is not None
    return row


async def person(server: Server, name: str) -> AccountRow:
    account_id = await users.create_user(server.ctx, name, f"{name}@mail.example", PASSWORD)
    row = await server.ctx.db.one(ACCOUNT_BY_ID, account_id)
    assert row is not None
    return row


async def follows(server: Server, who: AccountRow, whom: AccountRow) -> None:
    ctx = server.ctx
    uri = f"{server.base_url}/activities/{ctx.ids.new()}"
    await perform(ctx, Follow(actor=who, uri=uri, target=whom))


def listing(peer: FakePeer, *uris: str) -> str:
    """Serve the peer's list of our people, and give its digest."""
    peer.serve(
        "/users/author/followers_synchronization",
        {
            "@context": "https://www.w3.org/ns/activitystreams",
            "id": f"{peer.base_url}/users/author/followers_synchronization",
            "type": "OrderedCollection",
            "orderedItems": list(uris),
        },
    )
    return digest_of(uris)


async def arrive(
    server: Server,
    peer: FakePeer,
    digest: str,
    *,
    number: int = 50,
    dialect: Dialect = Dialect.CAVAGE,
    signed: bool = True,
    **changes: str,
) -> None:
    """Send a post of the author's with the header."""
    author = peer.actor("author")
    peer.serve("/users/author", author.document(followers=f"{author.uri}/followers"))
    said = {
        "collection_id": f"{author.uri}/followers",
        "url": f"{author.uri}/followers_synchronization",
        "digest": digest,
    } | changes
    header = {HEADER: write_header(Synchronization(**said))}
    body = orjson.dumps(author.create(number, to=[f"{author.uri}/followers"]))
    sign = sign_cavage if dialect is Dialect.CAVAGE else sign_rfc9421
    headers = sign(
        "POST",
        server.shared_inbox,
        key_id=author.key_id,
        private_key=author.key,
        now=server.ctx.clock.now(),
        body=body,
        more=header if signed else None,
    )
    sent = {"Content-Type": ACTIVITY_JSON} | header | headers
    answer = await peer.post_raw(server.shared_inbox, body, sent)
    assert answer.status == 202, answer


async def compared(server: Server) -> int:
    await server.ctx.db.execute(DUE_NOW)
    return await compare_some(server.ctx)


def sent_of(peer: FakePeer, kind: str) -> list[Json]:
    return [one.document for one in peer.received if one.document["type"] == kind]


class TestReceived:
    @pytest.mark.parametrize("dialect", list(Dialect))
    async def test_a_follow_that_the_peer_does_not_know_ends(
        self, server: Server, peer: FakePeer, author: AccountRow, dialect: Dialect
    ) -> None:
        bob = await person(server, "bob")
        await follows(server, server.alice, author)
        await follows(server, bob, author)
        await server.ctx.db.execute(ACCEPTED)
        await server.ctx.db.execute(COUNTED, author.id, 2)
        await arrive(server, peer, listing(peer, bob.uri), dialect=dialect)
        assert await compared(server) == 1
        assert await server.ctx.db.one(FOLLOW_BETWEEN, server.alice.id, author.id) is None
        assert await server.ctx.db.one(FOLLOW_BETWEEN, bob.id, author.id) is not None
        row = await server.ctx.db.one(ACCOUNT_BY_ID, author.id)
        assert row is not None
        assert row.followers_count == 1
        assert await server.ctx.db.value(WAITING_COMPARISONS) == 0

    async def test_what_only_the_peer_knows_is_undone_there(
        self, server: Server, peer: FakePeer, author: AccountRow
    ) -> None:
        nobody = f"{server.base_url}/users/nobody"
        await arrive(server, peer, listing(peer, server.alice.uri, nobody))
        await compared(server)
        await deliver(server)
        [undo] = sent_of(peer, "Undo")
        assert undo["actor"] == server.alice.uri
        undone = undo["object"]
        assert (undone["type"], undone["actor"], undone["object"]) == (
            "Follow",
            server.alice.uri,
            author.uri,
        )
        assert await server.ctx.db.one(FOLLOW_BETWEEN, server.alice.id, author.id) is None

    async def test_a_lost_accept_is_made_good(
        self, server: Server, peer: FakePeer, author: AccountRow
    ) -> None:
        await follows(server, server.alice, author)
        await arrive(server, peer, listing(peer, server.alice.uri))
        await compared(server)
        follow = await server.ctx.db.one(FOLLOW_BETWEEN, server.alice.id, author.id)
        assert follow is not None
        assert follow.accepted_at is not None
        await deliver(server)
        assert sent_of(peer, "Undo") == []

    async def test_equal_digests_ask_nothing(
        self, server: Server, peer: FakePeer, author: AccountRow
    ) -> None:
        await follows(server, server.alice, author)
        await server.ctx.db.execute(ACCEPTED)
        await arrive(server, peer, digest_of([server.alice.uri]))
        assert await server.ctx.db.fetch(COMPARISONS) == []

    @pytest.mark.parametrize(
        "changes",
        [
            {"collection_id": "https://elsewhere.example/followers"},
            {"url": "https://elsewhere.example/list"},
        ],
    )
    async def test_nobody_speaks_for_another(
        self, server: Server, peer: FakePeer, author: AccountRow, changes: dict[str, str]
    ) -> None:
        await arrive(server, peer, listing(peer, server.alice.uri), **changes)
        assert await server.ctx.db.fetch(COMPARISONS) == []

    async def test_who_forwards_speaks_for_nobody(self, server: Server, peer: FakePeer) -> None:
        """A proof makes the activity its author's; the header is still the sender's."""
        prover, carrier = Prover(peer, "author"), peer.actor("carrier")
        uri = prover.actor.uri
        prover.peer.serve(
            "/users/author",
            prover.actor.document(followers=f"{uri}/followers")
            | {
                "assertionMethod": [
                    {
                        "id": prover.key_id,
                        "type": "Multikey",
                        "controller": uri,
                        "publicKeyMultibase": multikey_encode(prover.key.public_key()),
                    }
                ]
            },
        )
        digest = listing(peer, server.alice.uri)
        said = Synchronization(f"{uri}/followers", f"{uri}/followers_synchronization", digest)
        body = orjson.dumps(prover.proven(prover.actor.create(60)))
        headers = sign_cavage(
            "POST",
            server.shared_inbox,
            key_id=carrier.key_id,
            private_key=carrier.key,
            now=server.ctx.clock.now(),
            body=body,
            more={HEADER: write_header(said)},
        )
        sent = {"Content-Type": ACTIVITY_JSON} | headers
        answer = await peer.post_raw(server.shared_inbox, body, sent)
        assert answer.status == 202, answer
        assert [item.actor_uri for item in await server.items()] == [uri]
        assert await server.ctx.db.fetch(COMPARISONS) == []

    @pytest.mark.parametrize("dialect", list(Dialect))
    async def test_a_header_that_is_not_signed_says_nothing(
        self, server: Server, peer: FakePeer, author: AccountRow, dialect: Dialect
    ) -> None:
        digest = listing(peer, server.alice.uri)
        await arrive(server, peer, digest, dialect=dialect, signed=False)
        assert await server.ctx.db.fetch(COMPARISONS) == []

    async def test_a_list_that_has_another_digest_is_not_believed(
        self, server: Server, peer: FakePeer, author: AccountRow
    ) -> None:
        await follows(server, server.alice, author)
        await server.ctx.db.execute(ACCEPTED)
        listing(peer)
        await arrive(server, peer, "ab" * 32)
        assert await compared(server) == 1
        assert await server.ctx.db.one(FOLLOW_BETWEEN, server.alice.id, author.id) is not None

    async def test_a_list_that_cannot_be_had_changes_nothing(
        self, server: Server, peer: FakePeer, author: AccountRow
    ) -> None:
        await follows(server, server.alice, author)
        await server.ctx.db.execute(ACCEPTED)
        await arrive(server, peer, "0" * 64)
        assert await compared(server) == 1
        assert await server.ctx.db.one(FOLLOW_BETWEEN, server.alice.id, author.id) is not None

    async def test_nothing_is_believed_during_a_restore(
        self, server: Server, peer: FakePeer, author: AccountRow
    ) -> None:
        ctx = server.ctx
        digest = listing(peer, server.alice.uri)
        await arrive(server, peer, digest)
        await ctx.db.execute(BEGIN_RESTORE, ctx.clock.now())
        [due] = await ctx.db.fetch(COMPARISONS)
        assert await compare_followers(ctx, due) is False
        await arrive(server, peer, digest_of(["x"]), number=51)
        assert await ctx.db.fetch(COMPARISONS) == []
        await deliver(server)
        assert sent_of(peer, "Undo") == []

    async def test_a_list_in_pages(
        self, server: Server, peer: FakePeer, author: AccountRow
    ) -> None:
        bob = await person(server, "bob")
        await follows(server, server.alice, author)
        await follows(server, bob, author)
        url = f"{author.uri}/followers_synchronization"
        head = {"id": url, "type": "OrderedCollection", "first": f"{url}?page=1"}
        peer.serve("/users/author/followers_synchronization", head)
        for number, uri in ((1, server.alice.uri), (2, bob.uri)):
            page = {"id": f"{url}?page={number}", "type": "OrderedCollectionPage"}
            more = {"next": f"{url}?page=2"} if number == 1 else {}
            path = f"/users/author/followers_synchronization?page={number}"
            peer.serve(path, page | {"orderedItems": [uri]} | more)
        await arrive(server, peer, digest_of([server.alice.uri, bob.uri]))
        await compared(server)
        for follower in (server.alice, bob):
            follow = await server.ctx.db.one(FOLLOW_BETWEEN, follower.id, author.id)
            assert follow is not None
            assert follow.accepted_at is not None


async def test_an_actor_update_reaches_followers_without_the_header(
    server: Server, peer: FakePeer
) -> None:
    """It is addressed to everybody; the header is for what is addressed to followers."""
    await be_followed(server, peer, "fan")
    uri = f"{server.base_url}/activities/{server.ctx.ids.new()}"
    await perform(server.ctx, UpdateActor(actor=server.alice, uri=uri))
    await deliver(server)
    assert HEADER.lower() not in peer.received[-1].headers
