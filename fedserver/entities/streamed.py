"""Status, for many viewers at once: what one new post costs does not grow with who is listening.

All who see it alike share one row and the same bytes. What differs more (choices in a poll, a quote
of somebody whom a viewer blocks, filters) is read for all of them in one query each.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import orjson
from msgspec.structs import replace

from fedserver.context import Context
from fedserver.entities.accounts import kept_accounts
from fedserver.entities.feature_approval import for_anybody, for_nobody
from fedserver.entities.filters import filtered_for
from fedserver.entities.linked_collections import with_collections
from fedserver.entities.policies import Rights, is_guarded
from fedserver.entities.polls import poll_json, polls
from fedserver.entities.quotes import full_quotes, shallow_quotes, shown_ids
from fedserver.entities.reactions import own_of_viewers
from fedserver.entities.statuses import Parts, cores_of, favourited_in, named_by
from storage.leave_rules import RIGHTS_OF_VIEWERS
from storage.quotes import QUOTES_FOR_VIEWERS, QuoteOfViewerRow
from storage.status_reads import POLLS_FOR_VIEWER
from storage.streaming import HEADS_FOR_VIEWERS, QUOTED, VOTES_OF_VIEWERS, SharedHeadRow

NOBODY = 0
# Stands for whoever is signed in, and did not write the status.
_SOMEBODY = -1
_WISHES_AT_ONCE = 4_000


class Wish(NamedTuple):
    """A status to be shown to a viewer (or NOBODY in particular); `kind` says in which sort of
    timeline (storage.streaming), since at home one sees more than in public."""

    status_id: int
    viewer: int
    kind: int


Seen = Mapping[Wish, SharedHeadRow]


async def statuses_for_viewers(ctx: Context, wishes: Sequence[Wish]) -> dict[Wish, bytes]:
    """Give the Status as JSON for each wish of a viewer who may see it, and wants to."""
    found: dict[Wish, bytes] = {}
    for start in range(0, len(wishes), _WISHES_AT_ONCE):
        found |= await _joined(ctx, wishes[start : start + _WISHES_AT_ONCE])
    return found


async def _joined(ctx: Context, wishes: Sequence[Wish]) -> dict[Wish, bytes]:
    seen = await _seen(ctx, wishes)
    quotes = await _quotes(ctx, seen)
    shown = [
        Wish(one, viewer, QUOTED) for viewer, rows in quotes.items() for one in shown_ids(rows)
    ]
    quoted = await _seen(ctx, shown)
    own = await _own(ctx, {**seen, **quoted})
    named = {viewer: shallow_quotes(rows) for viewer, rows in quotes.items()}
    inner: dict[int, dict[int, bytes]] = defaultdict(dict)
    for wish, joined in own.join_all(quoted, named).items():
        inner[wish.viewer][wish.status_id] = joined
    whole = {viewer: full_quotes(rows, inner[viewer]) for viewer, rows in quotes.items()}
    return own.join_all(seen, whole)


async def _seen(ctx: Context, wishes: Sequence[Wish]) -> dict[Wish, SharedHeadRow]:
    if not wishes:
        return {}
    heads = await ctx.db.fetch(
        HEADS_FOR_VIEWERS,
        [wish.status_id for wish in wishes],
        [wish.viewer or None for wish in wishes],
        [wish.kind for wish in wishes],
    )
    return {wishes[place - 1]: head for head in heads for place in head.places}


@dataclass(frozen=True, slots=True)
class _Own:
    """What statuses are joined from: the parts that all who are signed in share, those of nobody
    in particular, and by viewer what is theirs alone."""

    signed_in: Parts
    nobody: Parts
    reacted: Mapping[int, Mapping[int, bytes]]
    polls: Mapping[int, Mapping[int, bytes]]
    filtered: Mapping[int, Mapping[int, bytes]]
    rights: Mapping[int, Mapping[int, Rights]]

    def join_all(self, seen: Seen, quotes: Mapping[int, Mapping[int, bytes]]) -> dict[Wish, bytes]:
        """Join each once for all who see it alike."""
        found: dict[Wish, bytes] = {}
        shared: dict[tuple[int, bool], bytes] = {}
        for wish, head in seen.items():
            if not self.nobody.has(head):
                continue
            if self._differs(wish, head):
                found[wish] = self._of(wish.viewer, quotes.get(wish.viewer, {})).join(head)
                continue
            key = (id(head), wish.viewer == NOBODY)
            if key not in shared:
                shared[key] = self._shared(wish.viewer).join(head)
            found[wish] = shared[key]
        return found

    def _differs(self, wish: Wish, head: SharedHeadRow) -> bool:
        is_author = wish.viewer == (head.reblog_account_id or head.account_id)
        own_parts = head.poll_id is not None or head.quotes or wish.viewer in self.filtered
        return own_parts or is_author or is_guarded(head) or wish.viewer in self.reacted

    def _shared(self, viewer: int) -> Parts:
        return self.nobody if viewer == NOBODY else self.signed_in

    def _of(self, viewer: int, quotes: Mapping[int, bytes]) -> Parts:
        shared = self._shared(viewer)
        return Parts(
            {**shared.cores, **self.reacted.get(viewer, {})},
            shared.accounts,
            {**shared.polls, **self.polls.get(viewer, {})},
            dict(quotes),
            self.filtered.get(viewer, {}),
            self.rights.get(viewer, {}),
            viewer or None,
        )


async def _own(ctx: Context, seen: Seen) -> _Own:
    heads = list({id(head): head for head in seen.values()}.values())
    versions, people, poll_ids = named_by(heads)
    cores = await with_collections(ctx, await cores_of(ctx, versions), None)
    accounts = await kept_accounts(ctx, people)
    polled = await polls(ctx, poll_ids, None)
    by_viewer: dict[int, list[SharedHeadRow]] = defaultdict(list)
    for wish, head in seen.items():
        by_viewer[wish.viewer].append(head)
    by_viewer.pop(NOBODY, None)
    return _Own(
        Parts(cores, for_anybody(accounts), polled, {}, viewer=_SOMEBODY),
        Parts(cores, for_nobody(accounts), polled, {}),
        await own_of_viewers(
            ctx, cores, {viewer: favourited_in(rows) for viewer, rows in by_viewer.items()}
        ),
        await _votes(ctx, poll_ids, list(by_viewer)),
        await filtered_for(ctx, by_viewer, cores, polled),
        await _rights(ctx, heads, list(by_viewer)),
    )


async def _rights(
    ctx: Context, heads: Iterable[SharedHeadRow], viewers: Sequence[int]
) -> dict[int, dict[int, Rights]]:
    """Give what each viewer may do with what has a policy, by viewer and status."""
    guarded = [head.reblog_id or head.id for head in heads if is_guarded(head)]
    found: dict[int, dict[int, Rights]] = defaultdict(dict)
    if guarded:
        for row in await ctx.db.fetch(RIGHTS_OF_VIEWERS, guarded, viewers):
            found[row.viewer][row.status_id] = Rights(row.like, row.reply, row.announce)
    return found


async def _quotes(ctx: Context, seen: Seen) -> dict[int, list[QuoteOfViewerRow]]:
    quoting = {wish: head for wish, head in seen.items() if head.quotes}
    by_viewer: dict[int, list[QuoteOfViewerRow]] = defaultdict(list)
    if quoting:
        ids = list({head.reblog_id or head.id for head in quoting.values()})
        viewers = [viewer or None for viewer in {wish.viewer for wish in quoting}]
        for row in await ctx.db.fetch(QUOTES_FOR_VIEWERS, ids, viewers):
            by_viewer[row.viewer].append(row)
    return by_viewer


async def _votes(
    ctx: Context, poll_ids: Iterable[int], viewers: Sequence[int]
) -> dict[int, dict[int, bytes]]:
    """Give the polls of those who voted, or made them, by viewer and id."""
    ids = list(poll_ids)
    if not ids:
        return {}
    votes = await ctx.db.fetch(VOTES_OF_VIEWERS, ids, viewers)
    choices = {(row.account_id, row.poll_id): row.choices for row in votes}
    found: dict[int, dict[int, bytes]] = defaultdict(dict)
    for row in await ctx.db.fetch(POLLS_FOR_VIEWER, ids, None):
        own = {viewer for viewer, poll_id in choices if poll_id == row.id} | {row.account_id}
        for viewer in own:
            as_seen = replace(row, own_votes=choices.get((viewer, row.id), []))
            found[viewer][row.id] = orjson.dumps(
                poll_json(ctx.uris, as_seen, viewer, ctx.clock.now())
            )
    return found
