"""Filter, FilterKeyword, FilterStatus and V1::Filter; and what filters find in a page."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from fedserver.context import Context
from fedserver.entities.times import optional_timestamp
from fedserver.services.text_in import html_to_text
from fedserver.viewer_filters import Matcher, matchers
from storage.filters import FILTERS_OF, FILTERS_OF_ALL, FilterRow
from storage.status_reads import HeadRow

Json = dict[str, Any]

_NOTHING: Mapping[int, bytes] = {}
# Matching computes; after so many viewers others have their turn.
_AT_ONCE = 20


def filter_entity(row: FilterRow) -> Json:
    """Give a Filter with all that it holds (Mastodon API: Filter)."""
    return _about(row) | {
        "keywords": [filter_keyword(one) for one in row.keywords],
        "statuses": [filter_status(one) for one in row.statuses],
    }


def filter_keyword(entry: Mapping[str, Any]) -> Json:
    """Give a FilterKeyword of an entry of FilterRow.keywords."""
    return {
        "id": str(entry["id"]),
        "keyword": entry["keyword"],
        "whole_word": entry["whole_word"],
    }


def filter_status(entry: Mapping[str, Any]) -> Json:
    """Give a FilterStatus of an entry of FilterRow.statuses."""
    return {"id": str(entry["id"]), "status_id": str(entry["status_id"])}


def filter_v1(row: FilterRow, entry: Mapping[str, Any]) -> Json:
    """Give a keyword as the older API shows it, a filter of its own (Mastodon API: V1_Filter)."""
    return {
        "id": str(entry["id"]),
        "phrase": entry["keyword"],
        "context": row.contexts,
        "whole_word": entry["whole_word"],
        "expires_at": optional_timestamp(row.expires_at),
        "irreversible": row.action == "hide",
    }


def _about(row: FilterRow) -> Json:
    return {
        "id": str(row.id),
        "title": row.title,
        "context": row.contexts,
        "expires_at": optional_timestamp(row.expires_at),
        "filter_action": row.action,
    }


async def filtered(
    ctx: Context,
    heads: Sequence[HeadRow],
    viewer: int | None,
    cores: Mapping[int, bytes],
    polls: Mapping[int, bytes],
) -> Mapping[int, bytes]:
    """Give the FilterResults of a page as JSON, by the id of each status that a filter of `viewer`
    matches, boosts and what they show alike.

    As in Mastodon every filter that is in force counts, whatever it is for: the client knows where
    it shows a status, and FilterResult names the contexts (StatusRelationshipsPresenter).
    """
    active = await _active(ctx, viewer)
    if not active:
        return _NOTHING
    found: dict[int, bytes] = {}
    for head in heads:
        shown_id = head.reblog_id or head.id
        text = _text(ctx, head, shown_id, cores, polls)
        results = [one for one in (_result(m, head, text) for m in active) if one is not None]
        if results:
            found[head.id] = found[shown_id] = orjson.dumps(results)
    return found


async def filtered_for(
    ctx: Context,
    by_viewer: Mapping[int, Sequence[HeadRow]],
    cores: Mapping[int, bytes],
    polls: Mapping[int, bytes],
) -> dict[int, Mapping[int, bytes]]:
    """As `filtered`, for many viewers in one query; those of whom nothing matches are left out."""
    await _read(ctx, [viewer for viewer in by_viewer if ctx.viewer_filters.get(viewer) is None])
    found: dict[int, Mapping[int, bytes]] = {}
    for number, (viewer, heads) in enumerate(by_viewer.items(), start=1):
        results = await filtered(ctx, heads, viewer, cores, polls)
        if results:
            found[viewer] = results
        if number % _AT_ONCE == 0:
            await asyncio.sleep(0)
    return found


async def _read(ctx: Context, viewers: Sequence[int]) -> None:
    """Read the filters of people into the cache."""
    if not viewers:
        return
    marks = {viewer: ctx.viewer_filters.begin(viewer) for viewer in viewers}
    rows: dict[int, list[FilterRow]] = {viewer: [] for viewer in viewers}
    for row in await ctx.db.fetch(FILTERS_OF_ALL, viewers):
        rows[row.account_id].append(row)
    for viewer, mark in marks.items():
        ctx.viewer_filters.put(viewer, mark, matchers(rows[viewer]))


async def _active(ctx: Context, viewer: int | None) -> Sequence[Matcher]:
    """Give the filters in force, from the cache or in one query."""
    if viewer is None:
        return ()
    kept = ctx.viewer_filters.get(viewer)
    if kept is None:
        mark = ctx.viewer_filters.begin(viewer)
        kept = matchers(await ctx.db.fetch(FILTERS_OF, viewer))
        ctx.viewer_filters.put(viewer, mark, kept)
    if not kept:
        return ()
    now = ctx.clock.now()
    return [one for one in kept if one.row.expires_at is None or one.row.expires_at > now]


def _result(matcher: Matcher, head: HeadRow, text: str) -> Json | None:
    keyword = matcher.find(text)
    statuses = [one for one in (head.id, head.reblog_id) if one in matcher.status_ids]
    if keyword is None and not statuses:
        return None
    return {
        "filter": _about(matcher.row),
        "keyword_matches": None if keyword is None else [keyword],
        "status_matches": [str(one) for one in statuses] or None,
    }


def _text(
    ctx: Context,
    head: HeadRow,
    shown_id: int,
    cores: Mapping[int, bytes],
    polls: Mapping[int, bytes],
) -> str:
    """Give what keywords are looked for in: warning, text, choices and descriptions of media."""
    version = head.version if head.reblog_version is None else head.reblog_version
    key = ("status text", shown_id, version)
    kept = ctx.entity_cache.get(key)
    if kept is None:
        kept = _searchable(cores.get(shown_id)).encode()
        ctx.entity_cache.put(key, kept)
    return "\n\n".join((kept.decode(), *_choices(polls.get(head.poll_id or 0))))


def _searchable(core: bytes | None) -> str:
    """Read the parts of a core (entities.statuses), which begins with the comma before it."""
    if core is None:
        return ""
    status = orjson.loads(b"{" + core[1:])
    descriptions = (one["description"] for one in status["media_attachments"])
    parts = (status["spoiler_text"], html_to_text(status["content"]), *descriptions)
    return "\n\n".join(part for part in parts if part)


def _choices(poll: bytes | None) -> Iterable[str]:
    return () if poll is None else (one["title"] for one in orjson.loads(poll)["options"])
