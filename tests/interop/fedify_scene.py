"""Alice of an instance of ours, and Fiona of Fedify."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import unused_port
from tests.instances import start_instance
from tests.interop.fedify_peer import FedifyPeer, start_fedify
from tests.interop.neighbours import Neighbours


@dataclass(frozen=True, kw_only=True)
class Scene(Neighbours):
    """Alice here, Fiona there; each follows the other."""

    fedify: FedifyPeer


@asynccontextmanager
async def start_scene(dsn: str, folder: Path, first_knock: str = "") -> AsyncIterator[Scene]:
    """Run both servers and let the two follow each other."""
    here, there = unused_port(), unused_port()
    async with (
        start_fedify(there, first_knock) as fedify,
        start_instance(dsn, folder / "here", here, peers=(there,)) as instance,
    ):
        alice = await instance.person("alice")
        found = await alice.get("/api/v2/search", q=fedify.fiona, resolve="true")
        scene = Scene(alice=alice, fedify=fedify, fiona_id=found["accounts"][0]["id"])
        await _follow_each_other(scene)
        yield scene


async def _follow_each_other(scene: Scene) -> None:
    await scene.alice.post(f"/api/v1/accounts/{scene.fiona_id}/follow")
    await scene.fedify.send("Follow", 1, [scene.alice_uri], object=scene.alice_uri)
    await scene.relation(following=True, followed_by=True)
