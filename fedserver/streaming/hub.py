"""Hears the signals of all processes and tells the clients of this one.

One listener on the database serves every stream. Signals that came together are answered together.
"""

import asyncio
import logging
from collections import defaultdict, deque
from functools import partial
from typing import Final

import msgspec
import orjson

from fedserver import entities
from fedserver.context import Context
from fedserver.entities import NOBODY
from fedserver.events import (
    ANNOUNCEMENTS,
    CONVERSATIONS,
    FILTERS,
    MERGED,
    NOTIFICATIONS,
    STATUSES,
    TOKENS,
)
from fedserver.streaming.clients import Client
from fedserver.streaming.messages import Message
from fedserver.streaming.news import tell_of_statuses
from fedserver.streaming.occasions import tell_of_announcements, tell_of_conversations
from fedserver.streaming.register import Register
from fedserver.streaming.topics import CannotStream, Topic
from storage.failures import is_temporary
from storage.notification_reads import NOTIFICATIONS_BY_ID, RECEIVERS
from storage.streaming import TOUCH_STREAMING, VALID_TOKENS, StatusSignal

log = logging.getLogger(__name__)

_AT_ONCE: Final = 100
# Streams tell what is new. Whoever was not told in time reads the timelines.
_MAX_SIGNALS: Final = 10_000
_LOOK_AROUND_EVERY_S: Final = 300.0


class Hub:
    """The streams of this process."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self.register = Register()
        self._signals: deque[tuple[str, str]] = deque(maxlen=_MAX_SIGNALS)
        self._heard = asyncio.Event()
        for channel in (STATUSES, NOTIFICATIONS, CONVERSATIONS, FILTERS, ANNOUNCEMENTS):
            ctx.events.on(channel, partial(self._hear, channel))

    def _hear(self, channel: str, payload: str) -> None:
        if self.register.clients:
            self._signals.append((channel, payload))
            self._heard.set()

    async def enter(self, client: Client) -> None:
        """Let a client in. Raises CannotStream where it has too many connections, or where its
        token was revoked a moment ago."""
        self.register.enter(client)
        token = client.listener.token
        if token is not None and not await self._ctx.db.values(VALID_TOKENS, [token.id]):
            self.register.leave(client)
            raise CannotStream(401, "The access token is invalid")

    async def run(self) -> None:
        """Tell what is heard, and look after the tokens, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._tell_always())
            tasks.create_task(self._watch_tokens())

    def end_all(self) -> None:
        """Close every connection: the process stops."""
        for client in list(self.register.clients):
            client.end()

    async def _tell_always(self) -> None:
        while True:
            await self._heard.wait()
            self._heard.clear()
            while self._signals:
                count = min(_AT_ONCE, len(self._signals))
                try:
                    await self._tell([self._signals.popleft() for _ in range(count)])
                except Exception as error:  # what one cannot be told must not silence the rest
                    _log("streams were not told", error)

    async def _tell(self, signals: list[tuple[str, str]]) -> None:
        by_channel: dict[str, list[str]] = defaultdict(list)
        for channel, payload in signals:
            by_channel[channel].append(payload)
        if STATUSES in by_channel:
            read = [_READ_STATUS.decode(one) for one in by_channel[STATUSES]]
            await tell_of_statuses(self._ctx, self.register, read)
        if NOTIFICATIONS in by_channel:
            await self._tell_of_notifications(by_channel[NOTIFICATIONS])
        await tell_of_conversations(self._ctx, self.register, by_channel[CONVERSATIONS])
        await tell_of_announcements(self._ctx, self.register, by_channel[ANNOUNCEMENTS])
        for payload in dict.fromkeys(by_channel[FILTERS]):
            self._tell_one(Topic("user", int(payload)), Message("filters_changed", None))

    def _tell_one(self, topic: Topic, message: Message) -> None:
        for subscription in self.register.of(topic):
            subscription.tell(message)

    async def _tell_of_notifications(self, payloads: list[str]) -> None:
        merged = [one.removeprefix(MERGED) for one in payloads if one.startswith(MERGED)]
        for whose in dict.fromkeys(merged):
            topic = Topic("user:notification", int(whose))
            self._tell_one(topic, Message("notifications_merged", "1"))
        made = [one for one in payloads if not one.startswith(MERGED)]
        ids = [int(one) for payload in made for one in payload.split(",")]
        people = self.register.abouts("user:notification")
        for account_id in await self._ctx.db.values(RECEIVERS, ids, people) if people else ():
            rows = await self._ctx.db.fetch(NOTIFICATIONS_BY_ID, ids, account_id)
            for one in await entities.notifications(self._ctx, rows, account_id):
                message = Message("notification", orjson.dumps(one).decode())
                self._tell_one(Topic("user:notification", account_id), message)

    async def _watch_tokens(self) -> None:
        while True:
            await self._ctx.events.wait(TOKENS, timeout_s=_LOOK_AROUND_EVERY_S)
            try:
                await self._end_the_revoked()
                await self._keep_people_active()
            except Exception as error:  # asked again at the next signal, or in a while
                _log("tokens of streams were not looked at", error)

    async def _end_the_revoked(self) -> None:
        by_token: dict[int, list[Client]] = defaultdict(list)
        for client in self.register.clients:
            if client.listener.token is not None:
                by_token[client.listener.token.id].append(client)
        if not by_token:
            return
        valid = set(await self._ctx.db.values(VALID_TOKENS, list(by_token)))
        for token_id in by_token.keys() - valid:
            for client in by_token[token_id]:
                client.end()

    async def _keep_people_active(self) -> None:
        people = {client.viewer for client in self.register.clients} - {NOBODY}
        if people:
            await self._ctx.db.execute(TOUCH_STREAMING, list(people), self._ctx.clock.now())


_READ_STATUS: Final = msgspec.json.Decoder(StatusSignal)


def _log(what: str, error: Exception) -> None:
    if is_temporary(error):
        log.warning("%s: %s", what, error)
    else:
        log.error("%s", what, exc_info=error)
