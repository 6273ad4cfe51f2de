"""EmojiReact, and Like with an emoji in it: a reaction (FEP-c0e0; Misskey's `_misskey_reaction`).

Both are read. Ours go out as a Like: who knows reactions reads it as one (Misskey and Pleroma by
`_misskey_reaction`, others by `content`), to all others it is a favourite, as it is to clients.

Clients of the Mastodon API know no reactions: whoever reacts also favourites, once however many
emoji they use, and the author is told of a favourite.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from activitypub.model import Activity, Emoji
from fedserver.context import Context
from fedserver.effects.acts import Act, Audience, Notice, Outgoing, Undoable, told
from fedserver.effects.asking import request, waiting
from fedserver.effects.gate import Interaction, is_open, pass_gate
from fedserver.effects.incoming import Incoming
from fedserver.effects.like import Like
from fedserver.effects.outcomes import Ignored
from fedserver.effects.permission import require_visible
from fedserver.errors import NotFound, Refused
from storage.accounts import ACCOUNT_BY_ID, AccountRow
from storage.database import Transaction
from storage.emoji_reactions import (
    DELETE_EMOJI_REACTION,
    DELETE_REACTED_FAVOURITE,
    INSERT_EMOJI_REACTION,
    INSERT_REACTED_FAVOURITE,
    EmojiReactionRow,
)
from storage.notifying import WITHDRAW_NOTIFICATION
from storage.quotes import DELETE_REQUEST_OF
from storage.statuses import COUNT_FAVOURITE, StatusRow

_MAX_EMOJI_CHARS = 32
_SHORTCODE = re.compile(r":([A-Za-z0-9_.+-]{1,128})(?:@[A-Za-z0-9.:-]{1,253})?:", re.ASCII)
# An emoji is one of these, with what changes how it looks: skin tones, joiners, keycaps.
_PICTURES = frozenset({"So", "Sm"})
_MODIFIERS = frozenset({"Sk", "Mn", "Me", "Cf"})
_KEYCAP = "\u20e3"
_PUNCTUATION_EMOJI = frozenset("‼⁉〰〽")


@dataclass(frozen=True, slots=True)
class ReactedEmoji:
    """An emoji, or a custom one: its shortcode, and the URL of its image."""

    name: str
    image_url: str = ""

    @property
    def text(self) -> str:
        """As activities and notes write it."""
        return f":{self.name}:" if self.image_url else self.name

    @property
    def tags(self) -> tuple[Emoji, ...]:
        """What says how a custom one looks."""
        if not self.image_url:
            return ()
        return (Emoji(id=self.image_url, shortcode=self.name, url=self.image_url),)


def emoji_of(activity: Activity) -> ReactedEmoji | None:
    """Give the emoji of a reaction; None where there is none, or a custom one without its image."""
    told = activity.unknown.get("_misskey_reaction")
    content = (activity.content or (told if isinstance(told, str) else "")).strip()
    custom = _SHORTCODE.fullmatch(content)
    if custom is None:
        return ReactedEmoji(content) if is_emoji(content) else None
    image = next((one.url for one in activity.emojis if one.shortcode == custom[1]), None)
    return ReactedEmoji(custom[1], image) if image else None


def is_emoji(text: str) -> bool:
    """Whether `text` is one emoji as far as its characters tell; words and numbers are not."""
    if not 0 < len(text) <= _MAX_EMOJI_CHARS:
        return False
    if text.endswith(_KEYCAP):
        return text[0] in "0123456789#*" and len(text) <= 3
    kinds = [unicodedata.category(char) for char in text]
    pictures = [
        char in _PUNCTUATION_EMOJI or kind in _PICTURES
        for char, kind in zip(text, kinds, strict=True)
    ]
    rest = (picture or kind in _MODIFIERS for picture, kind in zip(pictures, kinds, strict=True))
    return pictures[0] and not text.isascii() and all(rest)


async def read_like(incoming: Incoming) -> Act:
    """Make the act of a peer's Like: a reaction if it has an emoji, else a favourite."""
    if emoji_of(incoming.activity) is None:
        return await Like.read(incoming)
    return await React.read(incoming)


