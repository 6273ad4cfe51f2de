"""What goes into an archive or a kit, read from the rows of one person."""

import asyncio
import json
import tempfile
from collections.abc import Sequence
from datetime import datetime
from typing import IO, Any, BinaryIO, Final, cast

from activitypub.addressing import is_public
from activitypub.build import to_document
from activitypub.json_bytes import dumps
from activitypub.model import Activity, Object
from fedserver import documents
from fedserver.context import Context
from fedserver.services import portable_lists, proving
from fedserver.services.new_accounts import KEY_PURPOSE
from fedserver.survival.archives.container import FOLDER, KEYS, MEDIA, ArchiveWriter, writing
from fedserver.uris import main_key
from storage.accounts import KEYS_OF_ACCOUNT, AccountRow
from storage.archives import ALL_MEDIA_BLOBS, ALL_WRITTEN, BOOKMARKED_URIS, FAVOURITED_URIS
from storage.database import Database, Transaction
from storage.kits import (
    EXPORT_FOLLOWERS,
    KIT_PEERS,
    MEDIA_BLOBS,
    SENT_CREATES,
    WRITTEN,
    KitPeerRow,
)
from storage.moves import MOVED_TO
from storage.query import Query, Value
from storage.statuses import StatusRow
from storage.user_domains import EXPORT_USER_DOMAINS

Json = dict[str, Any]

_BATCH: Final = 200
_IN_MEMORY_BYTES: Final = 4 * 1024 * 1024
_LISTS: Final[dict[portable_lists.Kind, str]] = {
    "follows": "following_accounts.csv",
    "blocks": "blocked_accounts.csv",
    "mutes": "muted_accounts.csv",
    "lists": "lists.csv",
    "bookmarks": "bookmarks.csv",
}


async def pack_kit(ctx: Context, person: AccountRow, target: BinaryIO, *, with_media: bool) -> int:
    """Write the kit of `person` into `target`, open; gives how many posts are in it."""
    now = ctx.clock.now()
    with writing(target, made_at=now.timestamp(), client=ctx.config.base_url) as kit:
        await _add_actor(ctx, kit, person)
        if ctx.config.kits.allow_signing_keys:
            await _add_signing_key(ctx, kit, person)
        posts = await _add_posts(ctx, kit, person, WRITTEN)
        await _add_lists(ctx, kit, person)
        await _add_peers(ctx, kit, person, now)
        await _add_pictures(ctx, kit, person, MEDIA_BLOBS if with_media else None)
    return posts


async def pack_archive(ctx: Context, person: AccountRow, target: BinaryIO) -> int:
    """Write all that `person` wrote, kept and uploaded into `target`; gives how many posts."""
    now = ctx.clock.now()
    with writing(target, made_at=now.timestamp(), client=ctx.config.base_url) as archive:
        await _add_actor(ctx, archive, person)
        posts = await _add_posts(ctx, archive, person, ALL_WRITTEN)
        await _add_lists(ctx, archive, person)
        await _add_addresses(ctx, archive, person, "likes.json", FAVOURITED_URIS)
        await _add_addresses(ctx, archive, person, "bookmarks.json", BOOKMARKED_URIS)
        await _add_pictures(ctx, archive, person, ALL_MEDIA_BLOBS)
    return posts


async def _add_actor(ctx: Context, kit: ArchiveWriter, person: AccountRow) -> None:
    keys = await ctx.db.fetch(KEYS_OF_ACCOUNT, person.id)
    moved_to = await ctx.db.value(MOVED_TO, person.id)
    actor = to_document(documents.actor(ctx, person, keys, moved_to=moved_to))
    _add_json(kit, f"{FOLDER}/actor.json", await proving.prove(ctx, ctx.db, person, actor))


async def _add_signing_key(ctx: Context, kit: ArchiveWriter, person: AccountRow) -> None:
    """Only where the house allows it: with this key the kit speaks for the account to everybody."""
    for key in await ctx.db.fetch(KEYS_OF_ACCOUNT, person.id):
        if key.uri == main_key(person.uri) and key.private_key is not None:
            kit.add(
                f"{KEYS}/main-key.pem", ctx.secrets.unwrap(key.private_key, purpose=KEY_PURPOSE)
            )


