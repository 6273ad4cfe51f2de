"""Status, for many viewers at once: what one new post costs does not grow with who is listening.

All who see it alike share one row and the same bytes. What differs more (choices in a poll, a quote
of somebody whom a viewer blocks) is read for all of them in one query each.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import orjson
from msgspec.structs import replace

from fedserver.context import Context
from fedserver.entities.polls import poll_json
from fedserver.entities.quotes import full_quotes, shallow_quotes, shown_ids
from fedserver.entities.statuses import Parts, gather_plain
from storage.quotes import QUOTES_FOR_VIEWERS, QuoteOfViewerRow
from storage.status_reads import POLLS_FOR_VIEWER
from storage.streaming import HEADS_FOR_VIEWERS, VOTES_OF_VIEWERS, SharedHeadRow

NOBODY = 0
Pair = tuple[int, int]  # a status and a viewer, NOBODY among them
_PAIRS_AT_ONCE = 4_000


async def statuses_for_viewers(ctx: Context, pairs: Sequence[Pair]) -> dict[Pair, bytes]:
    """Give the Status as JSON of each pair whose viewer may see it, and wants to."""
    found: dict[Pair, bytes] = {}
    for start in range(0, len(pairs), _PAIRS_AT_ONCE):
        found |= await _joined(ctx, pairs[start : start + _PAIRS_AT_ONCE])
    return found


async def _joined(ctx: Context, pairs: Sequence[Pair]) -> dict[Pair, bytes]:
    heads = await _heads(ctx, pairs, screened=True)
    quotes = await _quotes(ctx, heads)
    shown = [(one, viewer) for viewer, rows in quotes.items() for one in shown_ids(rows)]
    quoted = await _heads(ctx, shown, screened=False)
    parts = await gather_plain(ctx, [*heads, *quoted], None)
    polls = await _polls(ctx, [*heads, *quoted])
    named = {viewer: shallow_quotes(rows) for viewer, rows in quotes.items()}
    inner = _by_viewer(_each(quoted, _Own(parts, polls, named)))
    whole = {viewer: full_quotes(rows, inner[viewer]) for viewer, rows in quotes.items()}
    return _each(heads, _Own(parts, polls, whole))


@dataclass(frozen=True, slots=True)
class _Own:
    """The parts that are the same for everybody, and for each viewer those that are not."""

    shared: Parts
    polls: Mapping[int, Mapping[int, bytes]]
    quotes: Mapping[int, Mapping[int, bytes]]

    def of(self, viewer: int) -> Parts:
        return Parts(
            self.shared.cores,
            self.shared.accounts,
            {**self.shared.polls, **self.polls.get(viewer, {})},
            dict(self.quotes.get(viewer, {})),
        )


def _each(heads: Iterable[SharedHeadRow], own: _Own) -> dict[Pair, bytes]:
    found: dict[Pair, bytes] = {}
    for head in heads:
        if not own.shared.has(head):
            continue
        if head.poll_id is None and not head.quotes:
            joined = own.shared.join(head)
            found.update(dict.fromkeys(((head.id, viewer) for viewer in head.viewers), joined))
        else:
            found.update({(head.id, one): own.of(one).join(head) for one in head.viewers})
    return found


def _by_viewer(found: Mapping[Pair, bytes]) -> dict[int, dict[int, bytes]]:
    sorted_out: dict[int, dict[int, bytes]] = defaultdict(dict)
    for (status_id, viewer), joined in found.items():
        sorted_out[viewer][status_id] = joined
    return sorted_out


async def _heads(ctx: Context, pairs: Sequence[Pair], *, screened: bool) -> list[SharedHeadRow]:
    if not pairs:
        return []
    viewers = [viewer or None for _, viewer in pairs]
    return await ctx.db.fetch(HEADS_FOR_VIEWERS, [one for one, _ in pairs], viewers, screened)


def _viewers(heads: Iterable[SharedHeadRow]) -> list[int | None]:
    return [one or None for one in {viewer for head in heads for viewer in head.viewers}]


async def _quotes(
    ctx: Context, heads: Iterable[SharedHeadRow]
) -> dict[int, list[QuoteOfViewerRow]]:
    quoting = [head for head in heads if head.quotes]
    by_viewer: dict[int, list[QuoteOfViewerRow]] = defaultdict(list)
    if quoting:
        ids = list({head.reblog_id or head.id for head in quoting})
        for row in await ctx.db.fetch(QUOTES_FOR_VIEWERS, ids, _viewers(quoting)):
            by_viewer[row.viewer].append(row)
    return by_viewer


async def _polls(ctx: Context, heads: Iterable[SharedHeadRow]) -> dict[int, dict[int, bytes]]:
    """Give the polls of those who voted, or made them, by viewer and id."""
    asking = [head for head in heads if head.poll_id is not None]
    if not asking:
        return {}
    ids = list({head.poll_id for head in asking})
    viewers = [viewer for viewer in _viewers(asking) if viewer is not None]
    votes = await ctx.db.fetch(VOTES_OF_VIEWERS, ids, viewers)
    choices = {(row.account_id, row.poll_id): row.choices for row in votes}
    found: dict[int, dict[int, bytes]] = defaultdict(dict)
    for row in await ctx.db.fetch(POLLS_FOR_VIEWER, ids, None):
        own = {viewer for viewer, poll_id in choices if poll_id == row.id} | {row.account_id}
        for viewer in own:
            as_seen = replace(row, own_votes=choices.get((viewer, row.id), []))
            found[viewer][row.id] = orjson.dumps(poll_json(as_seen, viewer, ctx.clock.now()))
    return found
