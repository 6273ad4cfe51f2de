"""What is missing, cut off, swapped or sealed to others is found, and said aloud."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from activitypub.keys import did_key
from fedserver.clock import FixedClock
from fedserver.recovery.keys import RecoveryKey
from fedserver.recovery.sealing import CannotOpen
from fedserver.recovery.statements import sign_statement
from fedserver.services.instance_recovery import AUTHORIZATION
from fedserver.survival.vault.chain import Chain, ChainState, Keys
from fedserver.survival.vault.command import check_clock
from fedserver.survival.vault.entries import read_entry, unpack
from fedserver.survival.vault.reading import CannotRestore, Chest, Opener, Plan, copies_in
from fedserver.survival.vault.targets import Target
from storage.server.wal_stream import SEGMENT_BYTES
from storage.vault_places import FolderPlace

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
WORDS = RecoveryKey(bytes(range(32)))
INSTANCE = Ed25519PrivateKey.from_private_bytes(b"i" * 32)
KEYS = Keys(INSTANCE, did_key(INSTANCE.public_key()), (WORDS.public.recipient,))
ORIGIN = {
    "instance": "https://here.example",
    "authorization": sign_statement(
        {"type": AUTHORIZATION, "key": KEYS.did}, by=WORDS.signing, now=NOW
    ),
}
# genesis, log, files, base, log, base-end, then ten of the log.
BASE_END, NEWEST = 5, 15


@dataclass(frozen=True, slots=True)
class Scene:
    """A chain at two targets, and a place for what a restore fetches."""

    folders: tuple[Path, Path]
    copies: Path

    def files(self, number: int, folder: int = 0) -> Path:
        return next(self.folders[folder].rglob(f"{number:010d}.*"))

    def at_both(self, number: int, change: Callable[[Path], object]) -> None:
        for folder in range(2):
            change(self.files(number, folder))

    async def plan(self, key: RecoveryKey = WORDS) -> Plan:
        targets = [Target(one.name, FolderPlace(one)) for one in self.folders]
        chest = Chest(targets, Opener.of(key), copies_in(self.copies))
        await chest.look()
        return await chest.newest_plan(lambda _text: None)


async def write_chain(folder: Path, signed_at: datetime, number: int = 1) -> None:
    chain = Chain(folder, FixedClock(signed_at))
    await chain.load()
    state = ChainState(chain="", timeline=1, wal_end=SEGMENT_BYTES)
    await chain.begin(number, KEYS, ORIGIN, state)

    async def log(size: int = 100) -> None:
        start = chain.current.wal_end
        about = {"start": start, "end": start + size, "timeline": 1}
        await chain.append("wal", about, b"w" * size, KEYS)

    await log()
    await chain.append("files", {"digest": "f"}, b"the files", KEYS)
    await chain.append("base", {"base": "b", "part": 0}, b"a part", KEYS)
    await log()
    about = {"base": "b", "parts": 1, "start": SEGMENT_BYTES + 50, "end": SEGMENT_BYTES + 150}
    await chain.append("base-end", about | ORIGIN | {"timeline": 1, "needs": 1}, b"", KEYS)
    for _ in range(NEWEST - BASE_END):
        await log()


@pytest.fixture
async def scene(tmp_path: Path) -> Scene:
    return await make_scene(tmp_path, NOW)


async def make_scene(tmp_path: Path, signed_at: datetime) -> Scene:
    await write_chain(tmp_path / "vault", signed_at)
    folders = tmp_path / "one", tmp_path / "two"
    source = tmp_path / "vault" / "spool"
    for folder in folders:
        folder.mkdir()
        await bring(source, folder)
    return Scene(folders, tmp_path / "copies")


async def bring(source: Path, folder: Path) -> None:
    for name in await FolderPlace(source).list():
        await FolderPlace(folder).put(name, (source / name).read_bytes())


async def test_all_is_there(scene: Scene) -> None:
    plan = await scene.plan()
    assert (plan.end, plan.newest, plan.problem) == (NEWEST, NEWEST, "")
    assert [one.sequence for one in plan.parts] == [3]
    assert len(plan.wal) == 12
    assert plan.files.sequence == 2


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def cut_off_manifest(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:200])


def turn_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[300] ^= 1
    path.write_bytes(data)


def swap(path: Path) -> None:
    path.write_bytes(next(path.parent.glob("0000000009.*")).read_bytes())


@pytest.mark.parametrize("damage", [Path.unlink, cut_off, cut_off_manifest, turn_a_bit, swap])
async def test_what_is_damaged_at_one_target_comes_from_the_other(
    scene: Scene, damage: Callable[[Path], object]
) -> None:
    for number in (1, BASE_END, 10):
        damage(scene.files(number))
    plan = await scene.plan()
    assert (plan.end, plan.problem) == (NEWEST, "")


@pytest.mark.parametrize("damage", [Path.unlink, cut_off, cut_off_manifest, turn_a_bit, swap])
async def test_what_is_damaged_everywhere_ends_at_the_last_consistent_point(
    scene: Scene, damage: Callable[[Path], object]
) -> None:
    scene.at_both(10, damage)
    plan = await scene.plan()
    assert (plan.end, plan.newest) == (9, NEWEST)
    assert "entry 10" in plan.problem


@pytest.mark.parametrize("number", [1, 3, 4, BASE_END])
async def test_without_a_part_of_the_base_nothing_is_restored(scene: Scene, number: int) -> None:
    scene.at_both(number, Path.unlink)
    with pytest.raises(CannotRestore, match=r"Nothing can be restored\. .*"):
        await scene.plan()


async def test_words_of_another_instance_are_refused(scene: Scene) -> None:
    with pytest.raises(CannotRestore, match="did not make that vault"):
        await scene.plan(RecoveryKey(bytes(32)))


async def test_another_key_opens_nothing(scene: Scene) -> None:
    entry = read_entry(scene.files(2).read_bytes())
    assert unpack(entry.payload, WORDS.opening) == b"the files"
    with pytest.raises(CannotOpen):
        unpack(entry.payload, RecoveryKey(bytes(32)).opening)


async def test_entries_that_somebody_else_signed_do_not_count(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stranger = Ed25519PrivateKey.generate()
    forged = Keys(stranger, did_key(stranger.public_key()), (WORDS.public.recipient,))
    monkeypatch.setattr(f"{__name__}.KEYS", forged)
    await write_chain(tmp_path / "forged", NOW, number=2)
    for folder in scene.folders:
        await bring(tmp_path / "forged" / "spool", folder)
    plan = await scene.plan()
    assert plan.chain.startswith("0000000001-")
    assert plan.end == NEWEST


async def test_two_hosts_that_went_on_from_one_vault_are_not_mixed(
    scene: Scene, tmp_path: Path
) -> None:
    await write_chain(tmp_path / "other", NOW)
    await bring(tmp_path / "other" / "spool", scene.folders[0])
    chest = Chest(
        [Target(one.name, FolderPlace(one)) for one in scene.folders],
        Opener.of(WORDS),
        copies_in(scene.copies),
    )
    await chest.look()
    with pytest.raises(CannotRestore, match="Two hosts went on"):
        chest.choose(None)
    for chain in chest.chains:
        again = Chest(chest.targets, chest.opener, chest.copies)
        await again.look()
        again.choose(chain)
        assert (await again.newest_plan(lambda _text: None)).chain == chain


@pytest.mark.parametrize("hours", [-13, 13])
async def test_a_wrong_clock_on_the_lost_machine_keeps_nobody_from_restoring(
    tmp_path: Path, hours: int
) -> None:
    scene = await make_scene(tmp_path, NOW + timedelta(hours=hours))
    assert (await scene.plan()).end == NEWEST


async def test_a_clock_that_is_behind_is_refused(scene: Scene) -> None:
    plan = await scene.plan()
    newest = plan.manifests[plan.end].at
    check_clock(newest, FixedClock(NOW))
    with pytest.raises(CannotRestore, match="--any-clock"):
        check_clock(newest, FixedClock(NOW - timedelta(hours=13)))


@pytest.fixture
def empty(tmp_path: Path) -> Scene:
    folders = tmp_path / "one", tmp_path / "not mounted"
    folders[0].mkdir()
    return Scene(folders, tmp_path / "copies")


async def test_an_empty_place_and_one_that_is_away_are_told_apart(empty: Scene) -> None:
    with pytest.raises(CannotRestore, match=r"no vault at one, not mounted .*make or mount it"):
        await empty.plan()


async def test_a_crash_between_entry_and_note_doubles_nothing(tmp_path: Path) -> None:
    await write_chain(tmp_path, NOW)
    state = (tmp_path / "state.json").read_bytes()
    chain = Chain(tmp_path, FixedClock(NOW))
    await chain.load()
    before = chain.current.sequence
    about = {"start": chain.current.wal_end, "end": chain.current.wal_end + 1, "timeline": 1}
    await chain.append("wal", about, b"w", KEYS)
    (tmp_path / "state.json").write_bytes(state)
    again = Chain(tmp_path, FixedClock(NOW))
    await again.load()
    assert again.current.sequence == before + 1
    assert again.current.digest == chain.current.digest
    assert again.current.wal_end == about["end"]
