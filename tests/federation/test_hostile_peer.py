"""A peer that claims what is not its own, at the door and behind it: nothing here changes, and
nobody is asked who should not be."""

import gzip
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from activitypub.digests import digest_header
from activitypub.keys import public_key_to_pem
from activitypub.signatures import Dialect, sign_cavage, sign_rfc9421
from activitypub.signatures.cavage import signing_string
from activitypub.signatures.request import http_date, sign_bytes
from fedserver.effects import Create, Follow, NewStatus, perform
from storage.accounts import ACCOUNT_BY_URI, AccountRow
from tests.conftest import unused_port
from tests.federation.conftest import MAX_DOCUMENT_BYTES, Server, make_config, serve
from tests.federation.fake_peer import (
    ACTIVITY_JSON,
    PUBLIC,
    FakePeer,
    Json,
    PeerActor,
    rsa_key,
    start_peer,
)
from tests.federation.processing import mentioning, state, take


@dataclass(frozen=True, slots=True)
class Scene:
    """Mallory and her neighbour Victor live at one peer, Eve at another; all are known here, and
    Alice follows Mallory. Victor follows Alice, and Alice wants to follow Eve."""

    server: Server
    peer: FakePeer
    elsewhere: FakePeer
    mallory: PeerActor
    victor: PeerActor
    eve: PeerActor

    @property
    def alice(self) -> AccountRow:
        return self.server.alice

    @property
    def note_of_victor(self) -> str:
        return f"{self.peer.base_url}/notes/2"

    @property
    def follow_of_victor(self) -> str:
        return f"{self.peer.base_url}/activities/3"

    @property
    def note_of_alice(self) -> str:
        return f"{self.alice.uri}/statuses/1"

    @property
    def follow_of_alice(self) -> str:
        return f"{self.server.base_url}/activities/5"


@pytest.fixture
async def elsewhere() -> AsyncIterator[FakePeer]:
    async with start_peer(unused_port()) as started:
        yield started


@pytest.fixture
async def server(
    database_dsn: str, tmp_path: Path, peer: FakePeer, elsewhere: FakePeer
) -> AsyncIterator[Server]:
    async with serve(make_config(database_dsn, tmp_path / "here", peer, elsewhere)) as started:
        yield started


@pytest.fixture
async def scene(server: Server, peer: FakePeer, elsewhere: FakePeer) -> Scene:
    mallory, victor, eve = peer.actor("mallory"), peer.actor("victor"), elsewhere.actor("eve")
    alice = server.alice
    for actor, number in ((mallory, 1), (victor, 2), (eve, 1)):
        home = elsewhere if actor is eve else peer
        await take(server, home, actor, mentioning(actor, alice.uri, number))
    await take(server, peer, victor, victor.activity("Follow", 3, object=alice.uri))
    follow = await _ask(server, mallory, 4)
    await take(server, peer, mallory, mallory.activity("Accept", 4, object=follow))
    await _ask(server, eve, 5)
    await perform(server.ctx, _private_post(server))
    peer.asked.clear()
    elsewhere.asked.clear()
    return Scene(server, peer, elsewhere, mallory, victor, eve)


async def _ask(server: Server, whom: PeerActor, number: int) -> str:
    target = await server.ctx.db.one(ACCOUNT_BY_URI, whom.uri)
    assert target is not None
    follow = Follow(actor=server.alice, uri=f"{server.base_url}/activities/{number}", target=target)
    await perform(server.ctx, follow)
    return follow.uri


def _private_post(server: Server) -> Create:
    uri = f"{server.alice.uri}/statuses/1"
    status = NewStatus(
        id=1,
        uri=uri,
        url=uri,
        visibility="private",
        content="<p>For friends</p>",
        created_at=server.ctx.clock.now(),
    )
    return Create(actor=server.alice, uri=f"{uri}/activity", status=status)


# At the door.


