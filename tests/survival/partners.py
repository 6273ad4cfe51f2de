"""Instances that have agreed to keep things for each other."""

import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from fedserver.recovery.keys import RecoveryKey
from fedserver.services.instance_recovery import adopt_recovery_key
from fedserver.survival.mirrors import negotiating
from fedserver.survival.mirrors.target import AsInstance, AsOwner, MirrorTarget
from storage.query import Command
from tests.conftest import fresh_database, unused_port
from tests.instances import Instance, start_instance

QUOTA = 1_000_000
CLASSES = ["chunks", "objects", "media"]


class Fleet:
    """Instances that may reach each other, in databases of their own, and can be stopped."""

    def __init__(self) -> None:
        self.running: list[Instance] = []
        self._stacks: dict[str, AsyncExitStack] = {}

    async def start(self, postgres: str, folder: Path, count: int) -> None:
        ports = [unused_port() for _ in range(count)]
        for number, port in enumerate(ports):
            stack = AsyncExitStack()
            dsn = await stack.enter_async_context(asynccontextmanager(fresh_database)(postgres))
            place = folder / f"instance-{number}"
            instance = await stack.enter_async_context(
                start_instance(dsn, place, port, peers=tuple(ports))
            )
            self._stacks[instance.domain] = stack
            self.running.append(instance)

    async def kill(self, instance: Instance) -> None:
        """Stop an instance, and throw its database away."""
        await self._stacks.pop(instance.domain).aclose()

    async def stop(self) -> None:
        for stack in reversed(self._stacks.values()):
            await stack.aclose()


@asynccontextmanager
async def fleet(postgres: str, folder: Path, count: int) -> AsyncIterator[Fleet]:
    """Run `count` instances."""
    found = Fleet()
    try:
        await found.start(postgres, folder, count)
        yield found
    finally:
        await found.stop()


@asynccontextmanager
async def instances(postgres: str, folder: Path, count: int) -> AsyncIterator[list[Instance]]:
    """Run `count` instances that all live until the end."""
    async with fleet(postgres, folder, count) as found:
        yield found.running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(
    postgres: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[list[Instance]]:
    """Three instances for all tests of a module, which has to run in a loop of its own."""
    async with instances(postgres, tmp_path_factory.mktemp("shared"), 3) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def three(shared: list[Instance]) -> AsyncIterator[list[Instance]]:
    """Those, with no contract, nothing kept, and no recovery key."""
    yield shared
    for one in shared:
        for table in ("mirror_contracts", "instance_recovery"):
            await one.ctx.db.execute(Command(f"DELETE FROM {table}"))
        shutil.rmtree(one.ctx.config.data.folder / "kept", ignore_errors=True)


@pytest_asyncio.fixture(loop_scope="module")
async def two(three: list[Instance]) -> list[Instance]:
    """Two of them."""
    return three[:2]


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
