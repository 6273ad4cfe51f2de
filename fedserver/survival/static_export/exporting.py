"""Writing it all out: the house, each person, each of their public posts, and the media shown."""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from activitypub.hostmeta import host_meta_json, host_meta_xml
from activitypub.json_bytes import dumps
from activitypub.model import Collection
from activitypub.nodeinfo import links
from fedserver import documents
from fedserver.context import Context
from fedserver.errors import NotFound
from fedserver.recovery.statements import sign_statement
from fedserver.services.instance_recovery import statement_key
from fedserver.services.new_accounts import ensure_instance_actor
from fedserver.survival.public_documents import proven_actors, proven_notes
from fedserver.survival.static_export.feeds import ENTRIES, feed
from fedserver.survival.static_export.hosting import hosting_files
from fedserver.survival.static_export.tree import MANIFEST, Entry, Tree
from fedserver.uris import Uris
from storage.accounts import AccountRow
from storage.static_export import (
    CREATES_OF,
    PEOPLE_AFTER,
    POSTS_OF_PEOPLE,
    PUBLIC_POSTS_AFTER,
    CreateRow,
)
from storage.status_reads import HEADS, HeadRow
from storage.statuses import StatusRow

Json = dict[str, Any]

SIGNED_MANIFEST: Final = "manifest.json"
_POSTS_AT_ONCE: Final = 100
_PEOPLE_AT_ONCE: Final = 100
_OLDER: Final = re.compile(rb'href="\?max_id=(\d+)"')
# Made anew when what is written for a post changes.
_FORM: Final = 1

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class Pages:
    """What browsers are shown, made by the rooms that show it."""

    front: Callable[[], Awaitable[bytes]]
    profile: Callable[[str, int | None], Awaitable[bytes]]
    post: Callable[[str, int], Awaitable[bytes]]
    nodeinfo: Callable[[], Awaitable[Mapping[str, Json]]]
    assets: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Done:
    """What a run did."""

    people: int
    posts: int
    written: int
    media: int


@dataclass(slots=True)
class _Run:
    ctx: Context
    pages: Pages
    tree: Tree
    progress: Progress
    total: int
    people: int = 0
    posts: int = 0
    written: int = 0
    media: int = 0

    def tell(self, what: str) -> None:
        self.progress(self.posts, self.total, what)


async def export(ctx: Context, pages: Pages, folder: Path, progress: Progress) -> Done:
    """Write all that is public into `folder`; what is there in the same version is left alone.

    It can be interrupted at any time, and the next run goes on. `progress(done, total, what)` is
    told how far it is, in posts. What is not public any more is removed at the end.
    """
    tree = Tree(folder)
    try:
        total = await ctx.db.value(POSTS_OF_PEOPLE) or 0
        run = _Run(ctx, pages, tree, progress, total)
        names = await _people(run)
        await _house(run, names)
        await _media(run)
        await _sign(run, await tree.finish(), folder)
        return Done(run.people, run.posts, run.written, run.media)
    finally:
        tree.close()


async def _people(run: _Run) -> list[str]:
    names: list[str] = []
    last = 0
    while True:
        rows = await run.ctx.db.fetch(PEOPLE_AFTER, last, _PEOPLE_AT_ONCE)
        actors = await proven_actors(run.ctx, rows)
        for row, actor in zip(rows, actors, strict=True):
            await _person(run, row, actor)
            names.append(row.username)
        if len(rows) < _PEOPLE_AT_ONCE:
            return names
        last = rows[-1].id


async def _person(run: _Run, row: AccountRow, actor: Json) -> None:
    run.people += 1
    run.tell(f"@{row.username}")
    activities, newest = await _posts(run, row)
    files = {
        f"users/{row.username}.json": dumps(actor),
        **dict.fromkeys(_webfinger_paths(row), dumps(documents.webfinger(run.ctx, row))),
        f"@{row.username}.atom": feed(run.ctx.config.instance.domain, row, newest),
        **_collections(row, activities),
        **await _profile_pages(run, row.username),
    }
    await _write(run, f"person:{row.id}", "", files)


def _webfinger_paths(row: AccountRow) -> list[str]:
    """As the name is written, and in small letters: not every host can change them."""
    return [f"webfinger/{name}.json" for name in {row.username, row.username.lower()}]


def _collections(row: AccountRow, activities: Sequence[str]) -> dict[str, bytes]:
    """The outbox as a list of ids; of followers and followed only how many there are."""
    shown = {
        "outbox": Collection(
            type="OrderedCollection",
            id=row.outbox_url,
            total_items=len(activities),
            items=tuple(reversed(activities)),
        ),
        "followers": Collection(
            type="OrderedCollection", id=row.followers_url, total_items=row.followers_count
        ),
        "following": Collection(
            type="OrderedCollection", id=row.following_url, total_items=row.following_count
        ),
    }
    return {
        f"users/{row.username}/{name}.json": documents.serialise(one) for name, one in shown.items()
    }


async def _profile_pages(run: _Run, username: str) -> dict[str, bytes]:
    """The profile, and the pages that its link to older posts leads to: a file host knows no
    queries, so each has an address of its own."""
    files: dict[str, bytes] = {}
    max_id: int | None = None
    while True:
        page = await run.pages.profile(username, max_id)
        older = _OLDER.search(page)
        name = "index.html" if max_id is None else f"before/{max_id}/index.html"
        leads = f'href="/@{username}/before/\\1/"'.encode()
        files[f"@{username}/{name}"] = _OLDER.sub(leads, page)
        if older is None:
            return files
        max_id = int(older[1])


