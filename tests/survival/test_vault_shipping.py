"""A target that is away or full holds up no other, and gets what it missed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from fedserver.clock import FixedClock
from fedserver.survival.vault.entries import LOG, name_of
from fedserver.survival.vault.shipping import Shipping
from fedserver.survival.vault.targets import Target
from storage.vault_places import FolderPlace, PlaceUnavailable
from tests.waiting import until

CHAIN = "0000000001-00000000"
SIZE = 1_000


class Fillable(FolderPlace):
    """A folder on a disk that may be full."""

    full = False

    async def put(self, name: str, data: bytes) -> None:
        if self.full:
            raise PlaceUnavailable("no space left on device")
        await super().put(name, data)


class Scene:
    """A spool and two targets."""

    def __init__(self, folder: Path, spool_bytes: int) -> None:
        for name in ("spool", "good", "bad"):
            (folder / name).mkdir()
        self.spool = FolderPlace(folder / "spool")
        self.good, self.bad = FolderPlace(folder / "good"), Fillable(folder / "bad")
        targets = [Target("good", self.good), Target("bad", self.bad)]
        clock = FixedClock(datetime(2026, 11, 23, tzinfo=UTC))
        self.shipping = Shipping(self.spool, targets, clock, spool_bytes)
        self.written: list[str] = []

    async def write(self, count: int) -> None:
        for _ in range(count):
            name = name_of(CHAIN, len(self.written), "wal")
            await self.shipping.room()
            await self.spool.put(name, bytes(SIZE))
            await self.shipping.add(name, SIZE)
            self.written.append(name)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.shipping.run(CHAIN))
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def test_both_get_everything_and_the_spool_is_empty_then(tmp_path: Path) -> None:
    scene = Scene(tmp_path, 100 * SIZE)
    async with scene.running():
        await scene.write(20)
        await scene.shipping.shipped(scene.written[-1])

        async def spool_is_empty() -> bool:
            return not await scene.spool.list(LOG)

        await until(spool_is_empty)
    for place in (scene.good, scene.bad):
        assert await place.list(LOG) == scene.written
    assert [one.position for one in scene.shipping.states] == [19, 19]


async def test_a_full_target_holds_up_nobody_and_catches_up(tmp_path: Path) -> None:
    scene = Scene(tmp_path, 10 * SIZE)
    scene.bad.full = True
    async with scene.running():
        await scene.write(30)
        await scene.shipping.shipped(scene.written[-1])
        assert await scene.good.list(LOG) == scene.written
        states = {one.label: one for one in scene.shipping.states}
        assert states["good"].error == ""
        assert states["bad"].error == "no space left on device"
        assert len(await scene.spool.list(LOG)) <= 10  # the bad one gets them from the good one
        scene.bad.full = False

        async def caught_up() -> bool:
            return await scene.bad.list(LOG) == scene.written

        await until(caught_up)
        await scene.shipping.settled()
    assert {one.error for one in scene.shipping.states} == {""}


async def test_nothing_counts_as_shipped_while_no_target_takes_it(tmp_path: Path) -> None:
    scene = Scene(tmp_path, 100 * SIZE)
    scene.bad.full = True
    (tmp_path / "good").rmdir()
    async with scene.running():
        await scene.write(3)
        shipped = asyncio.create_task(scene.shipping.shipped(scene.written[-1]))

        async def both_fail() -> bool:
            return all(one.error for one in scene.shipping.states)

        await until(both_fail)
        assert not shipped.done()
        assert await scene.spool.list(LOG) == scene.written
        (tmp_path / "good").mkdir()
        await asyncio.wait_for(shipped, 30)
    assert await scene.good.list(LOG) == scene.written
