"""What happens now and then: conversations that go on, and what the admin announces."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from fedserver import entities
from fedserver.context import Context
from fedserver.streaming.messages import Message
from fedserver.streaming.register import Register
from fedserver.streaming.topics import Topic
from storage.announcements import ANNOUNCEMENTS, AnnouncementRow
from storage.conversations import CONVERSATIONS_BY_ID


async def tell_of_conversations(ctx: Context, register: Register, payloads: Iterable[str]) -> None:
    """Tell those who listen to `direct` of their conversations; `payloads` are
    "account:conversation" (Mastodon API: streaming, conversation)."""
    changed: dict[int, set[int]] = defaultdict(set)
    for payload in payloads:
        whose, _, conversation_id = payload.partition(":")
        changed[int(whose)].add(int(conversation_id))
    listening = set(register.abouts("direct"))
    for account_id, ids in changed.items():
        if account_id in listening:
            await _tell_one(ctx, register, account_id, ids)


async def _tell_one(ctx: Context, register: Register, account_id: int, ids: set[int]) -> None:
    rows = await ctx.db.fetch(CONVERSATIONS_BY_ID, list(ids), account_id)
    for shown in await entities.conversations(ctx, rows, account_id):
        message = Message("conversation", orjson.dumps(shown).decode())
        for subscription in register.of(Topic("direct", account_id)):
            subscription.tell(message)


async def tell_of_announcements(ctx: Context, register: Register, payloads: Sequence[str]) -> None:
    """Tell all who listen to `user` what was announced, taken back or reacted to (Mastodon API:
    streaming, announcement)."""
    for payload in dict.fromkeys(payloads):
        message = await _message(ctx, orjson.loads(payload))
        if message is not None:
            for subscription in list(register.of_kind("user")):
                subscription.tell(message)


async def _message(ctx: Context, signal: dict[str, Any]) -> Message | None:
    if signal["event"] == "announcement.delete":
        return Message("announcement.delete", str(signal["id"]))
    nobody = None
    rows: list[AnnouncementRow] = await ctx.db.fetch(
        ANNOUNCEMENTS, nobody, ctx.clock.now(), signal["id"]
    )
    for shown in await entities.announcements(ctx, rows):
        if signal["event"] == "announcement":
            return Message("announcement", _for_all(shown, without="read"))
        return Message("announcement.reaction", _reaction(shown, signal["name"]))
    return None


def _for_all(entity: dict[str, Any], *, without: str) -> str:
    """Give an entity as everybody is told it, without what each sees for themselves."""
    kept = {key: value for key, value in entity.items() if key != without}
    return orjson.dumps(kept).decode()


def _reaction(announcement: dict[str, Any], name: str) -> str:
    """Give how many reacted like that; nobody any more, where the last was taken back."""
    found = [one for one in announcement["reactions"] if one["name"] == name]
    shown = found[0] if found else {"name": name, "count": 0}
    return _for_all({**shown, "announcement_id": announcement["id"]}, without="me")
