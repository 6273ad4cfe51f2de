"""A peer that claims what is not its own, and is refused at the door."""
# ruff: noqa: F811 - fixtures have the names of arguments

import gzip
import random
from collections.abc import Callable
from datetime import UTC, datetime

import orjson
import pytest

from activitypub.digests import digest_header
from activitypub.keys import public_key_to_pem
from activitypub.signatures import Dialect, sign_cavage, sign_rfc9421
from activitypub.signatures.cavage import signing_string
from activitypub.signatures.request import http_date, sign_bytes
from tests.federation.conftest import MAX_DOCUMENT_BYTES, Server
from tests.federation.fake_peer import (
    ACTIVITY_JSON,
    FakePeer,
    Json,
    PeerActor,
    rsa_key,
)
from tests.federation.hostile_scene import (  # noqa: F401 - fixtures
    Scene,
    elsewhere,
    scene,
    server,
)
from tests.federation.processing import state


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
