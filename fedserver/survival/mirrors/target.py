"""A partner's mirror as a place to put sealed chunks, for the vault and for people's kits."""

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import quote, urlencode

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from activitypub.errors import DocumentError
from activitypub.json_bytes import loads
from activitypub.origins import host_of
from activitypub.signatures import Dialect
from fedserver.clock import Clock
from fedserver.context import Context
from fedserver.errors import Denied, FedserverError, NotFound, Unreachable
from fedserver.outgoing import Limits, Outgoing, Response
from fedserver.services import signing
from fedserver.survival.mirrors.keeping import MAX_CHUNK_BYTES
from fedserver.survival.mirrors.partners import PATH
from fedserver.survival.mirrors.reading import reading_header

_LIMITS: Final = Limits(total_s=120, max_bytes=MAX_CHUNK_BYTES)


class QuotaExceeded(FedserverError):
    """The mirror has no more room for us, or the chunk is too large for it."""


class Credentials(Protocol):
    """What proves to a mirror who asks."""

    async def headers(self, method: str, url: str) -> Mapping[str, str]:
        """Give the headers that go with a request."""


@dataclass(frozen=True, slots=True)
class AsInstance:
    """The instance itself, with the key of its actor: reads and writes."""

    ctx: Context

    async def headers(self, method: str, url: str) -> Mapping[str, str]:
        """Sign the request; the URL has the hash of what is brought, so no body is signed."""
        key = await signing.instance_key(self.ctx)
        return await signing.signer(self.ctx, key, Dialect.CAVAGE)(method, url, None)


@dataclass(frozen=True, slots=True)
class AsOwner:
    """Whoever has the recovery key, when nothing else is left: reads."""

    key: Ed25519PrivateKey
    clock: Clock

    async def headers(self, method: str, url: str) -> Mapping[str, str]:
        """State who reads where."""
        return reading_header(host_of(url), by=self.key, now=self.clock.now())


@dataclass(frozen=True, slots=True)
class Entry:
    """A chunk at a mirror. `removed`: it was deleted, and is kept for some days all the same."""

    name: str
    size: int
    sha256: str
    removed: bool


class _Chunk(msgspec.Struct, frozen=True):
    name: str
    size: int
    sha256: str
    remove_after: str | None


class _Page(msgspec.Struct, frozen=True):
    chunks: list[_Chunk]
    next: str | None


class MirrorTarget:
    """Chunks at the mirror `https://HOST`.

    Everything raises Unreachable where the mirror does not answer, Denied where it says no, and
    NotFound for a chunk that is not there.
    """

    def __init__(
        self, out: Outgoing, address: str, credentials: Credentials, *, owner: str | None = None
    ) -> None:
        """Take `https://HOST` or `mirror:https://HOST`. `owner` is the host whose chunks are read,
        where one recovery key was of several."""
        self._out = out
        self._base = address.removeprefix("mirror:").rstrip("/") + PATH
        self._credentials = credentials
        self._owner = {} if owner is None else {"owner": owner}

    async def put(self, name: str, data: bytes, *, reader: str | None = None) -> None:
        """Bring a chunk; again is nothing. `reader` is the did:key of whose kit it is.

        Raises QuotaExceeded, and Denied (409) where the name has other content.
        """
        query = {"name": name, "sha256": await asyncio.to_thread(_digest, data)}
        if reader is not None:
            query["reader"] = reader
        await self._ask("PUT", "/chunk", query, body=data)

    async def get(self, name: str) -> bytes:
        """Give a chunk."""
        return (await self._ask("GET", "/chunk", {"name": name, **self._owner})).body

    async def entries(self, prefix: str = "") -> list[Entry]:
        """Give everything that is kept, with what was deleted lately."""
        found: list[Entry] = []
        after: str | None = ""
        while after is not None:
            query = {"prefix": prefix, "after": after, **self._owner}
            page = _page(await self._ask("GET", "/chunks", query), after)
            found += [
                Entry(one.name, one.size, one.sha256, one.remove_after is not None)
                for one in page.chunks
            ]
            after = page.next
        return found

    async def list(self, prefix: str = "") -> list[str]:
        """Give the names that begin with `prefix`, in order, without those that were deleted."""
        return [one.name for one in await self.entries(prefix) if not one.removed]

    async def delete(self, name: str) -> None:
        """Say that a chunk may go. The mirror keeps it for some days more. Again is nothing."""
        try:
            await self._ask("DELETE", "/chunk", {"name": name})
        except NotFound:
            return

    async def _ask(
        self, method: str, path: str, query: Mapping[str, str], *, body: bytes | None = None
    ) -> Response:
        url = f"{self._base}{path}?{urlencode(query, quote_via=quote, safe='/:')}"
        headers = {**await self._credentials.headers(method, url)}
        if body is not None:
            headers["Content-Type"] = "application/octet-stream"
        response = await self._out.request(
            method, url, headers=headers, body=body, limits=_LIMITS, repeatable=True
        )
        return accepted(url, response)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def accepted(url: str, response: Response) -> Response:
    """Give a 2xx of a mirror back. Raises NotFound, QuotaExceeded, Unreachable or Denied, with what
    the mirror says."""
    if 200 <= response.status < 300:
        return response
    reason = _reason(response)
    if response.status == 404:
        raise NotFound(reason)
    if response.status in (413, 507):
        raise QuotaExceeded(f"{host_of(url)}: {reason}")
    if response.status == 429 or response.status >= 500:
        raise Unreachable(host_of(url), f"{response.status}: {reason}")
    raise Denied(response.status, f"{host_of(url)}: {reason}")


def _reason(response: Response) -> str:
    try:
        said = loads(response.body, max_bytes=65_536).get("error")
    except DocumentError:
        said = None
    return said if isinstance(said, str) else f"it answered {response.status}"


def _page(response: Response, after: str) -> _Page:
    host = host_of(response.url)
    try:
        page = msgspec.json.decode(response.body, type=_Page)
    except msgspec.DecodeError as error:
        raise Unreachable(host, f"no list of chunks: {error}") from None
    if page.next is not None and page.next <= after:
        raise Unreachable(host, "its list of chunks has no end")
    return page
