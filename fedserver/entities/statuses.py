"""Status: joined from ready bytes.

What does not depend on the viewer is kept as JSON for each version of its row: the author's
Account, and the core of the status. A Status is the viewer's flags, the account and the core.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import orjson

from fedserver.context import Context
from fedserver.entities.accounts import account_bytes, acct
from fedserver.entities.cards import stored_card
from fedserver.entities.emojis import stored_emojis
from fedserver.entities.filters import filtered
from fedserver.entities.linked_collections import with_collections
from fedserver.entities.media import stored_media
from fedserver.entities.policies import Rights, default_rights, policy_json, rights_of
from fedserver.entities.polls import polls
from fedserver.entities.quotes import approval_json, full_quotes, shallow_quotes, shown_ids
from fedserver.entities.reactions import reaction_json, with_own
from fedserver.entities.times import optional_timestamp, timestamp
from fedserver.errors import NotFound
from fedserver.uris import Uris
from storage.account_reads import ACCOUNT_HEADS
from storage.quotes import QUOTES_FOR_VIEWER
from storage.status_reads import (
    BOOKMARKED,
    FAVOURITED,
    HEADS,
    MUTED,
    PINNED,
    REBLOGGED,
    STATUS_DETAILS,
    UNATTRIBUTED,
    HeadRow,
    StatusDetailRow,
)

Json = dict[str, Any]


async def statuses(ctx: Context, ids: Iterable[int], viewer: int | None) -> list[orjson.Fragment]:
    """Give Statuses in the order of `ids`; what `viewer` may not see is left out."""
    return await statuses_of(ctx, await ctx.db.fetch(HEADS, list(ids), viewer), viewer)


async def status(ctx: Context, status_id: int, viewer: int | None) -> orjson.Fragment:
    """Give one Status. Raises NotFound where there is none that `viewer` may see."""
    found = await statuses(ctx, [status_id], viewer)
    if not found:
        raise NotFound("Record not found")
    return found[0]


async def statuses_of(
    ctx: Context, heads: Sequence[HeadRow], viewer: int | None
) -> list[orjson.Fragment]:
    """Give the Statuses that a page of heads names, in its order."""
    parts = await gather(ctx, heads, viewer)
    return [orjson.Fragment(parts.join(head)) for head in heads if parts.has(head)]


@dataclass(frozen=True, slots=True)
class Parts:
    """What a page is joined from: JSON of cores, accounts and polls, each by id, and of quotes by
    the id of what quotes; what filters of the viewer found, by the id of the status; and what the
    viewer may do, where a status has a policy."""

    cores: dict[int, bytes]
    accounts: dict[int, bytes]
    polls: dict[int, bytes]
    quotes: dict[int, bytes]
    filtered: Mapping[int, bytes] = field(default_factory=dict)
    rights: Mapping[int, Rights] = field(default_factory=dict)
    viewer: int | None = None

    def has(self, head: HeadRow) -> bool:
        """Whether all is there: a status may be deleted between two queries."""
        return (
            head.id in self.cores
            and head.account_id in self.accounts
            and (
                head.reblog_id is None
                or (head.reblog_id in self.cores and head.reblog_account_id in self.accounts)
            )
        )

    def join(self, head: HeadRow) -> bytes:
        """Give the Status of `head` as JSON."""
        account, core = self.accounts[head.account_id], self.cores[head.id]
        if head.reblog_id is not None and head.reblog_account_id is not None:
            boosted = self._join_shown(head, head.reblog_account_id, head.reblog_id)
            start = self._start_of(head, head.id)
            return b"".join((start, _BOOST, boosted, b',"account":', account, core))
        return self._join_shown(head, head.account_id, head.id)

    def _join_shown(self, head: HeadRow, account_id: int, status_id: int) -> bytes:
        account, core = self.accounts[account_id], self.cores[status_id]
        if head.flags & UNATTRIBUTED:
            core = core.replace(_ATTRIBUTED, _NOT_ATTRIBUTED, 1)
        start = self._start_of(head, status_id)
        if head.poll_id is None and not head.quotes:
            return b"".join((start, _PLAIN, account, core))
        poll = self.polls.get(head.poll_id or 0, b"null")
        quote = self.quotes.get(status_id, b"null") if head.quotes else b"null"
        return b"".join(
            (
                start,
                b',"reblog":null,"poll":',
                poll,
                b',"quote":',
                quote,
                b',"account":',
                account,
                core,
            )
        )

    def _start_of(self, head: HeadRow, status_id: int) -> bytes:
        rights = self.rights.get(head.reblog_id or head.id) or default_rights(head, self.viewer)
        start = _start(head.flags, head.quote_policy, head.quote_right, head.policy, rights)
        return start + self.filtered.get(status_id, b"[]")


@lru_cache(maxsize=4_096)
def _start(flags: int, quote_policy: int, quote_right: int, policy: str, rights: Rights) -> bytes:
    """Give the beginning of a Status: what a viewer did with it, and may do. `filtered` follows."""
    shown = {
        "favourited": bool(flags & FAVOURITED),
        "reblogged": bool(flags & REBLOGGED),
        "bookmarked": bool(flags & BOOKMARKED),
        "pinned": bool(flags & PINNED),
        "muted": bool(flags & MUTED),
        "quote_approval": approval_json(quote_policy, quote_right),
        "interaction_policy": policy_json(policy, rights),
    }
    return orjson.dumps(shown)[:-1] + b',"filtered":'


# What a card says to everybody else. Nothing in a JSON string looks like this: quotes are escaped.
_ATTRIBUTED = b'"missing_attribution":false'
_NOT_ATTRIBUTED = b'"missing_attribution":true'
_PLAIN = b',"poll":null,"quote":null,"reblog":null,"account":'
_BOOST = b',"poll":null,"quote":null,"reblog":'


async def gather(
    ctx: Context,
    heads: Sequence[HeadRow],
    viewer: int | None,
    also: Mapping[int, int] | None = None,
) -> Parts:
    """Give all parts of a page in at most eight queries: two only where something on it quotes, one
    only where something has a policy, one only where the viewer's filters are not known yet, one
    only where the viewer reacted to something. `also` names more accounts by version."""
    quoting = [head.reblog_id or head.id for head in heads if head.quotes]
    if not quoting:
        return await _gather(ctx, heads, viewer, also)
    quotes = await ctx.db.fetch(QUOTES_FOR_VIEWER, quoting, viewer)
    quoted = await ctx.db.fetch(HEADS, list(shown_ids(quotes)), viewer)
    parts = await _gather(ctx, [*heads, *quoted], viewer, also)
    inner = replace(parts, quotes=shallow_quotes(quotes))
    joined = {head.id: inner.join(head) for head in quoted if inner.has(head)}
    return replace(parts, quotes=full_quotes(quotes, joined))


async def _gather(
    ctx: Context,
    heads: Sequence[HeadRow],
    viewer: int | None,
    also: Mapping[int, int] | None,
) -> Parts:
    """Give the parts of a page without its quotes, in at most four queries."""
    versions, people, poll_ids = named_by(heads)
    marked = await with_own(ctx, await cores_of(ctx, versions), favourited_in(heads), viewer)
    cores = await with_collections(ctx, marked, viewer)
    polled = await polls(ctx, poll_ids, viewer)
    return Parts(
        cores,
        await account_bytes(ctx, people | dict(also or {}), viewer),
        polled,
        {},
        await filtered(ctx, heads, viewer, cores, polled),
        await rights_of(ctx, heads, viewer),
        viewer,
    )


def named_by(heads: Iterable[HeadRow]) -> tuple[dict[int, int], dict[int, int], set[int]]:
    """Give what a page shows: statuses and accounts by version, and polls."""
    versions: dict[int, int] = {}
    people: dict[int, int] = {}
    poll_ids = set()
    for head in heads:
        versions[head.id] = head.version
        people[head.account_id] = head.account_version
        if head.reblog_id is not None:
            versions[head.reblog_id] = head.reblog_version or 0
            people[head.reblog_account_id or 0] = head.reblog_account_version or 0
        if head.poll_id is not None:
            poll_ids.add(head.poll_id)
    return versions, people, poll_ids


def favourited_in(heads: Iterable[HeadRow]) -> set[int]:
    """Give what the viewer of the heads favourited."""
    return {head.reblog_id or head.id for head in heads if head.flags & FAVOURITED}


async def cores_of(ctx: Context, versions: Mapping[int, int]) -> dict[int, bytes]:
    """Give what of statuses is the same for everybody, by id; one query for what is not kept."""
    found: dict[int, bytes] = {}
    missing = []
    for status_id, version in versions.items():
        kept = ctx.entity_cache.get(("status", status_id, version))
        if kept is None:
            missing.append(status_id)
        else:
            found[status_id] = kept
    if missing:
        uris = ctx.uris
        rows = await ctx.db.fetch(STATUS_DETAILS, missing)
        authors = await _card_authors(ctx, rows)
        for row in rows:
            found[row.id] = b"," + orjson.dumps(core_json(uris, row, authors))[1:]
            ctx.entity_cache.put(("status", row.id, row.version), found[row.id])
    return found


async def _card_authors(
    ctx: Context, rows: Iterable[StatusDetailRow]
) -> dict[int, orjson.Fragment]:
    """Give Accounts of those who wrote what is linked to; no query where nobody did."""
    ids = {row.card["author_id"] for row in rows if row.card and row.card["author_id"]}
    heads = await ctx.db.fetch(ACCOUNT_HEADS, list(ids)) if ids else []
    shown = await account_bytes(ctx, {head.id: head.version for head in heads})
    return {account_id: orjson.Fragment(account) for account_id, account in shown.items()}


def core_json(uris: Uris, row: StatusDetailRow, authors: Mapping[int, orjson.Fragment]) -> Json:
    """Give what a Status shows to everybody, without its account, boosted status and poll."""
    return {
        "id": str(row.id),
        "created_at": timestamp(row.created_at),
        "edited_at": optional_timestamp(row.edited_at),
        "in_reply_to_id": _text(row.in_reply_to_id),
        "in_reply_to_account_id": _text(row.in_reply_to_account_id),
        "sensitive": row.sensitive,
        "spoiler_text": row.spoiler_text,
        "visibility": row.visibility,
        "language": row.language,
        "uri": row.uri,
        "url": row.url,
        "replies_count": row.replies_count,
        "reblogs_count": row.reblogs_count,
        "favourites_count": row.favourites_count,
        "quotes_count": row.quotes_count,
        "content": row.content,
        "application": row.application,
        "media_attachments": [stored_media(uris, one) for one in row.media],
        "mentions": [_mention(one) for one in row.mentions],
        "tags": [{"name": name, "url": uris.tag(name)} for name in row.tags],
        "emojis": stored_emojis(uris, row.emojis),
        "card": stored_card(uris, row.card, authors),
        # The last two, in this order: where entities.reactions and linked_collections look.
        "emoji_reactions": [
            reaction_json(uris, one["name"], one["image_url"], one["count"])
            for one in row.reactions
        ],
        "tagged_collections": row.collections,  # their ids; see entities.linked_collections
    }


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)


def _mention(entry: Json) -> Json:
    return {
        "id": str(entry["id"]),
        "username": entry["username"],
        "url": entry["url"],
        "acct": acct(entry["username"], entry["domain"]),
    }