@pytest.mark.parametrize("missing", ["(request-target)", "host", "date", "digest"])
async def test_a_signature_over_too_few_headers_is_refused(
    server: Server, peer: FakePeer, missing: str
) -> None:
    mallory, body = peer.actor(), orjson.dumps(peer.actor().create(1))
    values = {
        "(request-target)": "post /inbox",
        "host": server.ctx.config.instance.domain,
        "date": http_date(datetime.now(UTC)),
        "digest": digest_header(body),
    }
    covered = [name for name in values if name != missing]
    signature = sign_bytes(mallory.key, signing_string(covered, values))
    answer = await peer.post(
        server.shared_inbox,
        body,
        actor=mallory,
        headers={
            "Date": values["date"],
            "Digest": values["digest"],
            "Signature": _signature(mallory.key_id, covered, signature),
        },
    )
    assert answer.status == 401
    assert "cover" in answer.error
    assert peer.asked == []
    assert await server.items() == []


def _signature(key_id: str, covered: list[str], signature: bytes) -> str:
    from base64 import b64encode

    return (
        f'keyId="{key_id}",algorithm="rsa-sha256",headers="{" ".join(covered)}",'
        f'signature="{b64encode(signature).decode()}"'
    )


@pytest.mark.parametrize("sign", [sign_cavage, sign_rfc9421])
async def test_a_signature_that_leaves_out_the_body_is_refused(
    server: Server, peer: FakePeer, sign: Callable[..., dict[str, str]]
) -> None:
    mallory = peer.actor()
    headers = sign(
        "POST",
        server.shared_inbox,
        key_id=mallory.key_id,
        private_key=mallory.key,
        now=datetime.now(UTC),
    )
    body = orjson.dumps(mallory.create(1))
    answer = await peer.post_raw(
        server.shared_inbox, body, headers | {"Content-Type": ACTIVITY_JSON}
    )
    assert answer.status == 401
    assert peer.asked == []
    assert await server.items() == []


async def test_a_key_of_another_origin_speaks_for_nobody(scene: Scene) -> None:
    """Eve's server says that Eve's key is Mallory's."""
    key = {
        "id": f"{scene.eve.uri}#second",
        "owner": scene.mallory.uri,
        "publicKeyPem": public_key_to_pem(scene.eve.key.public_key()),
    }
    scene.elsewhere.serve("/users/eve", scene.eve.document(publicKey=key))
    before = await state(scene.server)
    answer = await scene.elsewhere.post(
        scene.server.shared_inbox,
        scene.mallory.create(50),
        actor=scene.eve,
        key_id=f"{scene.eve.uri}#second",
    )
    assert answer.status == 401
    assert await state(scene.server) == before


async def test_a_peer_cannot_serve_an_actor_of_ours(scene: Scene) -> None:
    impostor = PeerActor(scene.peer.base_url, "impostor", rsa_key("impostor"))
    key = {
        "id": impostor.key_id,
        "owner": scene.alice.uri,
        "publicKeyPem": public_key_to_pem(impostor.key.public_key()),
    }
    scene.peer.serve("/users/impostor", impostor.document(id=scene.alice.uri, publicKey=key))
    before = await state(scene.server)
    for activity in (impostor.create(50), impostor.create(51, actor=scene.alice.uri)):
        answer = await scene.peer.post(scene.server.shared_inbox, activity, actor=impostor)
        assert answer.status == 401
    assert await state(scene.server) == before


def _spoofed_id_here(scene: Scene) -> Json:
    return scene.mallory.create(50, id=f"{scene.server.base_url}/activities/99")


def _spoofed_id_elsewhere(scene: Scene) -> Json:
    return scene.mallory.create(50, id=f"{scene.elsewhere.base_url}/activities/99")


def _actor_elsewhere(scene: Scene) -> Json:
    return scene.mallory.create(50, actor=scene.eve.uri)


def _update_of_our_actor(scene: Scene) -> Json:
    return scene.mallory.activity("Update", 50, object=scene.mallory.document(id=scene.alice.uri))


def _update_of_a_neighbour(scene: Scene) -> Json:
    return scene.mallory.activity("Update", 50, object=scene.victor.document(name="Owned"))


def _update_of_an_actor_elsewhere(scene: Scene) -> Json:
    return scene.mallory.activity("Update", 50, object=scene.eve.document(name="Owned"))


def _update_of_our_status(scene: Scene) -> Json:
    return scene.mallory.activity(
        "Update", 50, object=scene.mallory.note(1, id=scene.note_of_alice)
    )


