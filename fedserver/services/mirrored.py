"""What a dead origin said in public, from those that keep it: believed for its proof alone.

A mirror proves nothing. The document has to bear a proof of its author's own key (FEP-8b32), as it
was known here before, while the origin was alive. For who was not known, their instance speaks: its
own actor's key, if that was known, vouches for their actor, and so for their keys.
"""

import asyncio
import hashlib
import logging
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

from activitypub.addressing import is_public
from activitypub.errors import DocumentError, KeyFormatError, ProtocolError, SignatureError
from activitypub.json_bytes import loads
from activitypub.keys import multikey_decode
from activitypub.origins import host_of, same_origin, same_url
from activitypub.parse import parse_actor
from activitypub.parse.types import Family, type_of
from activitypub.proofs import MAX_PROOFS, ProofClaim, read_proof, verify_proof
from activitypub.signatures import Dialect
from activitypub.trust import check_key_owner
from fedserver.context import Context
from fedserver.errors import FedserverError
from fedserver.outgoing import Limits
from fedserver.services import signing
from fedserver.uris import Uris
from storage.accounts import ACCOUNT_BY_URI, SIGNER_KEY
from storage.blobs import BlobFolder
from storage.mirrored import KEPT_OBJECT, MIRRORS_OF_HOST, SHOWN_FILE

Json = dict[str, Any]

log = logging.getLogger(__name__)

PATH: Final = "/api/fedserver/mirror/v1"
MAX_MIRRORS_ASKED: Final = 3
KEPT_SUFFIX: Final = ".kept"
_FILE: Final = re.compile(r"([0-9a-f]{64})\.[a-z0-9]{1,8}")


async def document(ctx: Context, uri: str) -> Json | None:
    """Give what `uri` names as its author signed it, as it came: from what is kept here for the
    origin, or from a mirror that the origin named. None where nobody has it, or it is not proven.
    """
    async for found in _copies(ctx, uri):
        if await proven_by_known_key(ctx, found) or await _vouched_for(ctx, found):
            return found
        log.warning("a copy of %s is not proven by a key that is known here", uri)
    return None


async def _copies(ctx: Context, uri: str) -> AsyncIterator[Json]:
    """Give what others have under that id, each only when the one before was of no use."""
    kept = await ctx.db.one(KEPT_OBJECT, uri)
    if kept is not None and kept.body is not None and (found := _read(ctx, uri, kept.body)):
        yield found
    for mirror in await _mirrors(ctx, uri):
        body = await _asked(ctx, f"{mirror}{PATH}/objects?uri={quote(uri, safe='')}")
        if body is not None and (found := _read(ctx, uri, body)):
            yield found


def _read(ctx: Context, uri: str, body: bytes) -> Json | None:
    try:
        found = loads(body, max_bytes=ctx.config.federation.max_document_bytes)
    except DocumentError:
        return None
    return found if same_url(str(found.get("id")), uri) else None


async def file(ctx: Context, url: str, *, max_bytes: int, total_s: float) -> bytes | None:
    """Give the file at a dead origin's `url` from one of its mirrors, if its name, as fedserver
    gives names, is the hash of its content."""
    named = _FILE.fullmatch(urlsplit(url).path.rpartition("/")[2])
    if named is None:
        return None
    here = await kept_file(ctx, named[0])
    if here is not None:
        return await asyncio.to_thread(here.read_bytes)
    limits = Limits(total_s=total_s, max_bytes=max_bytes)
    for mirror in await _mirrors(ctx, url):
        data = await _asked(ctx, f"{mirror}{PATH}/media?name={named[0]}", limits)
        if data is not None and await asyncio.to_thread(_digest, data) == named[1]:
            return data
    return None


async def kept_file(ctx: Context, name: str) -> Path | None:
    """Give the public file of that name that we keep for a partner, if something may be shown that
    has it."""
    row = await ctx.db.one(SHOWN_FILE, name)
    if row is None:
        return None
    path = kept_folder(ctx, row.contract_id).path(row.sha256 + KEPT_SUFFIX)
    return path if await asyncio.to_thread(path.is_file) else None


def kept_folder(ctx: Context, contract_id: int) -> BlobFolder:
    """Give where the files of one partner are, apart from everybody else's."""
    return BlobFolder(ctx.config.data.folder / "kept" / str(contract_id))


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


