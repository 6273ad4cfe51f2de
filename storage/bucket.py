"""Media blobs in an S3-compatible bucket, under the same names as in a folder.

The service is the admin's own, named in the configuration: no address that a peer or a client
says is ever asked here. See docs/decisions/0018-media-in-a-bucket.md.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import IO, Any, Final

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from storage.blobs import Content, is_blob_name, is_suffix, name_of

_PART_BYTES: Final = 8 * 1024 * 1024
_AT_ONCE: Final = 2
_RETRIES: Final = 3
_PRESIGNED_FOR: Final = timedelta(hours=1)
# What a browser that reads the bucket itself may do with a file: nothing but show it.
_CACHE: Final = "public, max-age=31536000, immutable"
_TYPES: Final = {
    "jpg": "image/jpeg",
    "png": "image/png",
    "gif": "image/gif",
    "webp": "image/webp",
    "mp4": "video/mp4",
    "webm": "video/webm",
    "mp3": "audio/mpeg",
    "m4a": "audio/mp4",
}


class BucketUnavailable(OSError):
    """The service could not be reached, or refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketPlace:
    """Where a bucket is and who we are there. Without `endpoint` it is Amazon's."""

    name: str
    endpoint: str = ""
    region: str = "us-east-1"
    access_key_id: str = field(default="", repr=False)
    secret_access_key: str = field(default="", repr=False)
    prefix: str = ""
    path_style: bool = True
    presigned: bool = False
    public_url: str = ""
    timeout_s: float = 30.0


def open_store(place: BucketPlace, *, retries: int) -> S3Store:
    """Give what speaks to the service of a bucket; nothing is asked of it yet."""
    options: dict[str, Any] = {"endpoint": place.endpoint} if place.endpoint else {}
    return S3Store(
        place.name,
        region=place.region,
        access_key_id=place.access_key_id,
        secret_access_key=place.secret_access_key,
        virtual_hosted_style_request=not place.path_style,
        client_options={
            "timeout": timedelta(seconds=place.timeout_s),
            "connect_timeout": timedelta(seconds=min(5.0, place.timeout_s)),
            # The admin wrote http:// or https://; nothing else decides.
            "allow_http": place.endpoint.startswith("http://"),
        },
        retry_config={
            "max_retries": retries,
            "retry_timeout": timedelta(seconds=place.timeout_s),
        },
        **options,
    )


class BlobBucket:
    """A `BlobStore` in a bucket. What cannot be done now raises BucketUnavailable, an OSError."""

    def __init__(self, place: BucketPlace) -> None:
        self._place = place
        self._store = open_store(place, retries=_RETRIES)

    async def put(self, data: Content, *, suffix: str) -> str:
        """Keep `data` and give its name. Doing it again changes nothing."""
        if not is_suffix(suffix):
            raise ValueError("a suffix is a dot and 1 to 8 letters or digits")
        name = await asyncio.to_thread(name_of, data, suffix)
        if await self.exists(name):
            return name
        async with _told(name):
            await obstore.put_async(
                self._store,
                self._key(name),
                _rewound(data),
                attributes={
                    "Content-Type": _TYPES.get(suffix[1:], "application/octet-stream"),
                    "Cache-Control": _CACHE,
                },
                chunk_size=_PART_BYTES,
                max_concurrency=_AT_ONCE,
            )
        return name

    async def read(self, name: str) -> bytes:
        """Give the content; raises FileNotFoundError."""
        async with _told(name):
            found = await obstore.get_async(self._store, self._key(name))
            return bytes(await found.bytes_async())

    async def read_range(self, name: str, start: int, length: int) -> bytes:
        """Give a part of the content; raises FileNotFoundError."""
        async with _told(name):
            part = await obstore.get_range_async(
                self._store, self._key(name), start=start, length=length
            )
            return bytes(part)

    async def open(self, name: str) -> IO[bytes]:
        """Give the content as an open local file, to be closed; raises FileNotFoundError."""
        # Closed by who gets it, or here when the copy does not come to its end.
        copy: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        try:
            async with _told(name):
                found = await obstore.get_async(self._store, self._key(name))
                async for chunk in found.stream(min_chunk_size=_PART_BYTES):
                    await asyncio.to_thread(copy.write, bytes(chunk))
        except BaseException:
            copy.close()
            raise
        copy.seek(0)
        return copy

    async def delete(self, name: str) -> bool:
        """Remove a blob; False when there was none."""
        if not await self.exists(name):
            return False
        async with _told(name):
            await obstore.delete_async(self._store, self._key(name))
        return True

    async def exists(self, name: str) -> bool:
        """Say whether there is a blob of that name."""
        try:
            await self.size(name)
        except FileNotFoundError:
            return False
        return True

    async def size(self, name: str) -> int:
        """Give the content's length in bytes; raises FileNotFoundError."""
        async with _told(name):
            head = await obstore.head_async(self._store, self._key(name))
            return head["size"]

    def path(self, name: str) -> Path | None:
        """No blob is a local file."""
        self._key(name)
        return None

    async def public_url(self, name: str) -> str | None:
        """Give where browsers get the content by themselves, or None: through us."""
        if self._place.public_url:
            return f"{self._place.public_url.rstrip('/')}/{self._key(name)}"
        if not self._place.presigned:
            return None
        async with _told(name):
            return await obstore.sign_async(self._store, "GET", self._key(name), _PRESIGNED_FOR)

    def _key(self, name: str) -> str:
        if not is_blob_name(name):
            raise ValueError("not the name of a blob")
        return f"{self._place.prefix}{name}"


@asynccontextmanager
async def _told(name: str) -> AsyncIterator[None]:
    """Let errors of the service become those of files."""
    try:
        yield
    except FileNotFoundError:
        raise FileNotFoundError(name) from None
    except BaseError as error:
        # The library's text may name addresses and keys' ids; the log of an admin may have it.
        raise BucketUnavailable(f"the bucket does not give or take {name}: {error}") from error


def _rewound(data: Content) -> Any:
    if not isinstance(data, bytes | Path):
        data.seek(0)
    return data