async def _add_posts(
    ctx: Context, kit: ArchiveWriter, person: AccountRow, written: Query[StatusRow]
) -> int:
    """Write the outbox piece by piece: some people have written a hundred thousand posts."""
    head = {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": person.outbox_url,
        "type": "OrderedCollection",
    }
    count, after, full = 0, 0, True
    with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as outbox:
        outbox.write(dumps(head)[:-1] + b',"orderedItems":[')
        while full:
            rows = await ctx.db.fetch(written, person.id, after, _BATCH)
            for item in await _creates(ctx, person, rows):
                outbox.write((b"," if count else b"") + item)
                count += 1
            full = len(rows) == _BATCH
            after = rows[-1].id if rows else after
        outbox.write(b'],"totalItems":%d}' % count)
        size = outbox.tell()
        outbox.seek(0)
        await asyncio.to_thread(
            kit.add_file, f"{FOLDER}/outbox.json", cast("IO[bytes]", outbox), size
        )
    return count


async def _creates(ctx: Context, person: AccountRow, rows: Sequence[StatusRow]) -> list[bytes]:
    """Give each post as it was sent, with its proof; as it is now where it was edited."""
    sent = await ctx.db.fetch(SENT_CREATES, [row.id for row in rows])
    known = {one.status_id: one.document for one in sent}
    notes = await documents.notes(ctx, [row for row in rows if row.id not in known])
    return [
        known[row.id] if row.id in known else await create_of(ctx, ctx.db, person, notes[row.id])
        for row in rows
    ]


async def create_of(
    ctx: Context, db: Database | Transaction, person: AccountRow, note: Object
) -> bytes:
    """Give the Create of a post as it is now, with a proof where it is for everybody."""
    create = Activity(
        id=f"{note.id}/activity",
        type="Create",
        actor=person.uri,
        object=note,
        to=note.to,
        cc=note.cc,
        published=note.published,
    )
    document = to_document(create)
    if any(map(is_public, (*note.to, *note.cc))):
        document = await proving.prove(ctx, db, person, document)
    return dumps(document)


async def _add_lists(ctx: Context, kit: ArchiveWriter, person: AccountRow) -> None:
    for kind, name in _LISTS.items():
        text = await portable_lists.export(ctx, person.id, kind)
        kit.add(f"{FOLDER}/{name}", text.encode())
    domain = ctx.config.instance.domain
    followers = await ctx.db.values(EXPORT_FOLLOWERS, person.id, domain)
    domains = await ctx.db.values(EXPORT_USER_DOMAINS, person.id)
    for name, lines in (("followers.csv", followers), ("blocked_domains.csv", domains)):
        text = portable_lists.as_csv([(line,) for line in lines])
        kit.add(f"{FOLDER}/{name}", text.encode())


async def _add_peers(ctx: Context, kit: ArchiveWriter, person: AccountRow, now: datetime) -> None:
    """Where followers are: nobody can ask a dead server for that."""
    rows = await ctx.db.fetch(KIT_PEERS, person.id)
    peers = {"made_at": now.isoformat(), "peers": [_peer(row) for row in rows]}
    _add_json(kit, f"{FOLDER}/peers.json", peers)


def _peer(row: KitPeerRow) -> Json:
    return {name: getattr(row, name) for name in KitPeerRow.__dataclass_fields__}


async def _add_addresses(
    ctx: Context, archive: ArchiveWriter, person: AccountRow, name: str, kept: Value[str]
) -> None:
    """Add what they favourited or bookmarked, by address."""
    collection = {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": name,
        "type": "OrderedCollection",
        "orderedItems": await ctx.db.values(kept, person.id),
    }
    _add_json(archive, f"{FOLDER}/{name}", collection)


async def _add_pictures(
    ctx: Context, kit: ArchiveWriter, person: AccountRow, media: Value[str] | None
) -> None:
    blobs = {one for one in (person.avatar_blob, person.header_blob) if one}
    if media is not None:
        blobs.update(await ctx.db.values(media, person.id))
    for blob in sorted(blobs):
        try:
            with await ctx.blobs.open(blob) as file:
                size = await ctx.blobs.size(blob)
                await asyncio.to_thread(kit.add_file, f"{MEDIA}/{blob}", file, size)
        except FileNotFoundError:
            continue  # the rest of the kit is worth more than this file


def _add_json(kit: ArchiveWriter, name: str, document: Json) -> None:
    kit.add(name, _as_json(document))


def _as_json(document: Json) -> bytes:
    return json.dumps(document, indent=1, ensure_ascii=False).encode()
