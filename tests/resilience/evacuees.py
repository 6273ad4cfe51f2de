"""An instance whose people are followed on model peers, and what happens to it when its domain is
lost."""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from activitypub.keys import generate_ed25519_key
from fedserver.app import open_context, running
from fedserver.config import (
    Config,
    DatabaseConfig,
    DataConfig,
    DevelopmentConfig,
    InstanceConfig,
    ServerConfig,
)
from fedserver.context import Context
from fedserver.recovery.keys import RecoveryKey
from fedserver.services.instance_recovery import authorize_at
from fedserver.services.new_accounts import ActorKeys, NewUser, store_user
from fedserver.survival.evacuation import planning
from storage.evacuations import EvacuationRow
from storage.hosts import LEARN_SOFTWARE
from tests.federation.fake_peer import rsa_key
from tests.instances import Instance, Person, application_of, signed_in
from tests.resilience.model_peer import ModelPeer, Names
from tests.waiting import until


@dataclass(frozen=True, slots=True)
class Site:
    """Where an instance keeps what it has; its domain may change."""

    dsn: str
    folder: Path
    port: int
    names: Names

    def config(self, domain: str) -> Config:
        host_map = {**self.names.for_instance(), domain: f"127.0.0.1:{self.port}"}
        return Config(
            instance=InstanceConfig(domain=domain),
            server=ServerConfig(port=self.port),
            database=DatabaseConfig(url=self.dsn, pool_max=8),
            data=DataConfig(folder=self.folder),
            development=DevelopmentConfig(
                reachable_addresses=tuple(sorted(set(host_map.values()))),
                host_map=host_map,
                rate_limits=False,
            ),
        )

    @asynccontextmanager
    async def running_at(self, domain: str) -> AsyncIterator[Instance]:
        """Serve under `domain`, until the end of the block."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.names.ports[domain] = self.port
        async with (
            open_context(self.config(domain)) as ctx,
            running(ctx),
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(resolver=_Here(self))) as session,
        ):
            yield Instance(ctx, session, await application_of(ctx))


class _Here(AbstractResolver):
    """Every name is the instance, for its own clients."""

    def __init__(self, site: Site) -> None:
        self._port = site.port

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        one = ResolveResult(
            hostname=host, host="127.0.0.1", port=self._port, family=family, proto=0, flags=0
        )
        return [one]

    async def close(self) -> None:
        """There is nothing to close."""


async def people(instance: Instance, names: Sequence[str]) -> list[Person]:
    """Make accounts, quickly: nobody signs in to them with a password, and one key does for all."""
    made = []
    for name in names:
        keys = ActorKeys(rsa_key("evacuees"), generate_ed25519_key())
        now = instance.ctx.clock.now()
        user = NewUser(name, f"{name}@mail.example", "no password", "user", now)
        async with instance.ctx.db.transaction() as tx:
            account_id = await store_user(instance.ctx, tx, user, keys)
        made.append(await signed_in(instance, name, account_id))
    return made


async def let_follow(
    instance: Instance,
    peers: Sequence[ModelPeer],
    accounts: Sequence[Person],
    *,
    taken_for: str | None = None,
) -> None:
    """Let everybody on each peer follow every account, and wait until all are accepted. The peers
    are remembered as what they are, or as some other software."""
    for peer in peers:
        now = instance.ctx.clock.now()
        software = taken_for or peer.software
        await instance.ctx.db.execute(LEARN_SOFTWARE, peer.name, software, "1.0", now)
    await asyncio.gather(*(_follow_all(instance, peer, accounts) for peer in peers))
    targets = [actor_uri(instance, one.name) for one in accounts]

    async def all_accepted() -> bool:
        return all(peer.following(t) == len(peer.people) for peer in peers for t in targets)

    await until(all_accepted, within_s=240)


async def _follow_all(instance: Instance, peer: ModelPeer, accounts: Sequence[Person]) -> None:
    for account in accounts:
        for person in peer.people:
            await peer.follow(person, actor_uri(instance, account.name))


def actor_uri(instance: Instance, name: str) -> str:
    return f"{instance.base_url}/users/{name}"


async def evacuate(
    site: Site,
    old: str,
    new: str,
    *,
    rate: float = 500.0,
    key: RecoveryKey | None = None,
) -> EvacuationRow:
    """Do what `fedserver evacuate --to` does, with the server stopped."""
    async with open_context(site.config(old), any_domain=True) as ctx:
        return await switch(ctx, f"http://{old}", new, rate=rate, key=key)


async def switch(
    ctx: Context, old_base: str, new: str, *, rate: float, key: RecoveryKey | None = None
) -> EvacuationRow:
    row = await planning.begin(ctx, old_base, new, rate)
    if key is not None:
        await planning.certify(ctx, row, key)
    while row.state == "preparing":
        await planning.prepare_keys(ctx, row, lambda _done, _total: None)
        await planning.switch(ctx, row)
        row = await planning.under_way(ctx)
    if key is not None:
        await authorize_at(ctx, row.new_base, key)
    await planning.move_pages(ctx, row, lambda _done: None)
    return row


def came(peers: Sequence[ModelPeer], targets: Sequence[str]) -> dict[str, int]:
    """How many follow the new accounts, on each peer, by the new accounts' own word."""
    return {peer.name: sum(peer.following(one) for one in targets) for peer in peers}
