"""A peer's main door is shut: what it signed while it was open leads to another one."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from activitypub.onions import onion_name
from fedserver.clock import FixedClock
from fedserver.config import NetworkConfig
from fedserver.recovery.alternates import VALID_FOR
from fedserver.recovery.keys import RecoveryKey
from fedserver.services import discover, peer_doors
from fedserver.services.instance_recovery import adopt_recovery_key
from fedserver.services.own_doors import published_alternates
from storage.doors import DOORS_OF, PEER_DOORS
from tests.conftest import unused_port
from tests.instances import Instance, start_instance
from tests.socks_stub import Socks, socks_proxy
from tests.waiting import until

ONION = onion_name(Ed25519PrivateKey.generate().public_key().public_bytes_raw())
WELL_KNOWN = "/.well-known/fedserver-alternates"


class FrontDoor:
    """Leads a port to another one, until it is shut with all who stand in it."""

    def __init__(self, port: int, behind: int) -> None:
        self._port, self._behind = port, behind
        self._open: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)

    def shut(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in self._open:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, to_there = await asyncio.open_connection("127.0.0.1", self._behind)
        self._open |= {writer, to_there}
        with suppress(ConnectionError, asyncio.CancelledError):
            await asyncio.gather(_pipe(reader, to_there), _pipe(there, writer))


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(65_536):
        writer.write(chunk)
        await writer.drain()
    writer.close()


@dataclass(frozen=True, slots=True)
class Scene:
    """Our instance, a peer with two doors, and the front one."""

    ours: Instance
    peer: Instance
    front: FrontDoor
    socks: Socks


@pytest.fixture
async def scene(
    database_dsn: str, second_database_dsn: str, tmp_path: Path
) -> AsyncIterator[Scene]:
    port, peer_port, front_port = unused_port(), unused_port(), unused_port()
    front = FrontDoor(front_port, peer_port)
    await front.open()
    async with (
        socks_proxy({f"{ONION}:80": peer_port}) as socks,
        start_instance(
            database_dsn,
            tmp_path / "ours",
            port,
            network=NetworkConfig(socks=socks.url),
            reachable_addresses=(f"127.0.0.1:{front_port}",),
            host_map={f"peer.test:{front_port}": f"127.0.0.1:{front_port}"},
        ) as ours,
        start_instance(
            second_database_dsn,
            tmp_path / "peer",
            peer_port,
            peers=(port,),
            domain=f"peer.test:{front_port}",
            alternates=(f"http://{ONION}",),
        ) as peer,
    ):
        yield Scene(ours, peer, front, socks)
        front.shut()


async def published(instance: Instance) -> Any:
    answer = await instance.request("GET", WELL_KNOWN)
    assert answer.status == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    return answer.body


async def doors(scene: Scene) -> list[str]:
    ctx = scene.ours.ctx
    return await ctx.db.values(DOORS_OF, scene.peer.domain, ctx.clock.now())


async def test_what_is_sent_and_fetched_goes_by_the_other_door(scene: Scene) -> None:
    ada, bob = await scene.ours.person("ada"), await scene.peer.person("bob")
    (found,) = (await bob.get("/api/v2/search", q=f"@{ada.acct}", resolve="true"))["accounts"]
    await bob.post(f"/api/v1/accounts/{found['id']}/follow")

    async def followed() -> bool:
        relations = await bob.get("/api/v1/accounts/relationships", **{"id[]": found["id"]})
        return bool(relations[0]["following"])

    await until(followed)
    await discover.learn_software(scene.ours.ctx, scene.peer.domain)
    assert await doors(scene) == [f"http://{ONION}"]
    assert scene.socks.asked == []
    scene.front.shut()
    post = await ada.post("/api/v1/statuses", status="do you hear me?")

    async def heard() -> bool:
        home = await bob.get("/api/v1/timelines/home")
        return any(one["uri"] == post["uri"] for one in home)

    await until(heard)
    assert set(scene.socks.asked) == {f"{ONION}:80"}
    written = await bob.post("/api/v1/statuses", status="an answer that nobody was sent")
    results = await ada.get("/api/v2/search", q=written["uri"], resolve="true")
    (status,) = results["statuses"]
    assert status["uri"] == written["uri"]
    assert status["account"]["acct"] == bob.acct
    # The list is renewed by the door that is open, too.
    await discover.learn_software(scene.ours.ctx, scene.peer.domain)
    assert await doors(scene) == [f"http://{ONION}"]


async def test_the_list_is_told_in_three_places_and_stays_the_same(scene: Scene) -> None:
    told = await published(scene.peer)
    statement = told["statement"]
    assert statement["instance"] == scene.peer.base_url
    assert statement["alternates"] == [f"http://{ONION}"]
    about = await scene.peer.request("GET", "/api/v2/instance")
    node = await scene.peer.request("GET", "/nodeinfo/2.1")
    assert about.body["alternates"] == node.body["metadata"]["alternates"] == told
    assert (await scene.ours.request("GET", WELL_KNOWN)).status == 404
    assert (await scene.ours.request("GET", "/api/v2/instance")).body["alternates"] is None


async def test_a_list_that_was_changed_or_signed_by_another_is_refused(scene: Scene) -> None:
    ctx, host = scene.ours.ctx, scene.peer.domain
    told = await published(scene.peer)
    tampered = json.loads(json.dumps(told))
    tampered["statement"]["alternates"].append("https://evil.example")
    assert not await peer_doors.learn_doors(ctx, host, tampered)
    assert not await peer_doors.learn_doors(ctx, host, {"statement": {}})
    assert not await peer_doors.learn_doors(ctx, "other.test", told)
    assert await doors(scene) == []
    assert await peer_doors.learn_doors(ctx, host, told)
    assert not await peer_doors.learn_doors(ctx, host, tampered)
    assert await doors(scene) == [f"http://{ONION}"]


async def test_the_recovery_key_vouches_for_the_key_that_signs(scene: Scene) -> None:
    key = RecoveryKey.new()
    await adopt_recovery_key(scene.peer.ctx, key)
    told = await published(scene.peer)
    assert told["authorization"]["instance"] == scene.peer.base_url
    assert await peer_doors.learn_doors(scene.ours.ctx, scene.peer.domain, told)
    row = await scene.ours.ctx.db.one(PEER_DOORS, scene.peer.domain)
    assert row is not None
    assert row.recovery_did == key.public.did
    assert row.expires_at > scene.ours.ctx.clock.now() + timedelta(days=29)


async def test_doors_that_are_given_up_are_forgotten(
    scene: Scene,
) -> None:
    ctx, host = scene.ours.ctx, scene.peer.domain
    before = await published(scene.peer)
    assert await peer_doors.learn_doors(ctx, host, before)
    server = replace(scene.peer.ctx.config.server, alternates=())
    without = replace(scene.peer.ctx, config=replace(scene.peer.ctx.config, server=server))
    after = await published_alternates(without)
    assert after is not None
    assert after["statement"]["alternates"] == []
    assert after["statement"]["sequence"] > before["statement"]["sequence"]
    assert await peer_doors.learn_doors(ctx, host, after)
    assert await doors(scene) == []
    assert not await peer_doors.learn_doors(ctx, host, before)
    assert await doors(scene) == []
    # What was signed is given out as it is, until its time is half over.
    assert await published_alternates(without) == after


async def test_a_list_is_signed_anew_when_half_of_its_time_is_over(scene: Scene) -> None:
    before = await published(scene.peer)
    later = FixedClock(scene.peer.ctx.clock.now() + VALID_FOR / 2 + timedelta(minutes=1))
    after = await published_alternates(replace(scene.peer.ctx, clock=later))
    assert after is not None
    assert after["statement"]["alternates"] == before["statement"]["alternates"]
    assert after["statement"]["sequence"] > before["statement"]["sequence"]
    assert after["statement"]["expires"] > before["statement"]["expires"]
