"""What an instance needs beside its database: its key, its settings, PostgreSQL's own settings."""

import asyncio
from pathlib import Path
from typing import Final

import msgspec

from fedserver.config import Config
from fedserver.config.example import changed_settings

INSTANCE_KEY: Final = "instance.key"
CONFIG: Final = "config.toml"
LOCAL_CONF: Final = "local.conf"


class InstanceFiles(msgspec.Struct, frozen=True, kw_only=True):
    """The files, as they go into an entry."""

    instance_key: bytes
    config: str
    local_conf: bytes | None


async def read_files(config: Config) -> bytes:
    """Give the files of a running instance as one text; the same files give the same."""
    return await asyncio.to_thread(_read, config)


def _read(config: Config) -> bytes:
    local = config.data.folder / "postgres" / LOCAL_CONF
    return msgspec.json.encode(
        InstanceFiles(
            instance_key=(config.data.folder / INSTANCE_KEY).read_bytes(),
            config=changed_settings(config),
            local_conf=local.read_bytes() if local.exists() else None,
        )
    )


def write_files(text: bytes, data_folder: Path) -> InstanceFiles:
    """Put the instance key where it belongs, and give all files back."""
    files = msgspec.json.decode(text, type=InstanceFiles)
    key = data_folder / INSTANCE_KEY
    key.touch(mode=0o600)
    key.write_bytes(files.instance_key)
    return files