def _delete_of_our_actor(scene: Scene) -> Json:
    return scene.mallory.activity("Delete", 50, object=scene.alice.uri)


def _delete_of_our_status(scene: Scene) -> Json:
    tombstone = {"type": "Tombstone", "id": scene.note_of_alice}
    return scene.mallory.activity("Delete", 50, object=tombstone)


def _delete_of_two(scene: Scene) -> Json:
    mine = f"{scene.peer.base_url}/notes/1"
    return scene.mallory.activity("Delete", 50, object=[mine, scene.note_of_alice])


def _undo_of_what_a_neighbour_did(scene: Scene) -> Json:
    follow = scene.victor.activity("Follow", 3, object=scene.alice.uri)
    return scene.mallory.activity("Undo", 50, object=follow)


def _undo_of_what_alice_did(scene: Scene) -> Json:
    return scene.mallory.activity("Undo", 50, object=scene.follow_of_alice)


def _accept_for_another(scene: Scene) -> Json:
    follow = {
        "id": scene.follow_of_alice,
        "type": "Follow",
        "actor": scene.alice.uri,
        "object": scene.eve.uri,
    }
    return scene.mallory.activity("Accept", 50, object=follow)


def _move_of_another(scene: Scene) -> Json:
    return scene.mallory.activity(
        "Move", 50, object=scene.victor.uri, target=f"{scene.peer.base_url}/users/new"
    )


@pytest.mark.parametrize(
    "make",
    [
        _spoofed_id_here,
        _spoofed_id_elsewhere,
        _actor_elsewhere,
        _update_of_our_actor,
        _update_of_a_neighbour,
        _update_of_an_actor_elsewhere,
        _update_of_our_status,
        _delete_of_our_actor,
        _delete_of_our_status,
        _delete_of_two,
        _undo_of_what_a_neighbour_did,
        _undo_of_what_alice_did,
        _accept_for_another,
        _move_of_another,
    ],
)
@pytest.mark.parametrize("dialect", Dialect)
async def test_what_is_not_theirs_to_say_is_refused_at_the_door(
    scene: Scene, make: Callable[[Scene], Json], dialect: Dialect
) -> None:
    before, items = await state(scene.server), await scene.server.items()
    answer = await scene.peer.post(
        scene.server.shared_inbox, make(scene), actor=scene.mallory, dialect=dialect
    )
    assert answer.status == 403, answer
    assert await state(scene.server) == before
    assert await scene.server.items() == items
    assert scene.peer.asked == scene.elsewhere.asked == []


@pytest.mark.parametrize("size", [100, 64 * 1024 * 1024])
async def test_a_compressed_body_is_not_unpacked(server: Server, peer: FakePeer, size: int) -> None:
    mallory = peer.actor()
    body = gzip.compress(orjson.dumps(mallory.create(1, summary="x" * size)))
    assert len(body) < 2 * MAX_DOCUMENT_BYTES
    answer = await peer.post(
        server.shared_inbox, body, actor=mallory, headers={"Content-Encoding": "gzip"}
    )
    assert answer.status in (401, 413, 415), answer
    assert await server.items() == []


async def test_one_bad_id_does_not_spoil_the_commit_of_others(
    server: Server, peer: FakePeer
) -> None:
    """An id too long for an index of the database, in a batch with others."""
    import asyncio

    mallory, victor = peer.actor("mallory"), peer.actor("victor")
    rng = random.Random(7)
    tail = "".join(chr(rng.randrange(0x20000, 0x2A000)) for _ in range(1_900))
    bad = mallory.create(1, id=f"{peer.base_url}/{tail}")
    await peer.post(server.shared_inbox, mallory.create(2), actor=mallory)
    good = [peer.post(server.shared_inbox, victor.create(n), actor=victor) for n in range(10, 20)]
    refused, *answers = await asyncio.gather(
        peer.post(server.shared_inbox, bad, actor=mallory), *good
    )
    assert refused.status in (400, 403)
    assert {answer.status for answer in answers} == {202}
    assert len(await server.items()) == 11


# Behind the door: what Mallory may say, about what is not hers.


def _accept_by_id(scene: Scene) -> Json:
    return scene.mallory.activity("Accept", 50, object=scene.follow_of_alice)


