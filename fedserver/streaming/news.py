"""Statuses that came, changed or went: who hears of them, and in which words."""

import asyncio
from collections.abc import Iterable, Sequence

from fedserver.context import Context
from fedserver.entities import Wish, statuses_for_viewers
from fedserver.streaming.messages import Message
from fedserver.streaming.register import Register, Subscription
from fedserver.streaming.topics import PUBLIC_STREAMS, TAG_STREAMS, Topic
from storage.streaming import (
    HOME,
    HOMES_WITH,
    LISTS_HAVING,
    PUBLIC,
    STREAMED_STATUSES,
    StatusSignal,
    StreamedRow,
)

_EVENTS = {"new": "update", "edit": "status.update"}
# After so many others have their turn.
_TOLD_AT_ONCE = 200

Audience = list[tuple[Wish, Subscription]]


async def tell_of_statuses(
    ctx: Context, register: Register, signals: Sequence[StatusSignal]
) -> None:
    """Tell everybody concerned, in the order of `signals`. The number of queries depends neither on
    how many signals nor on how many listeners there are."""
    ids = list({signal.id for signal in signals if signal.kind in _EVENTS})
    audiences = await _audiences(ctx, register, ids) if ids else {}
    wishes = {wish for audience in audiences.values() for wish, _ in audience}
    shown = await statuses_for_viewers(ctx, list(wishes))
    messages: dict[tuple[str, bytes], Message] = {}
    for signal in signals:
        if signal.kind == "delete":
            await _tell(_who_had(register, signal), Message("delete", str(signal.id)))
        elif signal.kind in _EVENTS:
            await _tell_each(_EVENTS[signal.kind], audiences[signal.id], shown, messages)


async def _tell_each(
    event: str,
    audience: Audience,
    shown: dict[Wish, bytes],
    messages: dict[tuple[str, bytes], Message],
) -> None:
    for number, (wish, subscription) in enumerate(audience, start=1):
        joined = shown.get(wish)
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


async def _audiences(ctx: Context, register: Register, ids: list[int]) -> dict[int, Audience]:
    found: dict[int, Audience] = {one: [] for one in ids}

    def add(status_id: int, topic: Topic, kind: int) -> None:
        for one in register.of(topic):
            found[status_id].append((Wish(status_id, one.client.viewer, kind), one))

    for name, query in (("user", HOMES_WITH), ("list", LISTS_HAVING)):
        abouts = register.abouts(name)
        for row in await ctx.db.fetch(query, ids, abouts) if abouts else ():
            add(row.status_id, Topic(name, row.timeline_id), HOME)
    if any(map(register.abouts, PUBLIC_STREAMS | TAG_STREAMS)):
        for status in await ctx.db.fetch(STREAMED_STATUSES, ids):
            for topic in public_topics(status):
                add(status.id, topic, PUBLIC)
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
