"""Bringing an instance back from its vault: database, instance key, settings."""

import asyncio
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fedserver.config import Config
from fedserver.survival.vault.entries import Manifest, name_of, read_entry, unpack
from fedserver.survival.vault.instance_files import InstanceFiles, write_files
from fedserver.survival.vault.reading import Chest, Parts, Plan, Progress
from storage.server import EmbeddedPostgres
from storage.server.dumps import load
from storage.server.restored import RestoredCluster
from storage.server.wal_stream import Piece

Note = Callable[[InstanceFiles], None]


async def restore_database(
    chest: Chest, plan: Plan, data_folder: Path, say: Progress, note: Note
) -> None:
    """Put together the cluster and the instance key in an empty data folder. `note` is called just
    before the cluster gets its name."""
    source = Source(chest)
    say(f"unpacking the base, {len(plan.parts)} parts")
    cluster = await asyncio.to_thread(RestoredCluster, data_folder)
    await asyncio.to_thread(cluster.begin)
    tar = io.BufferedReader(Joined(source.contents(plan.parts)))
    await asyncio.to_thread(cluster.unpack, tar)
    say(f"laying down the log, {len(plan.wal)} entries")
    timeline = plan.base_end.about["timeline"]
    await asyncio.to_thread(cluster.write_log, source.log(plan.wal), timeline)
    text = await asyncio.to_thread(source.content, plan.files)
    files = await asyncio.to_thread(write_files, text, data_folder)
    await asyncio.to_thread(note, files)
    await asyncio.to_thread(cluster.finish, files.local_conf)


async def restore_dump(
    chest: Chest, found: Parts, config: Config, say: Progress, note: Note
) -> None:
    """Put a dump into the database of the configuration, or into our own in an empty data folder;
    and the instance key beside it. Raises DumpFailed."""
    source, folder = Source(chest), config.data.folder
    tar = io.BufferedReader(Joined(source.contents(found.parts)))
    say(f"loading the dump, {len(found.parts)} parts")
    if config.database.url:
        await asyncio.to_thread(load, config.database.url, tar)
    else:
        async with EmbeddedPostgres(folder) as dsn:
            await asyncio.to_thread(load, dsn, tar)
    text = await asyncio.to_thread(source.content, found.files)
    note(await asyncio.to_thread(write_files, text, folder))


@dataclass(frozen=True, slots=True)
class Source:
    """Gives the contents of entries that were fetched. For threads."""

    chest: Chest

    def content(self, manifest: Manifest) -> bytes:
        name = name_of(manifest.chain, manifest.sequence, manifest.kind)
        entry = read_entry(self.chest.copies.read(name))
        return unpack(entry.payload, self.chest.opener.identity)

    def contents(self, manifests: Sequence[Manifest]) -> Iterator[bytes]:
        return map(self.content, manifests)

    def log(self, manifests: Sequence[Manifest]) -> Iterator[Piece]:
        for manifest in manifests:
            yield Piece(manifest.about["start"], self.content(manifest))


class Joined(io.RawIOBase):
    """Parts one after another, as one file to read."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts = parts
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, target: "memoryview") -> int:  # type: ignore[override]  # any buffer is one
        while not self._rest:
            part = next(self._parts, None)
            if part is None:
                return 0
            self._rest = memoryview(part)
        size = min(len(target), len(self._rest))
        target[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size
