"""Alice of an instance of ours, and Fiona of Fedify."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import unused_port
from tests.instances import Person, start_instance
from tests.interop.fedify_peer import FedifyPeer, Json, start_fedify
from tests.waiting import until


@dataclass(frozen=True)
class Scene:
    """Alice here, Fiona there; each follows the other."""

    alice: Person
    fedify: FedifyPeer
    fiona_id: str

    @property
    def alice_uri(self) -> str:
        return f"{self.alice.instance.base_url}/users/alice"

    async def at_home(self, uri: str) -> Json:
        """Give Fiona's post as Alice's home timeline shows it."""

        async def find() -> Json | None:
            home = await self.alice.get("/api/v1/timelines/home")
            return next((one for one in home if one["uri"] == uri), None)

        found = await until(find)
        assert found is not None
        return found

    async def told(self, kind: str) -> Json:
        """Give Alice's newest notification of this kind."""

        async def find() -> Json | None:
            told = await self.alice.get("/api/v1/notifications", **{"types[]": kind})
            return dict(told[0]) if told else None

        found = await until(find)
        assert found is not None
        return found

    async def becomes(self, status_id: str, **fields: Any) -> None:
        """Wait until a status of ours has these fields."""

        async def has() -> bool:
            shown = await self.alice.get(f"/api/v1/statuses/{status_id}")
            return bool(fields.items() <= shown.items())

        await until(has)


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
        scene = Scene(alice, fedify, found["accounts"][0]["id"])
        await _follow_each_other(scene)
        yield scene


async def _follow_each_other(scene: Scene) -> None:
    await scene.alice.post(f"/api/v1/accounts/{scene.fiona_id}/follow")
    await scene.fedify.send("Follow", 1, [scene.alice_uri], object=scene.alice_uri)

    async def both() -> bool:
        relation = await scene.alice.get("/api/v1/accounts/relationships", id=scene.fiona_id)
        return bool(relation[0]["following"] and relation[0]["followed_by"])

    await until(both)
