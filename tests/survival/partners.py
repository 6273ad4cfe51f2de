"""Instances that have agreed to keep things for each other."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from fedserver.recovery.keys import RecoveryKey
from fedserver.services.instance_recovery import adopt_recovery_key
from fedserver.survival.mirrors import negotiating
from fedserver.survival.mirrors.target import AsInstance, AsOwner, MirrorTarget
from tests.conftest import fresh_database, unused_port
from tests.instances import Instance, start_instance

QUOTA = 1_000_000
CLASSES = ["chunks", "objects", "media"]


@asynccontextmanager
async def instances(postgres: str, folder: Path, count: int) -> AsyncIterator[list[Instance]]:
    """Run `count` instances that may reach each other, in databases of their own."""
    ports = [unused_port() for _ in range(count)]
    async with AsyncExitStack() as stack:
        found = []
        for number, port in enumerate(ports):
            dsn = await stack.enter_async_context(asynccontextmanager(fresh_database)(postgres))
            place = folder / f"instance-{number}"
            found.append(
                await stack.enter_async_context(
                    start_instance(dsn, place, port, peers=tuple(ports))
                )
            )
        yield found


async def agree(
    offerer: Instance, accepter: Instance, *, quota: int = QUOTA, classes: list[str] = CLASSES
) -> None:
    """Let two admins agree."""
    await negotiating.offer(
        offerer.ctx, accepter.domain, kept_bytes=quota, given_bytes=quota, classes=classes
    )
    await negotiating.accept(accepter.ctx, offerer.domain)


async def with_recovery_key(instance: Instance) -> RecoveryKey:
    """Give the instance a recovery key."""
    key = RecoveryKey.new()
    await adopt_recovery_key(instance.ctx, key)
    return key


def target(owner: Instance, keeper: Instance) -> MirrorTarget:
    """Give the mirror as its partner uses it."""
    return MirrorTarget(owner.ctx.out, f"mirror:{keeper.base_url}", AsInstance(owner.ctx))


def with_words_only(key: RecoveryKey, keeper: Instance, anybody: Instance) -> MirrorTarget:
    """Give the mirror as somebody uses it who has the 24 words, and no server: the requests go
    out by `anybody`, whose keys are not used."""
    again = RecoveryKey.from_words(key.words)
    credentials = AsOwner(again.signing, anybody.ctx.clock)
    return MirrorTarget(anybody.ctx.out, keeper.base_url, credentials)
