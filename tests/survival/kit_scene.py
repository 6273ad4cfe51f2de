"""Three instances: ada's, the one she goes to, and one where bob follows her."""

import io
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from fedserver.config import KitsConfig
from fedserver.recovery.identity import claim_identity
from fedserver.recovery.keys import RecoveryKey
from fedserver.services.kits import kit_of
from fedserver.survival.kits.bringing import Step, bring_kit
from storage.query import Value
from tests.conftest import unused_port
from tests.instances import PASSWORD, Instance, Person, start_instance
from tests.waiting import until

FOLLOWS = Value(
    """
    SELECT t.uri FROM follows f JOIN accounts a ON a.id = f.account_id
    JOIN accounts t ON t.id = f.target_id
    WHERE a.username = 'bob' AND f.accepted_at IS NOT NULL ORDER BY 1
    """,
    str,
)
PINS = Value("SELECT did FROM recovery_pins ORDER BY valid_from", str)
API = "/api/fedserver/v1"


@dataclass
class Scene:
    """What a story needs; `stop_old` ends ada's first instance for good."""

    old: Instance
    new: Instance
    third: Instance
    ada: Person
    bob: Person
    key: RecoveryKey
    old_running: AsyncExitStack

    @property
    def old_uri(self) -> str:
        return f"{self.old.base_url}/users/ada"

    @property
    def new_uri(self) -> str:
        return f"{self.new.base_url}/users/ada"

    async def set_key(self) -> None:
        """Ada makes a recovery key, and bob's instance sees it."""
        statement = claim_identity(self.key, self.old_uri, datetime.now(UTC))
        public = self.key.public
        await self.ada.post(
            f"{API}/recovery_key",
            did=public.did,
            recipient=public.recipient,
            statement=statement,
            password=PASSWORD,
        )
        await until(self.is_pinned)

    async def is_pinned(self) -> bool:
        return self.key.public.did in await self.third.ctx.db.values(PINS)

    async def bob_follows(self) -> list[str]:
        return await self.third.ctx.db.values(FOLLOWS)

    async def take_kit(self, *, media: bool = True) -> bytes:
        """Have the kit made, and download it."""
        before = await kit_of(self.old.ctx, self.ada.account_id)
        made_at = before.made_at if before else None

        async def made() -> bool:
            kit = await kit_of(self.old.ctx, self.ada.account_id)
            return kit is not None and kit.made_at not in (None, made_at)

        await self.ada.post(f"{API}/kit", media=media)
        await until(made)
        headers = {"Authorization": f"Bearer {self.ada.token}"}
        url = f"{self.old.base_url}{API}/kit/file"
        async with self.old.session.get(url, headers=headers) as response:
            assert response.status == 200
            return await response.read()

    async def stop_old(self) -> None:
        await self.old_running.aclose()

    async def bring(self, person: Person, kit: bytes, key: RecoveryKey | None = None) -> list[Step]:
        """Bring a kit into the account of somebody of the new instance."""
        steps = bring_kit(self.new.ctx, person.account_id, io.BytesIO(kit), key or self.key)
        return [step async for step in steps]


@asynccontextmanager
async def scene(
    dsns: list[str], folder: Path, *, kits: KitsConfig | None = None
) -> AsyncIterator[Scene]:
    """Start the three; bob follows ada, who has no recovery key yet."""
    one, two, three = unused_port(), unused_port(), unused_port()
    async with AsyncExitStack() as stack:
        new = await stack.enter_async_context(
            start_instance(dsns[1], folder / "new", two, peers=(one, three))
        )
        third = await stack.enter_async_context(
            start_instance(dsns[2], folder / "third", three, peers=(one, two))
        )
        old_running = await stack.enter_async_context(AsyncExitStack())
        old = await old_running.enter_async_context(
            start_instance(dsns[0], folder / "old", one, peers=(two, three), kits=kits)
        )
        ada, bob = await old.person("ada"), await third.person("bob")
        found = await bob.get("/api/v2/search", q=ada.acct, resolve="true", type="accounts")
        await bob.post(f"/api/v1/accounts/{found['accounts'][0]['id']}/follow")
        made = Scene(old, new, third, ada, bob, RecoveryKey.new(), old_running)

        async def follows() -> bool:
            return await made.bob_follows() == [made.old_uri]

        await until(follows)
        yield made