def _reject_by_id(scene: Scene) -> Json:
    return scene.mallory.activity("Reject", 50, object=scene.follow_of_alice)


def _accept_of_a_follow_that_never_was(scene: Scene) -> Json:
    follow = {
        "id": f"{scene.server.base_url}/activities/404",
        "type": "Follow",
        "actor": f"{scene.server.base_url}/actor",
        "object": scene.mallory.uri,
    }
    return scene.mallory.activity("Accept", 50, object=follow)


def _accept_with_the_id_of_another_follow(scene: Scene) -> Json:
    follow = {
        "id": scene.follow_of_alice,
        "type": "Follow",
        "actor": scene.alice.uri,
        "object": scene.mallory.uri,
    }
    return scene.mallory.activity("Accept", 50, object=follow)


def _undo_by_id(scene: Scene) -> Json:
    return scene.mallory.activity("Undo", 50, object=scene.follow_of_victor)


def _delete_of_a_neighbours_status(scene: Scene) -> Json:
    return scene.mallory.activity("Delete", 50, object=scene.note_of_victor)


def _delete_of_a_neighbour(scene: Scene) -> Json:
    return scene.mallory.activity("Delete", 50, object=scene.victor.uri)


def _update_of_a_neighbours_status(scene: Scene) -> Json:
    forged = scene.mallory.note(2, content="<p>Owned</p>", updated="2026-11-02T12:00:00Z")
    return scene.mallory.activity("Update", 50, object=forged)


def _update_that_gives_a_status_away(scene: Scene) -> Json:
    given = scene.victor.note(1, content="<p>Owned</p>", updated="2026-11-02T12:00:00Z")
    return scene.mallory.activity("Update", 50, object=given)


def _create_over_a_neighbours_status(scene: Scene) -> Json:
    return scene.mallory.create(50, object=scene.mallory.note(2, content="<p>Owned</p>"))


def _create_of_what_was_deleted_here(scene: Scene) -> Json:
    return scene.mallory.create(50, object=f"{scene.alice.uri}/statuses/404")


def _create_for_a_neighbour(scene: Scene) -> Json:
    return scene.mallory.create(50, object=scene.victor.note(2, content="<p>Owned</p>"))


def _like_of_a_hidden_status(scene: Scene) -> Json:
    return scene.mallory.activity("Like", 50, object=scene.note_of_alice)


def _boost_of_a_hidden_status(scene: Scene) -> Json:
    return scene.mallory.activity("Announce", 50, object=scene.note_of_alice, to=[PUBLIC])


def _boost_of_a_boost_here(scene: Scene) -> Json:
    return scene.mallory.activity(
        "Announce", 50, object=f"{scene.note_of_alice}/activity", to=[PUBLIC]
    )


def _block_of_a_stranger(scene: Scene) -> Json:
    return scene.mallory.activity("Block", 50, object=scene.eve.uri)


def _follow_of_a_stranger(scene: Scene) -> Json:
    return scene.mallory.activity("Follow", 50, object=scene.eve.uri)


def _follow_of_herself(scene: Scene) -> Json:
    return scene.mallory.activity("Follow", 50, object=scene.mallory.uri)


def _flag_of_a_stranger(scene: Scene) -> Json:
    return scene.mallory.activity("Flag", 50, object=[scene.victor.uri, scene.note_of_victor])


def _create_of_an_activity(scene: Scene) -> Json:
    like = scene.victor.activity("Like", 51, object=scene.note_of_alice)
    return scene.mallory.create(50, object=like)


def _create_of_an_actor(scene: Scene) -> Json:
    return scene.mallory.create(50, object=scene.mallory.document(name="Owned"))


def _create_of_something_unknown(scene: Scene) -> Json:
    note = scene.mallory.note(50, type="Hologram", cc=[scene.alice.uri])
    return scene.mallory.create(50, object=note)