@dataclass(frozen=True, kw_only=True)
class React(Undoable):
    """React to `status`, which `author` wrote, with `emoji`."""

    type: ClassVar[str] = Like.type

    status: StatusRow
    author: AccountRow
    emoji: ReactedEmoji

    @classmethod
    async def read(cls, incoming: Incoming) -> Act:
        """Make the act of a peer's reaction to a status that we know. Where its author wants to be
        asked, it waits as a favourite does, and is one."""
        emoji = emoji_of(incoming.activity)
        if emoji is None:
            raise Ignored("it has no emoji that can be shown")
        status = await incoming.known_status(incoming.object_id)
        if not is_open("like", status):
            return await Like.read(incoming)
        author = await incoming.ctx.db.one(ACCOUNT_BY_ID, status.account_id)
        if author is None:
            raise NotFound("Record not found")
        return cls(
            actor=incoming.actor, uri=incoming.uri, status=status, author=author, emoji=emoji
        )

    async def allow(self, ctx: Context, tx: Transaction) -> None:
        await require_visible(tx, self.status, self.actor)

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        now = ctx.clock.now()
        whose = (ctx.ids.new(), self.actor.id, self.status.id, self.uri)
        emoji = self.emoji
        if not await tx.execute(INSERT_EMOJI_REACTION, *whose, emoji.name, emoji.image_url, now):
            return False
        favourited = await tx.execute(INSERT_REACTED_FAVOURITE, *whose, now)
        # Also by nothing: the row's new version makes the shown reactions anew.
        await tx.execute(COUNT_FAVOURITE, self.status.id, favourited)
        if (await pass_gate(ctx, tx, self._favourite)).withheld:
            raise Refused("its author decides on favourites, and reactions cannot wait")
        return True

    @property
    def _favourite(self) -> Interaction:
        return Interaction("like", self.status, self.actor, self.uri)

    async def undo(self, ctx: Context, tx: Transaction) -> bool:
        given = (self.actor.id, self.status.id, self.emoji.name, self.emoji.image_url)
        if await tx.one(DELETE_EMOJI_REACTION, *given) is None:
            return False
        ended = await tx.execute(DELETE_REACTED_FAVOURITE, self.actor.id, self.status.id)
        await tx.execute(COUNT_FAVOURITE, self.status.id, -ended)
        if self.actor.local:
            await tx.execute(DELETE_REQUEST_OF, self.uri)
        if ended:
            await tx.execute(
                WITHDRAW_NOTIFICATION, self.author.id, "favourite", self.actor.id, self.status.id
            )
        return True

    def notices(self) -> Sequence[Notice]:
        return (Notice(self.author.id, "favourite", self.status.id),)

    async def audience(self, ctx: Context, tx: Transaction) -> Audience:
        return Audience(accounts=(self.author,))

    async def outgoing(self, ctx: Context, tx: Transaction) -> Outgoing | None:
        plain = told(self, self.status.uri, self.author)
        if plain is None:
            return None
        reaction = replace(
            plain.activity,
            content=self.emoji.text,
            emojis=self.emoji.tags,
            unknown={"_misskey_reaction": self.emoji.text},
        )
        waits_for = await waiting(tx, self.uri)
        return Outgoing(reaction) if waits_for is None else await request(tx, waits_for, reaction)


def react_of(
    row: EmojiReactionRow, actor: AccountRow, status: StatusRow, author: AccountRow
) -> React:
    """Give the act that made the reaction `row`."""
    emoji = ReactedEmoji(row.name, row.image_url)
    return React(actor=actor, uri=row.uri, status=status, author=author, emoji=emoji)
