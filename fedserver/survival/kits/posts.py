"""The posts of a kit become the new account's: with their dates, and sent to nobody."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec

from activitypub.errors import ProtocolError
from activitypub.json_bytes import loads
from activitypub.model import Activity, Attachment, Object
from activitypub.parse import parse_activity
from fedserver import documents
from fedserver.context import Context
from fedserver.effects.bringing import status_of_object
from fedserver.effects.new_status import NewStatus, insert_status
from fedserver.errors import FedserverError, Invalid
from fedserver.services import attachments
from fedserver.services.attachments import Upload
from fedserver.services.fetch import Budget
from fedserver.survival.kits.container import FOLDER, MAX_MEDIA_BYTES, MEDIA
from fedserver.survival.kits.packing import create_of
from fedserver.survival.kits.reading import OpenKit
from fedserver.uris import Uris
from storage.accounts import COUNT_STATUS, AccountRow
from storage.database import Transaction
from storage.kits import BROUGHT_POSTS, BROUGHT_STATUSES, NOTE_BROUGHT_POST
from storage.outbox import INSERT_ACTIVITY
from storage.statuses import STATUS_BY_ID, StatusRow

_MAX_POST_BYTES: Final = 1024 * 1024
_SHOWN: Final = frozenset({"public", "unlisted", "private"})


class _Outbox(msgspec.Struct, frozen=True):
    orderedItems: list[msgspec.Raw]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the posts are."""

    total: int
    done: int
    failed: int


async def bring_posts(ctx: Context, kit: OpenKit, new: AccountRow) -> AsyncIterator[Progress]:
    """Bring the posts in, the oldest first, and tell after each how far it is.

    What was brought before is passed over: an interrupted import goes on.
    """
    posts = await asyncio.to_thread(_posts_of, kit)
    done = failed = last = 0
    for item in posts:
        try:
            last = await _bring(ctx, kit, new, item, last)
            done += 1
        except (FedserverError, ProtocolError):
            failed += 1
        yield Progress(len(posts), done, failed)


def _posts_of(kit: OpenKit) -> list[msgspec.Raw]:
    """Give the posts unread: all of them at once would take much memory."""
    try:
        outbox = msgspec.json.decode(kit.reader.read(f"{FOLDER}/outbox.json"), type=_Outbox)
    except msgspec.DecodeError as error:
        raise Invalid(f"The posts in the kit cannot be read: {error}") from None
    return outbox.orderedItems


async def _bring(ctx: Context, kit: OpenKit, new: AccountRow, item: msgspec.Raw, after: int) -> int:
    """Bring one post in, behind the one with the id `after` where both are of one second. Gives its
    id, also where it is here already."""
    note = _note_of(kit, parse_activity(loads(bytes(item), max_bytes=_MAX_POST_BYTES)))
    known = await _brought(ctx, new, [note.id, note.in_reply_to or ""])
    if note.id in known:
        return known[note.id].id
    # The followers of then are those of now.
    author = replace(new, followers_url=kit.actor.followers or new.followers_url)
    given = await status_of_object(ctx, note, author, Budget(0))
    if given.visibility not in _SHOWN:
        raise Invalid("it was for single people")
    parent = known.get(note.in_reply_to or "")
    media = await _media_of(ctx, kit, new, note)
    status = _ours(ctx, new, replace(given, id=ctx.ids.at(given.created_at, after=after)), media)
    await _store(ctx, new, note.id, replace(status, parent=parent or given.parent))
    return status.id


def _note_of(kit: OpenKit, activity: Activity) -> Object:
    note = activity.object
    if activity.type != "Create" or not isinstance(note, Object):
        raise Invalid("it is no post")
    if kit.uri not in note.attributed_to:
        raise Invalid("it is not by the account of the kit")
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


async def _store(ctx: Context, new: AccountRow, old_uri: str, status: NewStatus) -> None:
    async with ctx.db.transaction() as tx:
        passed = await insert_status(ctx, tx, new, status)
        if passed is None:
            raise Invalid("its id is taken")
        if not passed.withheld:
            await tx.execute(COUNT_STATUS, new.id, 1, status.created_at, status.id)
        await tx.execute(NOTE_BROUGHT_POST, new.id, old_uri, status.id)
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


async def _media_of(ctx: Context, kit: OpenKit, new: AccountRow, note: Object) -> tuple[int, ...]:
    """Take the files that the kit has for a post in, as if they were uploaded now."""
    found = []
    for one in note.attachments:
        name = f"{MEDIA}/{one.url.rpartition('/')[2]}"
        if name in kit.reader:
            found.append(await _take_in(ctx, kit, new, name, one))
    return tuple(found)


async def _take_in(ctx: Context, kit: OpenKit, new: AccountRow, name: str, one: Attachment) -> int:
    content = await asyncio.to_thread(kit.reader.read, name, most=MAX_MEDIA_BYTES)
    meta: dict[str, Any] = {}
    if one.focal_point is not None:
        meta["focus"] = {"x": one.focal_point[0], "y": one.focal_point[1]}
    with tempfile.TemporaryFile() as file:
        await asyncio.to_thread(file.write, content)
        upload = Upload(new.id, file, len(content), one.description, meta)
        return await attachments.take_in(ctx, upload, wait=False)
