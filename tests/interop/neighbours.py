"""Alice of an instance of ours who follows Fiona of other software, and is followed back."""

from dataclasses import dataclass
from typing import Any

from tests.instances import Person
from tests.waiting import until

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Neighbours:
    """What Alice sees of Fiona; waits until she does."""

    alice: Person
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

    async def becomes(self, status_id: str, **fields: object) -> None:
        """Wait until a status has these fields."""

        async def has() -> bool:
            shown = await self.alice.get(f"/api/v1/statuses/{status_id}")
            return bool(fields.items() <= shown.items())

        await until(has)

    async def relation(self, **wanted: bool) -> None:
        """Wait until Alice stands so to Fiona."""

        async def stands() -> bool:
            found = await self.alice.get("/api/v1/accounts/relationships", id=self.fiona_id)
            return bool(wanted.items() <= found[0].items())

        await until(stands)