@pytest.mark.parametrize(
    "make",
    [
        _accept_by_id,
        _reject_by_id,
        _accept_of_a_follow_that_never_was,
        _accept_with_the_id_of_another_follow,
        _undo_by_id,
        _delete_of_a_neighbours_status,
        _delete_of_a_neighbour,
        _update_of_a_neighbours_status,
        _update_that_gives_a_status_away,
        _create_over_a_neighbours_status,
        _create_of_what_was_deleted_here,
        _create_for_a_neighbour,
        _like_of_a_hidden_status,
        _boost_of_a_hidden_status,
        _boost_of_a_boost_here,
        _block_of_a_stranger,
        _follow_of_a_stranger,
        _follow_of_herself,
        _flag_of_a_stranger,
        _create_of_an_activity,
        _create_of_an_actor,
        _create_of_something_unknown,
    ],
)
async def test_what_is_not_theirs_stays_as_it_is(
    scene: Scene, make: Callable[[Scene], Json]
) -> None:
    before = await state(scene.server)
    item = await take(scene.server, scene.peer, scene.mallory, make(scene))
    assert item.outcome in ("ignored", "refused", "duplicate"), item.reason
    assert await state(scene.server) == before
    assert scene.elsewhere.asked == []


async def test_a_report_changes_nothing_but_the_list_of_reports(scene: Scene) -> None:
    before = await state(scene.server)
    flag = scene.mallory.activity("Flag", 50, object=[scene.alice.uri, scene.note_of_alice])
    item = await take(scene.server, scene.peer, scene.mallory, flag)
    assert item.outcome == "done", item.reason
    after = await state(scene.server)
    assert [row for row in after if not row.startswith("reports ")] == before
    assert len(after) == len(before) + 1
    assert scene.elsewhere.asked == []


async def test_an_embedded_object_of_another_counts_as_its_origin_has_it(scene: Scene) -> None:
    real = scene.eve.note(70, content="<p>What Eve wrote</p>")
    scene.elsewhere.serve("/notes/70", real)
    forged = scene.eve.note(70, content="<p>Owned</p>", cc=[scene.alice.uri])
    boost = scene.mallory.activity("Announce", 50, object=forged, to=[PUBLIC])
    for activity in (scene.mallory.create(51, object=forged), boost):
        await take(scene.server, scene.peer, scene.mallory, activity)
    rows = await state(scene.server)
    assert not [row for row in rows if "Owned" in row]
    (note,) = [row for row in rows if "What Eve wrote" in row]
    eve = await scene.server.ctx.db.one(ACCOUNT_BY_URI, scene.eve.uri)
    assert eve is not None
    assert f'"account_id": {eve.id}' in note


def _page(scene: Scene) -> None:
    scene.elsewhere.serve("/notes/70", scene.eve.note(70), content_type="text/html")


def _plain_json(scene: Scene) -> None:
    scene.elsewhere.serve("/notes/70", scene.eve.note(70), content_type="application/json")


def _unprofiled(scene: Scene) -> None:
    scene.elsewhere.serve("/notes/70", scene.eve.note(70), content_type="application/ld+json")


def _id_of_mallory(scene: Scene) -> None:
    scene.elsewhere.serve("/notes/70", scene.mallory.note(70))


def _id_that_leads_elsewhere(scene: Scene) -> None:
    scene.elsewhere.serve("/notes/70", scene.eve.note(71))
    scene.elsewhere.serve("/notes/71", scene.eve.note(70))


def _author_of_another_origin(scene: Scene) -> None:
    scene.elsewhere.serve("/notes/70", scene.eve.note(70, attributedTo=scene.mallory.uri))


def _no_author(scene: Scene) -> None:
    scene.elsewhere.serve("/notes/70", scene.eve.note(70, attributedTo=None))


def _moved_to_another_origin(scene: Scene) -> None:
    scene.peer.serve("/notes/70", scene.eve.note(70))
    location = {"Location": f"{scene.peer.base_url}/notes/70"}
    scene.elsewhere.serve("/notes/70", b"", status=302, headers=location)


def _not_an_object(scene: Scene) -> None:
    scene.elsewhere.serve("/notes/70", scene.eve.create(70, id=f"{scene.eve.base_url}/notes/70"))


def _two_meanings(scene: Scene) -> None:
    scene.elsewhere.serve("/notes/70", scene.eve.note(70) | {"@graph": [scene.eve.note(71)]})


def _too_large(scene: Scene) -> None:
    scene.elsewhere.serve("/notes/70", scene.eve.note(70, summary="x" * MAX_DOCUMENT_BYTES))


