"""A cluster that is put together from a base backup and the log after it.

PostgreSQL finds `backup_label` in it and replays what lies in pg_wal, to its end, on the same
timeline (PostgreSQL 18, 25.3.5): the restored cluster is the lost one, not a fork of it.
"""

import os
import shutil
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from storage.server.cluster import program
from storage.server.folders import Folders, make_data_folder, make_postgres_folders
from storage.server.identity import Identity, choose_identity
from storage.server.wal_stream import SEGMENT_BYTES, Piece, segment_name, segment_start


class RestoredCluster:
    """The cluster in the making. Nothing of it counts before `finish`."""

    def __init__(self, data_folder: Path) -> None:
        make_data_folder(data_folder)
        self._folders = Folders.of(data_folder)
        self._identity: Identity = choose_identity(
            self._folders.data, self._folders.postgres, program("postgres")
        )

    def begin(self) -> None:
        """Make an empty one, in the place of one that was interrupted."""
        make_postgres_folders(self._folders, self._identity)
        if self._folders.new_cluster.exists():
            shutil.rmtree(self._folders.new_cluster)
        self._folders.new_cluster.mkdir(mode=0o700)

    def unpack(self, tar: IO[bytes]) -> None:
        """Take the files of a base backup, a tar file that need not be seekable."""
        with tarfile.open(fileobj=tar, mode="r|") as archive:
            archive.extractall(self._folders.new_cluster, filter="data")

    def write_log(self, pieces: Iterable[Piece], timeline: int) -> None:
        """Lay down the log."""
        for piece in pieces:
            for position, part in _by_segment(piece):
                self._write_at(segment_name(position, timeline), position % SEGMENT_BYTES, part)

    def finish(self, local_conf: bytes | None) -> None:
        """Hand it over to PostgreSQL's user, and make it the cluster of the data folder."""
        if local_conf is not None:
            (self._folders.postgres / "local.conf").write_bytes(local_conf)
        for folder, _, files in os.walk(self._folders.new_cluster):
            os.chmod(folder, 0o700)
            os.chown(folder, self._identity.uid, self._identity.gid)
            for name in files:
                os.chown(os.path.join(folder, name), self._identity.uid, self._identity.gid)
        os.sync()
        self._folders.new_cluster.rename(self._folders.cluster)

    def _write_at(self, name: str, offset: int, data: bytes) -> None:
        path = self._folders.new_cluster / "pg_wal" / name
        path.parent.mkdir(mode=0o700, exist_ok=True)
        if not path.exists():
            with path.open("wb") as made:
                made.truncate(SEGMENT_BYTES)
        with path.open("r+b") as file:
            file.seek(offset)
            file.write(data)


def _by_segment(piece: Piece) -> Iterable[tuple[int, bytes]]:
    at = 0
    while at < len(piece.data):
        position = piece.start + at
        room = segment_start(position) + SEGMENT_BYTES - position
        yield position, piece.data[at : at + room]
        at += room
