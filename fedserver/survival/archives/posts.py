"""The posts of an archive or a kit become an account's: with their dates, and sent to nobody."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

import msgspec

from activitypub.errors import ProtocolError
from activitypub.json_bytes import loads
from activitypub.model import Activity, Attachment, Object
from activitypub.origins import same_origin
from activitypub.parse import parse_activity
from fedserver import documents
from fedserver.context import Context
from fedserver.effects.bringing import status_of_object
from fedserver.effects.new_status import NewStatus, insert_status
from fedserver.errors import FedserverError, Invalid
from fedserver.services import attachments
from fedserver.services.attachments import Upload
from fedserver.services.fetch import Budget
from fedserver.survival.archives.container import MAX_MEDIA_BYTES
from fedserver.survival.archives.packing import create_of
from fedserver.uris import Uris
from storage.accounts import COUNT_STATUS, AccountRow
from storage.database import Transaction
from storage.kits import BROUGHT_POSTS, BROUGHT_STATUSES, NOTE_BROUGHT_POST
from storage.outbox import INSERT_ACTIVITY
from storage.statuses import STATUS_BY_ID, StatusRow

_MAX_POST_BYTES: Final = 1024 * 1024
# Ids begin here, and the first years of all cannot be written in every time zone.
_FIRST_YEAR: Final = 1970
# What strangers' dates, numbers and addresses raise in the libraries that read them: one post must
# not keep the others out.
_FAULTS: Final = (FedserverError, ProtocolError, ValueError, OverflowError, RecursionError)
_SHOWN: Final = frozenset({"public", "unlisted", "private"})


class PostSource(Protocol):
    """An account's posts and files, from wherever. Nothing of it is for the event loop."""

    @property
    def uri(self) -> str:
        """Whose posts they are."""

    @property
    def followers(self) -> str | None:
        """Who was meant by their followers."""

    def posts(self) -> Sequence[msgspec.Raw]:
        """Give the Creates, the oldest first, unread: all at once would take much memory."""

    def file_of(self, url: str) -> str | None:
        """Give the name of the file that was at `url`, if it is there."""

    def read(self, name: str, *, most: int) -> bytes:
        """Give a file. Raises Invalid for one that is too large or cut off."""


class _Outbox(msgspec.Struct, frozen=True):
    orderedItems: list[msgspec.Raw]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the posts are; `fault`: why the last one was left out."""

    total: int
    done: int
    failed: int
    fault: str = ""


async def bring_posts(ctx: Context, source: PostSource, new: AccountRow) -> AsyncIterator[Progress]:
    """Bring the posts in, the oldest first, and tell after each how far it is.

    What was brought before is passed over: an interrupted import goes on.
    """
    posts = await asyncio.to_thread(source.posts)
    done = failed = last = 0
    for item in posts:
        fault = ""
        try:
            last = await _bring(ctx, source, new, item, last)
            done += 1
        except _FAULTS as error:
            failed, fault = failed + 1, _reason(error)
        yield Progress(len(posts), done, failed, fault)


def _reason(error: Exception) -> str:
    if isinstance(error, ProtocolError):
        return error.reason
    return str(error) if isinstance(error, FedserverError) else "it cannot be read"


def items_of(outbox: bytes) -> list[msgspec.Raw]:
    """Give the items of an OrderedCollection, unread. Raises Invalid for what is none."""
    try:
        return msgspec.json.decode(outbox, type=_Outbox).orderedItems
    except (msgspec.DecodeError, RecursionError) as error:
        raise Invalid(f"The posts cannot be read: {error}") from None


async def _bring(
    ctx: Context, source: PostSource, new: AccountRow, item: msgspec.Raw, after: int
) -> int:
    """Bring one post in, behind the one with the id `after` where both are of one second. Gives its
    id, also where it is here already."""
    note = _note_of(source, parse_activity(loads(bytes(item), max_bytes=_MAX_POST_BYTES)))
    known = await _brought(ctx, new, [note.id, note.in_reply_to or ""])
    if note.id in known:
        return known[note.id].id
    # The followers of then are those of now.
    author = replace(new, followers_url=source.followers or new.followers_url)
    given = await status_of_object(ctx, note, author, Budget(0))
    if note.published is None or note.published.year < _FIRST_YEAR:
        raise Invalid("its date cannot be right")
    if given.visibility not in _SHOWN:
        raise Invalid("it was for single people")
    parent = known.get(note.in_reply_to or "")
    media = await _media_of(ctx, source, new, note)
    status = _ours(ctx, new, replace(given, id=ctx.ids.at(given.created_at, after=after)), media)
    answer = replace(status, parent=parent or given.parent)
    await _store(ctx, new, note.id, source.uri, answer)
    return status.id


def _note_of(source: PostSource, activity: Activity) -> Object:
    note = activity.object
    if activity.type != "Create" or not isinstance(note, Object):
        raise Invalid("it is a boost" if activity.type == "Announce" else "it is no post")
    if source.uri not in note.attributed_to:
        raise Invalid("it is by somebody else")
    if not same_origin(note.id, source.uri):
        raise Invalid("it is from another server")
    return note


async def _brought(ctx: Context, new: AccountRow, uris: list[str]) -> dict[str, StatusRow]:
    rows = await ctx.db.fetch(BROUGHT_POSTS, new.id, uris)
    statuses = await ctx.db.fetch(BROUGHT_STATUSES, [one.status_id for one in rows])
    known = {row.id: row for row in statuses}
    return {one.old_uri: known[one.status_id] for one in rows}


def _ours(
    ctx: Context,
    new: AccountRow,
    given: NewStatus,
    media_ids: tuple[int, ...],
) -> NewStatus:
    """Give the post as one of the new account's, at an address of this server."""
    uris = Uris(ctx.config.base_url)
    return replace(
        given,
        uri=uris.status(new.username, given.id),
        url=uris.status_page(new.username, given.id),
        object_type="Note",
        media=() if media_ids else given.media,
        media_ids=media_ids,
        consents=None,
        claim=None,
        replies_uri=None,
        context_uri=None,
    )