def _packed_too_large(scene: Scene) -> None:
    body = gzip.compress(orjson.dumps(scene.eve.note(70, summary="x" * 100 * MAX_DOCUMENT_BYTES)))
    scene.elsewhere.serve("/notes/70", body, headers={"Content-Encoding": "gzip"})


@pytest.mark.parametrize(
    "spoil",
    [
        _page,
        _plain_json,
        _unprofiled,
        _id_of_mallory,
        _id_that_leads_elsewhere,
        _author_of_another_origin,
        _no_author,
        _moved_to_another_origin,
        _not_an_object,
        _two_meanings,
        _too_large,
        _packed_too_large,
    ],
)
async def test_a_boost_does_not_bring_what_is_not_to_be_believed(
    scene: Scene, spoil: Callable[[Scene], None]
) -> None:
    spoil(scene)
    before = await state(scene.server)
    uri = f"{scene.elsewhere.base_url}/notes/70"
    boost = scene.mallory.activity("Announce", 50, object=uri, to=[PUBLIC])
    item = await take(scene.server, scene.peer, scene.mallory, boost)
    assert item.outcome == "refused", item.reason
    assert await state(scene.server) == before
    assert scene.elsewhere.times_asked("/notes/70") > 0


# Nobody is asked who should not be.


@pytest.fixture
async def inner() -> AsyncIterator[FakePeer]:
    """Something on our own network that nobody outside may reach."""
    async with start_peer(unused_port()) as started:
        yield started


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"]
)
async def test_nothing_on_our_own_network_is_asked(
    scene: Scene, inner: FakePeer, host: str
) -> None:
    inner.actor("bait")
    port = inner.host.rpartition(":")[2]
    bait = f"http://{host}:{port}/users/bait"
    tag = [{"type": "Mention", "href": bait, "name": "@bait"}]
    note = scene.mallory.note(50, tag=tag, inReplyTo=bait, to=[PUBLIC, bait])
    for activity in (
        scene.mallory.create(50, object=note),
        scene.mallory.create(51, object=bait),
        scene.mallory.activity("Announce", 52, object=bait, to=[PUBLIC]),
        scene.mallory.activity("Like", 53, object=bait),
        scene.mallory.activity("Follow", 54, object=bait),
    ):
        await take(scene.server, scene.peer, scene.mallory, activity)
    answer = await scene.peer.post(
        scene.server.shared_inbox, scene.mallory.create(55), key_id=f"{bait}#main-key"
    )
    assert answer.status == 401
    assert inner.asked == []


async def test_a_redirect_does_not_lead_inside(scene: Scene, inner: FakePeer) -> None:
    inner.serve("/notes/70", scene.eve.note(70))
    location = {"Location": f"{inner.base_url}/notes/70"}
    scene.elsewhere.serve("/notes/70", b"", status=302, headers=location)
    boost = scene.mallory.activity(
        "Announce", 50, object=f"{scene.elsewhere.base_url}/notes/70", to=[PUBLIC]
    )
    item = await take(scene.server, scene.peer, scene.mallory, boost)
    assert item.outcome == "refused"
    assert inner.asked == []


# Actors that pretend.


@pytest.mark.parametrize(
    "name",
    ["", " ", "a b", "alice@localhost", "a/b", "<b>x</b>", "x" * 1_000, "a\u202eb", "\u200b", ".."],
)
async def test_an_actor_with_an_impossible_name_is_refused(
    server: Server, peer: FakePeer, name: str
) -> None:
    mallory = peer.actor()
    peer.serve("/users/mallory", mallory.document(preferredUsername=name))
    before = await state(server)
    answer = await peer.post(server.shared_inbox, mallory.create(1), actor=mallory)
    assert answer.status == 401
    assert await state(server) == before


async def test_a_page_of_another_origin_is_not_borrowed(scene: Scene) -> None:
    update = scene.mallory.activity("Update", 50, object=scene.mallory.document(url=scene.eve.uri))
    item = await take(scene.server, scene.peer, scene.mallory, update)
    assert item.outcome == "done"
    mallory = await scene.server.ctx.db.one(ACCOUNT_BY_URI, scene.mallory.uri)
    assert mallory is not None
    assert mallory.url == scene.mallory.uri


