"""The targets of the configuration, and one name for each."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fedserver.config import Config
from fedserver.context import Context
from fedserver.errors import Denied, FedserverError, NotFound, StartError
from fedserver.outgoing import Outgoing
from fedserver.survival.mirrors.target import AsInstance, Credentials, MirrorTarget
from storage.bucket import BucketPlace
from storage.vault_places import BucketObjects, FolderPlace, Place, PlaceUnavailable

FOLDER: Final = "folder:"
BUCKET: Final = "bucket"
MIRROR: Final = "mirror:"
_CONFLICT: Final = 409
_MEDIA: Final = "media/"
_HOW: Final = "folder:/path, bucket, or mirror:https://host"


@dataclass(frozen=True, slots=True)
class Target:
    """A place with the name that the configuration has for it."""

    label: str
    place: Place


@dataclass(frozen=True, slots=True)
class MirrorPlace:
    """A `Place` at another instance."""

    mirror: MirrorTarget

    async def put(self, name: str, data: bytes) -> None:
        """Bring an object; raises PlaceUnavailable."""
        try:
            await self.mirror.put(name, data)
        except FedserverError as error:
            if isinstance(error, Denied) and error.status == _CONFLICT and name.startswith(_MEDIA):
                return  # sealed twice, the same file is different bytes; it has the first
            raise PlaceUnavailable(str(error)) from error

    async def get(self, name: str) -> bytes:
        """Give an object; raises FileNotFoundError."""
        try:
            return await self.mirror.get(name)
        except NotFound:
            raise FileNotFoundError(name) from None
        except FedserverError as error:
            raise PlaceUnavailable(str(error)) from error

    async def list(self, prefix: str = "") -> list[str]:
        """Give the names, with those that were deleted lately: they can still be had."""
        try:
            return [one.name for one in await self.mirror.entries(prefix)]
        except FedserverError as error:
            raise PlaceUnavailable(str(error)) from error

    async def delete(self, name: str) -> None:
        """Say that an object may go; the mirror keeps it for some days."""
        try:
            await self.mirror.delete(name)
        except FedserverError as error:
            raise PlaceUnavailable(str(error)) from error


def check_targets(config: Config) -> None:
    """Raise StartError for a target that is none, or that would be lost with the server."""
    if config.vault.synchronous and config.database.url:
        raise StartError(
            "[vault] synchronous needs fedserver's own PostgreSQL: the log of another one is not"
            " ours. Set synchronous = false, or leave [database] url empty"
        )
    for label in config.vault.targets:
        if label.startswith(FOLDER):
            _check_folder(config, Path(label.removeprefix(FOLDER)))
        elif label == BUCKET:
            if not config.vault_bucket.name:
                raise StartError('[vault] targets has "bucket", but [vault_bucket] has no name')
        elif not label.startswith(f"{MIRROR}http"):
            raise StartError(f'[vault] targets: "{label}" is no target; there are {_HOW}')


def _check_folder(config: Config, folder: Path) -> None:
    if not folder.is_absolute():
        raise StartError(f"[vault] targets: the folder {folder} has to begin with a slash")
    if folder.resolve().is_relative_to(config.data.folder.resolve()):
        raise StartError(
            f"[vault] targets: {folder} is inside the data folder, and would be lost with it; "
            "name a folder on another disk"
        )


def targets_of(ctx: Context) -> list[Target]:
    """Give the targets of a running instance."""
    return open_targets(ctx.config, ctx.config.vault.targets, ctx.out, AsInstance(ctx))


def open_targets(
    config: Config,
    labels: tuple[str, ...],
    out: Outgoing | None = None,
    credentials: Credentials | None = None,
) -> list[Target]:
    """Give the targets that `labels` name. Mirrors need an `out` to go through, and proof of who
    asks. Raises StartError."""
    return [Target(label, _place(config, label, out, credentials)) for label in labels]


def _place(
    config: Config, label: str, out: Outgoing | None, credentials: Credentials | None
) -> Place:
    if label.startswith(FOLDER):
        return FolderPlace(Path(label.removeprefix(FOLDER)))
    if label == BUCKET:
        return BucketObjects(_bucket(config))
    if label.startswith(MIRROR) and out is not None and credentials is not None:
        return MirrorPlace(MirrorTarget(out, label, credentials))
    if label.startswith(MIRROR) and out is not None:
        raise StartError(f"{label} gives what it keeps to holders of the 24 words only")
    raise StartError(f'"{label}" is no target of a vault; there are {_HOW}')


def _bucket(config: Config) -> BucketPlace:
    bucket = config.vault_bucket
    return BucketPlace(
        name=bucket.name,
        endpoint=bucket.endpoint,
        region=bucket.region,
        access_key_id=bucket.access_key_id,
        secret_access_key=bucket.secret_access_key,
        prefix=bucket.prefix,
        path_style=bucket.path_style,
        timeout_s=bucket.timeout_s,
    )
