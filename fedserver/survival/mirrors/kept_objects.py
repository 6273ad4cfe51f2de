"""What a partner brings of its public objects: checked, kept as it was signed, or forgotten."""

import asyncio
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

from activitypub.errors import DocumentError, SignatureError
from activitypub.json_bytes import dumps
from activitypub.origins import same_origin
from activitypub.parse.types import Family, type_of
from activitypub.proofs import read_proof, verify_proof
from fedserver.context import Context
from fedserver.services import verification
from fedserver.services.fetch import Budget
from fedserver.services.mirrored import author_of, is_for_everybody
from storage.database import Transaction
from storage.kept_chunks import COUNT_KEPT
from storage.mirrored import (
    FORGET_OBJECTS,
    KEEP_OBJECTS,
    KEPT_OBJECT_BYTES,
    MISSING_FILES,
    NOTE_DELETED,
)
from storage.mirrors import LOCK_CONTRACT, ContractRow

Json = dict[str, Any]

# Names of our media: the hash of the content, and what kind of file it is.
FILE: Final = re.compile(r"[0-9a-f]{64}\.[a-z0-9]{1,8}")
_MAX_FILES: Final = 40
_KEY_FETCHES: Final = 4


@dataclass(frozen=True, slots=True)
class _Checked:
    """A document that its author signed, and when. `deletes`: what goes, if it is a Delete."""

    document: Json
    author: str
    signed_at: datetime
    deletes: str | None


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of what was brought: why not, by URI; and which files would go with it."""

    refused: dict[str, str]
    wanted_files: list[str]


class _Unfit(Exception):
    """A document that is not kept; the text says why."""


async def take(ctx: Context, contract: ContractRow, documents: Sequence[Json]) -> Taken:
    """Keep what a partner brings, as far as it is public, of its own people, and proven by them;
    and forget what they deleted."""
    refused: dict[str, str] = {}
    checked: list[_Checked] = []
    for document in documents:
        try:
            checked.append(await _checked(ctx, contract, document))
        except _Unfit as error:
            refused[str(document.get("id"))] = str(error)
    files = sorted({name for one in checked for name in files_in(one.document)})
    await _store(ctx, contract, checked, refused)
    wanted: list[str] = []
    if "media" in contract.classes:
        wanted = await ctx.db.values(MISSING_FILES, contract.id, files)
    return Taken(refused, wanted)


async def _checked(ctx: Context, contract: ContractRow, document: Json) -> _Checked:
    author, uri = author_of(document), document.get("id")
    if author is None or not isinstance(uri, str):
        raise _Unfit("it has no id, or no author")
    if not same_origin(uri, contract.actor_uri) or not same_origin(author, contract.actor_uri):
        raise _Unfit("it is not of the partner")
    if not is_for_everybody(document):
        raise _Unfit("it is not public")
    try:
        claim = await asyncio.to_thread(read_proof, document, now=ctx.clock.now())
        check = partial(verify_proof, claim)
        budget = Budget(_KEY_FETCHES)
        key = await verification.verified_key(ctx, claim.verification_method, check, budget)
    except (SignatureError, DocumentError) as error:
        raise _Unfit(error.reason) from error
    if key.actor_uri != author or claim.created is None:
        raise _Unfit("its proof is not its author's, or has no time")
    if key.suspended:
        raise _Unfit("its author is suspended here")
    return _Checked(document, author, claim.created, _deleted(document))


def _deleted(document: Json) -> str | None:
    """Give what a document deletes, if it does; other activities are not kept."""
    kind, family = type_of(document)
    if family is not Family.ACTIVITY:
        return None
    about = document.get("object")
    uri = about.get("id") if isinstance(about, dict) else about
    if kind != "Delete" or not isinstance(uri, str) or not same_origin(uri, document["id"]):
        raise _Unfit("of activities only deletions of one's own are of use here")
    return uri


async def _store(
    ctx: Context, contract: ContractRow, checked: Sequence[_Checked], refused: dict[str, str]
) -> None:
    gone = [one for one in checked if one.deletes is not None]
    # Of several versions in one batch the last.
    new = {str(one.document["id"]): one for one in checked if one.deletes is None}
    uris = [*new, *(one.deletes for one in gone)]
    leavers = [one.author for one in gone if one.deletes == one.author]
    touched = (contract.id, uris, leavers)
    async with ctx.db.transaction() as tx:
        current = await tx.one(LOCK_CONTRACT, contract.id)
        before = await tx.value(KEPT_OBJECT_BYTES, *touched) or 0
        await _forget(ctx, tx, contract, gone)
        room = 0 if current is None else current.kept_quota - current.kept_bytes
        await _keep(ctx, tx, contract, _fitting(list(new.values()), room, refused))
        after = await tx.value(KEPT_OBJECT_BYTES, *touched) or 0
        await tx.execute(COUNT_KEPT, contract.id, after - before)


def _fitting(
    checked: Sequence[_Checked], room: int, refused: dict[str, str]
) -> list[tuple[_Checked, bytes]]:
    fitting = []
    for one in checked:
        body = dumps(one.document)
        room -= len(body)
        if room < 0:
            refused[str(one.document["id"])] = "the quota is used up"
        else:
            fitting.append((one, body))
    return fitting


async def _forget(
    ctx: Context, tx: Transaction, contract: ContractRow, gone: Sequence[_Checked]
) -> None:
    if not gone:
        return
    columns = (
        [one.author for one in gone],
        [one.deletes for one in gone],
        [one.signed_at for one in gone],
    )
    await tx.execute(FORGET_OBJECTS, contract.id, *columns)
    await tx.execute(NOTE_DELETED, contract.id, *columns, ctx.clock.now())


async def _keep(
    ctx: Context, tx: Transaction, contract: ContractRow, new: Sequence[tuple[_Checked, bytes]]
) -> None:
    if not new:
        return
    await tx.execute(
        KEEP_OBJECTS,
        contract.id,
        ctx.clock.now(),
        [one.document["id"] for one, _ in new],
        [one.author for one, _ in new],
        [type_of(one.document)[0] for one, _ in new],
        [body for _, body in new],
        [" ".join(files_in(one.document)) for one, _ in new],
        [one.signed_at for one, _ in new],
    )


def files_in(document: Json) -> Iterator[str]:
    """Give the names of the files of its own origin that a document shows."""
    attached = document.get("attachment")
    shown = [document.get("icon"), document.get("image")]
    shown += attached if isinstance(attached, list) else [attached]
    found = 0
    for one in shown:
        url = one.get("url") if isinstance(one, dict) else None
        if not isinstance(url, str) or not same_origin(url, str(document.get("id"))):
            continue
        name = urlsplit(url).path.rpartition("/")[2]
        if FILE.fullmatch(name) and found < _MAX_FILES:
            found += 1
            yield name