async def test_a_shared_inbox_of_another_origin_is_not_used(scene: Scene) -> None:
    endpoints = {"sharedInbox": f"{scene.elsewhere.base_url}/inbox"}
    document = scene.mallory.document(endpoints=endpoints)
    await take(
        scene.server,
        scene.peer,
        scene.mallory,
        scene.mallory.activity("Update", 50, object=document),
    )
    mallory = await scene.server.ctx.db.one(ACCOUNT_BY_URI, scene.mallory.uri)
    assert mallory is not None
    assert mallory.shared_inbox_url is None


# One neighbour cannot kill in advance what another will do.


async def test_an_undo_by_another_does_not_keep_one_from_undoing(scene: Scene) -> None:
    await take(scene.server, scene.peer, scene.mallory, _undo_by_id(scene))
    undo = scene.victor.activity("Undo", 51, object=scene.follow_of_victor)
    item = await take(scene.server, scene.peer, scene.victor, undo)
    assert item.outcome == "done", item.reason


@pytest.mark.parametrize("kind", ["Undo", "Delete"])
async def test_what_is_yet_to_come_is_not_killed_by_another(scene: Scene, kind: str) -> None:
    post = mentioning(scene.victor, scene.alice.uri, 60)
    for number, target in ((61, post["id"]), (62, post["object"]["id"])):
        activity = scene.mallory.activity(kind, number, object=target)
        await take(scene.server, scene.peer, scene.mallory, activity)
    item = await take(scene.server, scene.peer, scene.victor, post)
    assert item.outcome == "done", item.reason


# Values at the edge of what the database takes.


@pytest.mark.parametrize(
    "changes",
    [
        {"published": "0001-01-01T00:00:00Z"},
        {"published": "9999-12-31T23:59:59Z", "updated": "9999-12-31T23:59:59Z"},
        {"published": "0001-01-01T00:00:00+14:00"},
        {"published": "yesterday", "summary": 7, "sensitive": "yes", "url": {}, "tag": "x"},
        {
            "type": "Question",
            "oneOf": [{"name": "a", "replies": {"totalItems": 2**53 - 1}}],
            "votersCount": 2**53 - 1,
            "endTime": "9999-12-31T23:59:59Z",
        },
        {
            "type": "Question",
            "anyOf": [{"name": "a", "replies": {"totalItems": 2**31}}, {"name": "a"}],
            "closed": "0001-01-01T00:00:00Z",
        },
        {"attachment": [{"type": "Image", "url": "https://x.example/1", "width": 1e30}]},
        {
            "attachment": [
                {
                    "type": "Image",
                    "mediaType": "image/" + "x" * 2_000,
                    "url": "https://x.example/1",
                    "blurhash": "x" * 199,
                    "focalPoint": [1e308, -1e308],
                }
            ]
        },
        {"contentMap": {"x" * 8: "y"}, "content": "y"},
        {"tag": [{"type": "Hashtag", "name": "#" + "\U0002f800" * 255}]},
        {"conversation": "x" * 2_048, "context": [{}]},
        {"to": [PUBLIC] * 500, "cc": ["https://x.example/" + str(n) for n in range(1_000)]},
    ],
)
async def test_values_at_the_edge_are_stored_or_refused_at_once(
    scene: Scene, changes: dict[str, Any]
) -> None:
    create = scene.mallory.create(50, object=scene.mallory.note(50, **changes))
    item = await take(scene.server, scene.peer, scene.mallory, create)
    assert item.outcome in ("done", "refused"), item.reason
    assert item.attempts == 1


async def test_an_id_too_long_to_be_kept_is_refused_at_once(scene: Scene) -> None:
    rng = random.Random(7)
    tail = "".join(chr(rng.randrange(0x20000, 0x2A000)) for _ in range(1_900))
    long_id = f"{scene.peer.base_url}/{tail}"
    before = await state(scene.server)
    for activity in (
        scene.mallory.create(50, object=scene.mallory.note(50, id=long_id)),
        scene.mallory.create(51, object=scene.mallory.note(51, inReplyTo=long_id)),
    ):
        item = await take(scene.server, scene.peer, scene.mallory, activity)
        assert item.outcome is not None, item.reason
    assert [row for row in await state(scene.server) if long_id in row] == []
    assert before
