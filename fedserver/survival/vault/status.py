"""How the vault is, written down for whoever asks: `fedserver vault status`, `doctor`."""

from datetime import datetime
from pathlib import Path

import msgspec

from fedserver.survival.vault.chain import ChainState
from fedserver.survival.vault.shipping import TargetState

_FILE = "status.json"


class VaultStatus(msgspec.Struct, kw_only=True):
    """The last word of the running vault. `order_at`: what was there then has been
    shipped because of `vault now`."""

    at: datetime
    chain: ChainState | None = None
    targets: list[TargetState] = []
    spool_bytes: int = 0
    synchronous: bool = False
    media_waiting: int = 0
    problem: str = ""
    order_at: datetime | None = None


def write_status(folder: Path, status: VaultStatus) -> None:
    """Leave a note in the vault's folder."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = folder / f"{_FILE}.new"
    draft.write_bytes(msgspec.json.encode(status))
    draft.replace(folder / _FILE)


def read_status(folder: Path) -> VaultStatus | None:
    """Read the note, if there is one."""
    try:
        return msgspec.json.decode((folder / _FILE).read_bytes(), type=VaultStatus)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