async def _store(
    ctx: Context, new: AccountRow, old_uri: str, former: str, status: NewStatus
) -> None:
    async with ctx.db.transaction() as tx:
        passed = await insert_status(ctx, tx, new, status)
        if passed is None:
            raise Invalid("its id is taken")
        if not passed.withheld:
            await tx.execute(COUNT_STATUS, new.id, 1, status.created_at, status.id)
        await tx.execute(NOTE_BROUGHT_POST, new.id, old_uri, status.id, former)
        await _list(ctx, tx, new, status)


async def _list(ctx: Context, tx: Transaction, new: AccountRow, status: NewStatus) -> None:
    """Put the Create into the outbox, where others find it; nobody is sent it."""
    row = await tx.one(STATUS_BY_ID, status.id)
    if row is None:
        return
    note = (await documents.notes(ctx, [row], tx))[row.id]
    await tx.execute(
        INSERT_ACTIVITY,
        status.id,
        f"{row.uri}/activity",
        new.id,
        "Create",
        await create_of(ctx, tx, new, note),
        row.visibility in ("public", "unlisted"),
        row.id,
        row.created_at,
        False,
        [],
    )


async def _media_of(
    ctx: Context, source: PostSource, new: AccountRow, note: Object
) -> tuple[int, ...]:
    """Take the files that are there for a post in, as if they were uploaded now. One that cannot
    be is left out: the words are worth more."""
    found = []
    for one in note.attachments:
        name = source.file_of(one.url)
        if name is not None:
            with contextlib.suppress(Invalid):
                found.append(await _take_in(ctx, source, new, name, one))
    return tuple(found)


async def _take_in(
    ctx: Context, source: PostSource, new: AccountRow, name: str, one: Attachment
) -> int:
    content = await asyncio.to_thread(source.read, name, most=MAX_MEDIA_BYTES)
    meta: dict[str, Any] = {}
    if one.focal_point is not None:
        meta["focus"] = {"x": one.focal_point[0], "y": one.focal_point[1]}
    with tempfile.TemporaryFile() as file:
        await asyncio.to_thread(file.write, content)
        upload = Upload(new.id, file, len(content), one.description, meta)
        return await attachments.take_in(ctx, upload, wait=False)