async def _posts(run: _Run, author: AccountRow) -> tuple[list[str], list[StatusRow]]:
    """Write the posts of a person; give the ids of their activities, and the last posts."""
    activities: list[str] = []
    newest: list[StatusRow] = []
    last = 0
    while True:
        rows = await run.ctx.db.fetch(PUBLIC_POSTS_AFTER, author.id, last, _POSTS_AT_ONCE)
        entries = await _batch(run, author, rows)
        activities += [one.activity for one in entries if one.activity is not None]
        newest = [*newest, *rows][-ENTRIES:]
        run.posts += len(rows)
        run.tell(f"@{author.username}")
        if len(rows) < _POSTS_AT_ONCE:
            return activities, newest
        last = rows[-1].id


async def _batch(run: _Run, author: AccountRow, rows: Sequence[StatusRow]) -> list[Entry]:
    heads = {one.id: one for one in await run.ctx.db.fetch(HEADS, [row.id for row in rows], None)}
    known = {row.id: run.tree.unchanged(_key(row), _version(row, heads)) for row in rows}
    new = [row for row in rows if known[row.id] is None]
    notes = await proven_notes(run.ctx, new)
    creates = {
        one.status_id: one for one in await run.ctx.db.fetch(CREATES_OF, [row.id for row in new])
    }
    for row, note in zip(new, notes, strict=True):
        version, create = _version(row, heads), creates.get(row.id)
        known[row.id] = await _post(run, author.username, row, note, create, version)
    return [entry for entry in known.values() if entry is not None]


def _key(row: StatusRow) -> str:
    return f"post:{row.id}"


def _version(row: StatusRow, heads: Mapping[int, HeadRow]) -> str:
    head = heads.get(row.id)
    versions = "" if head is None else f"{head.version}.{head.account_version}"
    return f"{_FORM}.{versions}.{row.edited_at}"


async def _post(
    run: _Run,
    username: str,
    row: StatusRow,
    note: Json,
    create: CreateRow | None,
    version: str,
) -> Entry | None:
    try:
        page = await run.pages.post(username, row.id)
    except NotFound:
        return None  # deleted while we write
    files = {f"@{username}/{row.id}/index.html": page}
    files[f"users/{username}/statuses/{row.id}.json"] = dumps(note)
    if create is not None:
        files[f"users/{username}/statuses/{row.id}/activity.json"] = create.document
    return await _write(run, _key(row), version, files, create.uri if create else None)


async def _write(
    run: _Run, key: str, version: str, files: Mapping[str, bytes], activity: str | None = None
) -> Entry:
    run.written += len(files)
    media = sorted(_media_in(run.ctx, files.values()))
    return await run.tree.write(Entry(key, version, {}, media, activity), files)


def _media_in(ctx: Context, contents: Iterable[bytes]) -> set[str]:
    """Find our media files in what is shown, by their addresses."""
    ours = re.escape(f"{ctx.config.base_url}/media/".encode())
    named = re.compile(ours + rb"([0-9a-f]{64}\.[a-z0-9]{1,8})")
    return {name.decode() for one in contents for name in named.findall(one)}


async def _house(run: _Run, names: Sequence[str]) -> None:
    """What belongs to nobody in particular."""
    ctx = run.ctx
    base = ctx.config.base_url
    (actor,) = await proven_actors(ctx, [await ensure_instance_actor(ctx)])
    files = {
        "index.html": await run.pages.front(),
        "actor.json": dumps(actor),
        ".well-known/nodeinfo": dumps(links(base, Uris(base).instance_actor)),
        ".well-known/host-meta": host_meta_xml(base).encode(),
        ".well-known/host-meta.json": dumps(host_meta_json(base)),
        **{f"static/{path}": data for path, data in run.pages.assets.items()},
        **hosting_files(base, ctx.config.instance.domain, names),
    }
    for version, document in (await run.pages.nodeinfo()).items():
        files[f"nodeinfo/{version}.json"] = dumps(document)
    if len(names) == 1:
        # A host that knows no rules ignores the query: with one person that is right.
        (person,) = await ctx.db.fetch(PEOPLE_AFTER, 0, 1)
        files[".well-known/webfinger"] = dumps(documents.webfinger(ctx, person))
    await _write(run, "house", "", files)


async def _media(run: _Run) -> None:
    wanted = run.tree.media_wanted()
    for number, name in enumerate(sorted(wanted), 1):
        run.progress(number, len(wanted), "media")
        if run.tree.has_media(name):
            continue
        try:
            source = await run.ctx.blobs.open(name)
        except FileNotFoundError:
            continue
        with source:
            await run.tree.write_media(name, source)
        run.media += 1


async def _sign(run: _Run, digest: str, folder: Path) -> None:
    """The instance vouches for the manifest, and so for every file."""
    now = run.ctx.clock.now()
    said = {
        "type": "StaticExport",
        "instance": run.ctx.config.base_url,
        "made": now.isoformat(),
        "manifest": MANIFEST,
        "sha256": digest,
    }
    statement = sign_statement(said, by=await statement_key(run.ctx), now=now)
    (folder / SIGNED_MANIFEST).write_bytes(dumps(statement))
