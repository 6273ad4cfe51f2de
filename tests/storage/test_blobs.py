"""Blobs in a folder: named by content, whole or not there, and never outside the folder."""

import asyncio
import hashlib
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from storage.blobs import BlobFolder, BlobStore

DATA = b"some picture"
NAME = hashlib.sha256(DATA).hexdigest() + ".png"


def files_in(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


async def test_a_blob_is_named_by_its_content(tmp_path: Path) -> None:
    blobs: BlobStore = BlobFolder(tmp_path / "media")
    assert await blobs.put(DATA, suffix=".png") == NAME
    assert await blobs.read(NAME) == DATA
    assert await blobs.size(NAME) == len(DATA)
    assert await blobs.exists(NAME)
    assert files_in(tmp_path / "media") == [f"{NAME[:2]}/{NAME[2:4]}/{NAME}"]


async def test_putting_it_again_changes_nothing(tmp_path: Path) -> None:
    blobs = BlobFolder(tmp_path)
    await blobs.put(DATA, suffix=".png")
    before = blobs.path(NAME).stat()
    assert await blobs.put(DATA, suffix=".png") == NAME
    after = blobs.path(NAME).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


async def test_a_file_is_copied_and_stays(tmp_path: Path) -> None:
    source = tmp_path / "upload"
    source.write_bytes(DATA * 100_000)
    blobs = BlobFolder(tmp_path / "media")
    name = await blobs.put(source, suffix=".mp4")
    assert await blobs.put(source, suffix=".mp4") == name
    assert name == hashlib.sha256(DATA * 100_000).hexdigest() + ".mp4"
    assert await blobs.read(name) == source.read_bytes()
    assert len(files_in(tmp_path / "media")) == 1


async def test_many_at_once(tmp_path: Path) -> None:
    blobs = BlobFolder(tmp_path)
    names = await asyncio.gather(*(blobs.put(DATA, suffix=".png") for _ in range(20)))
    assert set(names) == {NAME}
    assert len(files_in(tmp_path)) == 1


async def test_a_deleted_blob_is_gone(tmp_path: Path) -> None:
    blobs = BlobFolder(tmp_path)
    await blobs.put(DATA, suffix=".png")
    assert await blobs.delete(NAME)
    assert not await blobs.delete(NAME)
    assert not await blobs.exists(NAME)
    with pytest.raises(FileNotFoundError):
        await blobs.read(NAME)
    with pytest.raises(FileNotFoundError):
        await blobs.size(NAME)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "..",
        "../../etc/passwd",
        "/etc/passwd",
        NAME.upper(),
        NAME + "\n",
        NAME.removesuffix(".png"),
        NAME[:-4] + "./png",
        NAME[:-4] + ".png.gz",
        "a" * 63 + ".png",
        "../" + NAME,
        "incoming/" + NAME,
        NAME + "\0",
    ],
)
async def test_other_names_are_refused_everywhere(tmp_path: Path, name: str) -> None:
    blobs = BlobFolder(tmp_path)
    with pytest.raises(ValueError, match="name of a blob"):
        blobs.path(name)
    for operation in (blobs.read, blobs.delete, blobs.exists, blobs.size):
        with pytest.raises(ValueError, match="name of a blob"):
            await operation(name)


@pytest.mark.parametrize("suffix", ["", "png", ".", "/x", "./../x", ".PNG", ".a/b", ".123456789"])
async def test_other_suffixes_are_refused(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(ValueError, match="suffix"):
        await BlobFolder(tmp_path).put(DATA, suffix=suffix)
    assert files_in(tmp_path) == []


async def test_a_failed_put_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await BlobFolder(tmp_path).put(tmp_path / "missing", suffix=".png")
    assert files_in(tmp_path) == []


async def test_what_a_crash_left_is_swept_when_old(tmp_path: Path) -> None:
    blobs = BlobFolder(tmp_path)
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    assert await blobs.sweep(hour_ago) == 0
    await blobs.put(DATA, suffix=".png")
    for name, age_h in (("old", 2), ("fresh", 0)):
        path = tmp_path / "incoming" / name
        path.write_bytes(b"half")
        modified_s = (datetime.now(UTC) - timedelta(hours=age_h)).timestamp()
        os.utime(path, (modified_s, modified_s))
    assert await blobs.sweep(hour_ago) == 1
    assert "incoming/fresh" in files_in(tmp_path)
    assert await blobs.exists(NAME)
