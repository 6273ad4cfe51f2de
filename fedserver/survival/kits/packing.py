"""What goes into a kit, read from the rows of one person."""

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
from fedserver.survival.kits.container import FOLDER, KEYS, MEDIA, KitWriter, writing
from fedserver.uris import main_key
from storage.accounts import KEYS_OF_ACCOUNT, AccountRow, KeyRow
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


async def pack(ctx: Context, person: AccountRow, target: BinaryIO, *, with_media: bool) -> int:
    """Write the kit of `person` into `target`, open; gives how many posts are in it."""
    now = ctx.clock.now()
    with writing(target, made_at=now.timestamp(), client=ctx.config.base_url) as kit:
        await _add_identity(ctx, kit, person)
        posts = await _add_posts(ctx, kit, person)
        await _add_lists(ctx, kit, person)
        await _add_peers(ctx, kit, person, now)
        await _add_pictures(ctx, kit, person, with_media=with_media)
    return posts


async def _add_identity(ctx: Context, kit: KitWriter, person: AccountRow) -> None:
    keys = await ctx.db.fetch(KEYS_OF_ACCOUNT, person.id)
    moved_to = await ctx.db.value(MOVED_TO, person.id)
    actor = to_document(documents.actor(ctx, person, keys, moved_to=moved_to))
    _add_json(kit, f"{FOLDER}/actor.json", await proving.prove(ctx, ctx.db, person, actor))
    if ctx.config.kits.allow_signing_keys:
        _add_signing_key(ctx, kit, person, keys)


def _add_signing_key(
    ctx: Context, kit: KitWriter, person: AccountRow, keys: Sequence[KeyRow]
) -> None:
    """Only where the house allows it: with this key the kit speaks for the account to everybody."""
    for key in keys:
        if key.uri == main_key(person.uri) and key.private_key is not None:
            kit.add(
                f"{KEYS}/main-key.pem", ctx.secrets.unwrap(key.private_key, purpose=KEY_PURPOSE)
            )


async def _add_posts(ctx: Context, kit: KitWriter, person: AccountRow) -> int:
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
            rows = await ctx.db.fetch(WRITTEN, person.id, after, _BATCH)
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


async def _add_lists(ctx: Context, kit: KitWriter, person: AccountRow) -> None:
    for kind, name in _LISTS.items():
        text = await portable_lists.export(ctx, person.id, kind)
        kit.add(f"{FOLDER}/{name}", text.encode())
    domain = ctx.config.instance.domain
    followers = await ctx.db.values(EXPORT_FOLLOWERS, person.id, domain)
    domains = await ctx.db.values(EXPORT_USER_DOMAINS, person.id)
    for name, lines in (("followers.csv", followers), ("blocked_domains.csv", domains)):
        text = portable_lists.as_csv([(line,) for line in lines])
        kit.add(f"{FOLDER}/{name}", text.encode())


async def _add_peers(ctx: Context, kit: KitWriter, person: AccountRow, now: datetime) -> None:
    """Where followers are: nobody can ask a dead server for that."""
    rows = await ctx.db.fetch(KIT_PEERS, person.id)
    peers = {"made_at": now.isoformat(), "peers": [_peer(row) for row in rows]}
    _add_json(kit, f"{FOLDER}/peers.json", peers)


def _peer(row: KitPeerRow) -> Json:
    return {name: getattr(row, name) for name in KitPeerRow.__dataclass_fields__}


async def _add_pictures(
    ctx: Context, kit: KitWriter, person: AccountRow, *, with_media: bool
) -> None:
    blobs = {one for one in (person.avatar_blob, person.header_blob) if one}
    if with_media:
        blobs.update(await ctx.db.values(MEDIA_BLOBS, person.id))
    for blob in sorted(blobs):
        try:
            with await ctx.blobs.open(blob) as file:
                size = await ctx.blobs.size(blob)
                await asyncio.to_thread(kit.add_file, f"{MEDIA}/{blob}", file, size)
        except FileNotFoundError:
            continue  # the rest of the kit is worth more than this file


def _add_json(kit: KitWriter, name: str, document: Json) -> None:
    kit.add(name, _as_json(document))


def _as_json(document: Json) -> bytes:
    return json.dumps(document, indent=1, ensure_ascii=False).encode()
