"""What is older than [vault] keep_days goes, and never what a restore still needs."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fedserver.clock import FixedClock
from fedserver.survival.vault.chain import Chain, ChainState, Keys
from fedserver.survival.vault.entries import read_name
from fedserver.survival.vault.retention import forget_entries
from fedserver.survival.vault.targets import Target
from storage.server.wal_stream import SEGMENT_BYTES
from storage.vault_places import FolderPlace
from tests.survival.test_vault_chain import KEYS, ORIGIN, Scene, bring

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
WEEK = timedelta(days=7)
# A week: a base (two parts, its end), then three of the log.
OF_A_WEEK = 6


class Weeks:
    """A chain that gets a base every week, and the log in between."""

    def __init__(self, folder: Path, keys: Keys) -> None:
        self.clock = FixedClock(NOW)
        self.chain = Chain(folder, self.clock)
        self.keys = keys

    async def begin(self, number: int = 1) -> None:
        await self.chain.load()
        state = ChainState(chain="", timeline=1, wal_end=SEGMENT_BYTES)
        await self.chain.begin(number, self.keys, ORIGIN, state)
        await self.log()

    async def log(self) -> None:
        start = self.chain.current.wal_end
        about = {"start": start, "end": start + 100, "timeline": 1}
        await self.chain.append("wal", about, b"w" * 100, self.keys)

    async def week(self) -> None:
        needs, start = self.chain.current.segment_sequence, self.chain.current.wal_end
        base = f"b{self.chain.current.sequence}"
        for part in range(2):
            await self.chain.append("base", {"base": base, "part": part}, b"part", self.keys)
        await self.log()
        await self.chain.append("files", {"digest": "f"}, b"the files", self.keys)
        about = {"base": base, "parts": 2, "start": start, "end": start + 50, "needs": needs}
        await self.chain.append("base-end", about | ORIGIN | {"timeline": 1}, b"", self.keys)
        # The log goes on in its next file, so that the next base needs nothing before it.
        rest = SEGMENT_BYTES - self.chain.current.wal_end % SEGMENT_BYTES
        start = self.chain.current.wal_end
        about = {"start": start, "end": start + rest, "timeline": 1}
        await self.chain.append("wal", about, bytes(rest), self.keys)
        self.clock.move(WEEK)


@pytest.fixture
async def weeks(tmp_path: Path) -> Weeks:
    made = Weeks(tmp_path / "vault", KEYS)
    await made.begin()
    return made


async def keep(weeks: Weeks, folder: Path, days: int) -> list[int]:
    """Forget what is older than `days`, and give the numbers that are left."""
    target = Target("one", FolderPlace(folder))
    before = weeks.clock.now() - timedelta(days=days)
    await forget_entries(target, before, weeks.chain.current.chain)
    names = [read_name(one) for one in await target.place.list()]
    return sorted(one.sequence for one in names if one is not None)


async def test_the_newest_bases_stay_and_can_be_restored_from(weeks: Weeks, tmp_path: Path) -> None:
    for _ in range(6):
        await weeks.week()
    scene = Scene((tmp_path / "one", tmp_path / "two"), tmp_path / "copies")
    for folder in scene.folders:
        folder.mkdir()
        await bring(tmp_path / "vault" / "spool", folder)
    everything = await keep(weeks, scene.folders[0], days=365)
    assert everything == list(range(weeks.chain.current.sequence + 1))
    left = await keep(weeks, scene.folders[0], days=15)
    assert 0 < left[0] < left[-1] == everything[-1]
    assert left == list(range(left[0], left[-1] + 1))
    await keep(weeks, scene.folders[1], days=15)
    plan = await scene.plan()
    assert (plan.end, plan.problem) == (everything[-1], "")
    # Even the base before the newest still has all that it needs.
    for folder in scene.folders:
        max(folder.rglob("*.base-end")).unlink()
    assert (await scene.plan()).base_end.sequence < everything[-1] - OF_A_WEEK


async def test_however_old_two_bases_stay(weeks: Weeks, tmp_path: Path) -> None:
    for _ in range(3):
        await weeks.week()
    folder = tmp_path / "one"
    folder.mkdir()
    await bring(tmp_path / "vault" / "spool", folder)
    weeks.clock.move(timedelta(days=1_000))
    await keep(weeks, folder, days=1)
    assert len(list(folder.rglob("*.base-end"))) == 2


async def test_an_old_chain_stays_until_the_new_one_has_a_base(
    weeks: Weeks, tmp_path: Path
) -> None:
    for _ in range(3):
        await weeks.week()
    folder = tmp_path / "one"
    folder.mkdir()
    await bring(tmp_path / "vault" / "spool", folder)
    weeks.clock.move(timedelta(days=100))
    again = Weeks(tmp_path / "again", Keys(Ed25519PrivateKey.generate(), KEYS.did, KEYS.recipients))
    await again.begin(2)
    await bring(tmp_path / "again" / "spool", folder)
    again.clock.move(timedelta(days=200))
    before = len(await FolderPlace(folder).list())
    await keep(again, folder, days=1)
    assert len(await FolderPlace(folder).list()) == before
