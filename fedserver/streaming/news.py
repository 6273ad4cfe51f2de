"""Statuses that came, changed or went: who hears of them, and in which words."""

import asyncio
from collections.abc import Iterable, Sequence

from fedserver.context import Context
from fedserver.entities import statuses_for_viewers
from fedserver.streaming.messages import Message
from fedserver.streaming.register import Register, Subscription
from fedserver.streaming.topics import PUBLIC_STREAMS, TAG_STREAMS, Topic
from storage.streaming import (
    HOMES_WITH,
    LISTS_HAVING,
    STREAMED_STATUSES,
    StatusSignal,
    StreamedRow,
)

_EVENTS = {"new": "update", "edit": "status.update"}
# After so many others have their turn.
_TOLD_AT_ONCE = 200

Audiences = dict[int, list[Subscription]]


async def tell_of_statuses(
    ctx: Context, register: Register, signals: Sequence[StatusSignal]
) -> None:
    """Tell everybody concerned, in the order of `signals`. The number of queries depends neither on
    how many signals nor on how many listeners there are."""
    ids = list({signal.id for signal in signals if signal.kind in _EVENTS})
    audiences = await _audiences(ctx, register, ids) if ids else {}
    pairs = {(one, sub.client.viewer) for one, subs in audiences.items() for sub in subs}
    shown = await statuses_for_viewers(ctx, list(pairs))
    messages: dict[tuple[str, bytes], Message] = {}
    for signal in signals:
        if signal.kind == "delete":
            await _tell(_who_had(register, signal), Message("delete", str(signal.id)))
        elif signal.kind in _EVENTS:
            told = audiences.get(signal.id, [])
            await _tell_each(_EVENTS[signal.kind], signal.id, told, shown, messages)


async def _tell_each(
    event: str,
    status_id: int,
    subscriptions: Iterable[Subscription],
    shown: dict[tuple[int, int], bytes],
    messages: dict[tuple[str, bytes], Message],
) -> None:
    for number, subscription in enumerate(subscriptions, start=1):
        joined = shown.get((status_id, subscription.client.viewer))
        if joined is None:
            continue
        message = messages.get((event, joined))
        if message is None:
            message = messages[event, joined] = Message(event, joined.decode())
        subscription.tell(message)
        if number % _TOLD_AT_ONCE == 0:
            await asyncio.sleep(0)


async def _tell(subscriptions: Iterable[Subscription], message: Message) -> None:
    for number, subscription in enumerate(list(subscriptions), start=1):
        subscription.tell(message)
        if number % _TOLD_AT_ONCE == 0:
            await asyncio.sleep(0)


async def _audiences(ctx: Context, register: Register, ids: list[int]) -> Audiences:
    found: Audiences = {one: [] for one in ids}
    for name, query in (("user", HOMES_WITH), ("list", LISTS_HAVING)):
        abouts = register.abouts(name)
        for row in await ctx.db.fetch(query, ids, abouts) if abouts else ():
            found[row.status_id].extend(register.of(Topic(name, row.timeline_id)))
    if any(map(register.abouts, PUBLIC_STREAMS | TAG_STREAMS)):
        for status in await ctx.db.fetch(STREAMED_STATUSES, ids):
            for topic in public_topics(status):
                found[status.id].extend(register.of(topic))
    return found


def public_topics(status: StreamedRow) -> list[Topic]:
    """Give the public topics that a status belongs to (Mastodon API: streaming)."""
    topics = []
    if status.public:
        names = ["public", "public:local" if status.local else "public:remote"]
        topics += [Topic(name) for name in names]
        topics += [Topic(f"{name}:media") for name in names if status.has_media]
    if status.listed:
        topics += [Topic("hashtag", tag) for tag in status.tags]
        topics += [Topic("hashtag:local", tag) for tag in status.tags if status.local]
    return topics


def _who_had(register: Register, signal: StatusSignal) -> set[Subscription]:
    """Whoever may show the status. Its hashtags are gone by now; all streams of tags hear of it."""
    found = {sub for name in ("user", "list") for sub in register.of_kind(name)}
    if signal.readers is not None:
        readers = set(signal.readers)
        found = {sub for sub in found if sub.client.viewer in readers}
    if signal.public:
        other = "public:remote" if signal.local else "public:local"
        for name in (PUBLIC_STREAMS | TAG_STREAMS) - {other, f"{other}:media"}:
            found.update(register.of_kind(name))
    return found
