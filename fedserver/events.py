"""Signals between the processes of an instance, over LISTEN/NOTIFY, behind one small interface.

A signal says only that there may be work; the work itself is in the database. So a lost signal
costs a delay (the sweep below), never the work.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress

from storage.database import Database, StorageError
from storage.query import Command

log = logging.getLogger(__name__)

INBOX = "fedserver_inbox"
DELIVERIES = "fedserver_deliveries"
TOKENS = "fedserver_tokens"
FOLLOWERS = "fedserver_followers"
THREADS = "fedserver_threads"
DOMAINS = "fedserver_domains"
MEDIA = "fedserver_media"
CARDS = "fedserver_cards"
MAILS = "fedserver_mails"
IMPORTS = "fedserver_imports"
KITS = "fedserver_kits"
ARCHIVES = "fedserver_archives"
EVACUATION = "fedserver_evacuation"
# The payload is the account whose filters changed.
FILTERS = "fedserver_filters"
SCHEDULED = "fedserver_scheduled"
PUSH = "fedserver_push"
# What streams tell of beside filters. The payloads: storage.streaming.StatusSignal; ids of
# notifications, with commas; "account:conversation"; {"event", "id", "name"} of an announcement.
STATUSES = "fedserver_statuses"
NOTIFICATIONS = "fedserver_notifications"
CONVERSATIONS = "fedserver_conversations"
ANNOUNCEMENTS = "fedserver_announcements"
# The vault is to ship now; the payload says whether a new base is wanted ("base").
VAULT = "fedserver_vault"
# Before an account: its notifications that were kept apart are shown now. On NOTIFICATIONS, too.
MERGED = "merged:"
CHANNELS = (
    INBOX,
    DELIVERIES,
    TOKENS,
    FOLLOWERS,
    THREADS,
    DOMAINS,
    MAILS,
    IMPORTS,
    KITS,
    ARCHIVES,
    EVACUATION,
    FILTERS,
    SCHEDULED,
    PUSH,
    STATUSES,
    NOTIFICATIONS,
    CONVERSATIONS,
    ANNOUNCEMENTS,
    MEDIA,
    CARDS,
    VAULT,
)

NOTIFY = Command("SELECT pg_notify($1, $2)")

_RECONNECT_S = 1.0


class Events:
    """Hears the instance's signals and wakes who waits for them."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._signals: dict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._listeners: dict[str, list[Callable[[str], None]]] = defaultdict(list)

    def on(self, channel: str, call: Callable[[str], None]) -> None:
        """Call `call(payload)` for each signal on `channel`."""
        self._listeners[channel].append(call)

    def wake(self, channel: str) -> None:
        """Wake the waiters of this process at once, without the database."""
        self._signals[channel].set()

    async def wait(self, channel: str, *, timeout_s: float) -> None:
        """Return at the next signal on `channel`, or after `timeout_s`."""
        signal = self._signals[channel]
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await signal.wait()
        signal.clear()

    async def run(self) -> None:
        """Listen until cancelled; after a lost connection listen anew and wake everybody."""
        while True:
            try:
                async with self._db.listening(CHANNELS, self._heard) as lost:
                    self._wake_all()
                    await lost()
            except (OSError, StorageError) as error:
                log.warning("cannot listen for events: %s", error)
            await asyncio.sleep(_RECONNECT_S)

    def _heard(self, channel: str, payload: str) -> None:
        self._signals[channel].set()
        for call in self._listeners[channel]:
            call(payload)

    def _wake_all(self) -> None:
        for channel in CHANNELS:
            self._signals[channel].set()