async def proven_by_known_key(ctx: Context, document: Json) -> bool:
    """Say whether a public document, as it came, has a proof of its own author with a key that is
    known here. Nobody is asked for anything."""
    author = author_of(document)
    if author is None or not same_origin(str(document.get("id")), author):
        return False
    if not is_for_everybody(document):
        return False
    try:
        claim = await asyncio.to_thread(read_proof, document, now=ctx.clock.now())
        await _check(ctx, claim, author)
    except (SignatureError, DocumentError, KeyFormatError):
        return False
    return True


def author_of(document: Json) -> str | None:
    """Give whose word a document is: an actor's its own, an object's that of its one author, an
    activity's that of its actor."""
    try:
        family = type_of(document)[1]
    except DocumentError:
        return None
    named = {
        Family.ACTOR: document.get("id"),
        Family.ACTIVITY: document.get("actor"),
        Family.OBJECT: document.get("attributedTo"),
    }.get(family or Family.COLLECTION)
    return named if isinstance(named, str) else None


def is_for_everybody(document: Json) -> bool:
    """Say whether a document is addressed to Public; actors are by their nature."""
    if type_of(document)[1] is Family.ACTOR:
        return True
    named: list[Any] = []
    for value in (document.get("to"), document.get("cc")):
        named += value if isinstance(value, list) else [value]
    return any(isinstance(one, str) and is_public(one) for one in named)


async def _check(ctx: Context, claim: ProofClaim, author: str) -> None:
    key = await ctx.db.one(SIGNER_KEY, claim.verification_method)
    if key is None or key.actor_uri != author or key.ours or key.suspended:
        raise SignatureError("no key that is known here made the proof")
    verify_proof(claim, multikey_decode(key.public_key))


async def _vouched_for(ctx: Context, found: Json) -> bool:
    """Say whether somebody who is not known here is vouched for by their instance, whose key is:
    they themselves, or who wrote what was found."""
    author = author_of(found)
    if author is None or not is_for_everybody(found):
        return False
    if not same_origin(str(found.get("id")), author):
        return False
    if await ctx.db.one(ACCOUNT_BY_URI, author) is not None:
        return False  # whose key is known speaks for themselves
    if type_of(found)[1] is Family.ACTOR:
        return await _signed_by_instance(ctx, found)
    async for actor in _copies(ctx, author):
        if await _signed_by_instance(ctx, actor) and _is_signed_by(ctx, found, actor):
            return True
    return False


async def _signed_by_instance(ctx: Context, actor: Json) -> bool:
    """Say whether the instance actor of its origin signed an actor, with a key known here."""
    parts = urlsplit(str(actor.get("id")))
    instance = Uris(f"{parts.scheme}://{parts.netloc}").instance_actor
    proofs = actor.get("proof")
    for proof in proofs[:MAX_PROOFS] if isinstance(proofs, list) else ():
        try:
            claim = read_proof({**actor, "proof": proof}, now=ctx.clock.now())
            await _check(ctx, claim, instance)
        except (SignatureError, DocumentError, KeyFormatError):
            continue
        return True
    return False


def _is_signed_by(ctx: Context, found: Json, author: Json) -> bool:
    """Say whether what was found has a proof of a key that its author's own document lists."""
    try:
        claim = read_proof(found, now=ctx.clock.now())
        key = check_key_owner(parse_actor(author), claim.verification_method)
        verify_proof(claim, multikey_decode(key.multikey or ""))
    except ProtocolError:
        return False
    return True


async def _mirrors(ctx: Context, url: str) -> list[str]:
    """Give where to ask, as the origin itself said when it could."""
    scheme = "http" if ctx.config.plain_http else "https"
    hosts = await ctx.db.values(MIRRORS_OF_HOST, host_of(url))
    wanted = [one for one in hosts if one != ctx.config.instance.domain]
    return [f"{scheme}://{one}" for one in wanted if not ctx.domains.refuses(one)][
        :MAX_MIRRORS_ASKED
    ]


async def _asked(ctx: Context, url: str, limits: Limits | None = None) -> bytes | None:
    federation = ctx.config.federation
    bounds = limits or Limits(
        total_s=federation.request_timeout_s, max_bytes=federation.max_document_bytes
    )
    try:
        key = await signing.instance_key(ctx)
        sign = signing.signer(ctx, key, Dialect.CAVAGE)
        response = await ctx.out.request("GET", url, limits=bounds, signer=sign)
    except (FedserverError, ProtocolError):
        return None
    return response.body if response.status == 200 else None
