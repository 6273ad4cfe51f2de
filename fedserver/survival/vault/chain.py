"""The chain being written: entries are sealed, signed and laid into the spool, in order.

The spool is a folder in the data folder. What lies there is on the way to the targets; its newest
file says how far the chain has come, so a crash between two steps loses and doubles nothing.
"""

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fedserver.clock import Clock
from fedserver.survival.vault.entries import (
    FIRST_PREVIOUS,
    Manifest,
    name_of,
    pack,
    read_entry,
    read_name,
    write_entry,
)
from storage.server.wal_stream import segment_start
from storage.vault_places import FolderPlace

_STATE: Final = "state.json"
# Sealing releases the interpreter's lock; more threads would only take what requests need.
_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="seal")


class ChainState(msgspec.Struct, kw_only=True):
    """How far the chain is. `wal_end`: up to where the log lies in entries; `segment_sequence`: the
    entry in which the file of the log begins that is being written."""

    chain: str
    sequence: int = -1
    digest: str = FIRST_PREVIOUS
    system: str = ""
    timeline: int = 0
    wal_end: int = 0
    segment_sequence: int = 0
    signer: str = ""
    recipients: list[str] = []
    base_at: datetime | None = None
    base_sequence: int | None = None
    minimum_at: datetime | None = None
    files_digest: str = ""
    wal_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Keys:
    """Who signs the entries, and who may open them."""

    signing: Ed25519PrivateKey
    did: str
    recipients: tuple[str, ...]


class Chain:
    """Writes entries. One for each instance, in the process that holds the vault's lock."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        """Take the vault's folder. `load` or `begin` comes before anything else."""
        self._folder = folder
        self._clock = clock
        self._spool = FolderPlace(folder / "spool")
        self._order = asyncio.Lock()
        self.state: ChainState | None = None

    @property
    def current(self) -> ChainState:
        """How far it is, once it was begun or found."""
        assert self.state is not None  # `begin` or `load` came first
        return self.state

    @property
    def spool(self) -> FolderPlace:
        """Where entries wait for targets."""
        return self._spool

    async def load(self) -> None:
        """Find out how far the chain had come."""
        await asyncio.to_thread(self._load)

    def _load(self) -> None:
        (self._folder / "spool").mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            state = msgspec.json.decode((self._folder / _STATE).read_bytes(), type=ChainState)
        except (FileNotFoundError, msgspec.DecodeError):
            return
        self.state = self._caught_up(state)

    def _caught_up(self, state: ChainState) -> ChainState | None:
        """An entry was laid down, and the note about it was not."""
        for path in sorted((self._folder / "spool").rglob("*.*")):
            name = read_name(path.relative_to(self._folder / "spool").as_posix())
            if name and name.chain == state.chain and name.sequence > state.sequence:
                entry = read_entry(path.read_bytes())
                _note(state, entry.manifest, entry.digest)
        return state

    async def begin(
        self, number: int, keys: Keys, about: dict[str, Any], state: ChainState
    ) -> None:
        """Begin a new chain, whose number is above that of every other."""
        async with self._order:
            state.chain = f"{number:010d}-{secrets.token_hex(4)}"
            state.signer, state.recipients = keys.did, list(keys.recipients)
            self.state = state
        await self.append("genesis", about, b"", keys)

    async def append(
        self, kind: str, about: dict[str, Any], plain: bytes, keys: Keys
    ) -> tuple[int, int]:
        """Lay down an entry, durably; gives its number and size."""
        payload = await _in_thread(pack, plain, keys.recipients)
        async with self._order:
            state = self.current
            manifest = Manifest(
                chain=state.chain,
                sequence=state.sequence + 1,
                kind=kind,
                previous=state.digest,
                at=self._clock.now(),
                sha256=sha256(payload).hexdigest(),
                about=about,
            )
            data, digest = await _in_thread(_written, manifest, payload, keys)
            await self._spool.put(name_of(state.chain, manifest.sequence, kind), data)
            _note(state, manifest, digest)
            await asyncio.to_thread(self._save, msgspec.json.encode(state))
            return manifest.sequence, len(data)

    def _save(self, text: bytes) -> None:
        draft = self._folder / f"{_STATE}.new"
        draft.write_bytes(text)
        draft.replace(self._folder / _STATE)


def _written(manifest: Manifest, payload: bytes, keys: Keys) -> tuple[bytes, str]:
    return write_entry(manifest, payload, by=keys.signing, now=manifest.at)


def _note(state: ChainState, manifest: Manifest, digest: str) -> None:
    state.sequence, state.digest = manifest.sequence, digest
    match manifest.kind:
        case "wal":
            state.wal_end, state.wal_at = manifest.about["end"], manifest.at
            if segment_start(state.wal_end) >= manifest.about["start"]:
                state.segment_sequence = manifest.sequence
        case "base-end" | "dump-end":
            state.base_at, state.base_sequence = manifest.at, manifest.sequence
        case "minimum-end":
            state.minimum_at = manifest.at
        case "files":
            state.files_digest = manifest.about["digest"]


async def _in_thread(work: Any, *args: Any) -> Any:
    return await asyncio.get_running_loop().run_in_executor(_threads, work, *args)
