"""Bringing a kit in: identity first, then the followers, then all that takes longer."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from fedserver.context import Context
from fedserver.effects import recovery_key
from fedserver.effects.moving import MAX_ALIASES, ChangeAliases
from fedserver.effects.performing import perform
from fedserver.effects.recovery_key import Offered
from fedserver.errors import Invalid, NotFound
from fedserver.events import IMPORTS, NOTIFY
from fedserver.recovery.identity import claim_identity
from fedserver.recovery.keys import RecoveryKey
from fedserver.services.attachments import image_limits
from fedserver.services.images import HEADER_SIZE, process_avatar
from fedserver.services.keeping import keep
from fedserver.services.portable_lists import Kind, begin_import
from fedserver.services.text_in import clean_field_value, clean_html, clean_plain, html_to_text
from fedserver.survival.archives.container import FOLDER, MEDIA
from fedserver.survival.archives.posts import bring_posts
from fedserver.survival.kits.moving import move_by_proof, move_ours
from fedserver.survival.kits.old_key import move_by_old_key
from fedserver.survival.kits.reading import OpenKit, opened
from fedserver.uris import Uris
from storage.accounts import ACCOUNT_BY_ID, AccountRow
from storage.kits import (
    BEGIN_KIT_IMPORT,
    END_KIT_IMPORT,
    KIT_IMPORT,
    NOTE_KIT_IMPORT,
    SET_BROUGHT_PROFILE,
    SET_PICTURES,
    KitImportRow,
)

log = logging.getLogger(__name__)

_MAX_NOTE_CHARS: Final = 20_480
_MAX_IMAGE_BYTES: Final = 16 * 1024 * 1024
_LISTS: Final[tuple[tuple[Kind, str], ...]] = (
    ("blocks", "blocked_accounts.csv"),
    ("mutes", "muted_accounts.csv"),
    ("follows", "following_accounts.csv"),
    ("lists", "lists.csv"),
    ("bookmarks", "bookmarks.csv"),
)


@dataclass(frozen=True, slots=True)
class Step:
    """What is done now: for people, with numbers where it takes long."""

    what: str
    done: int = 0
    total: int = 0
    failed: int = 0


async def bring_kit(
    ctx: Context, account_id: int, sealed: BinaryIO, key: RecoveryKey
) -> AsyncIterator[Step]:
    """Bring the kit into the account `account_id`, and tell of each step.

    Again it goes on where it was. Raises Invalid for what is not the kit of `key`, or where this
    account has brought in another one, and Refused where another key is known for its identity.
    """
    async with opened(ctx, sealed, key) as kit:
        new = await _account(ctx, account_id)
        progress = await _begin(ctx, new, kit)
        if "identity" not in progress.state:
            await _bring_identity(ctx, kit, new)
            await _note(ctx, new, "identity", True)
        yield Step("identity")
        new = await _account(ctx, account_id)
        async for step in _move_followers(ctx, kit, new, progress):
            yield step
        async for step in _bring_lists(ctx, kit, new, progress):
            yield step
        async for at in bring_posts(ctx, kit, new):
            yield Step("posts", at.done, at.total, at.failed)
        await ctx.db.execute(END_KIT_IMPORT, new.id, ctx.clock.now())
        yield Step("done")


async def _account(ctx: Context, account_id: int) -> AccountRow:
    row = await ctx.db.one(ACCOUNT_BY_ID, account_id)
    if row is None or not row.local or row.gone:
        raise NotFound("There is no such account here")
    return row


async def _begin(ctx: Context, new: AccountRow, kit: OpenKit) -> KitImportRow:
    if kit.uri == new.uri:
        raise Invalid("This is the kit of this very account: there is nothing to bring")
    await ctx.db.execute(BEGIN_KIT_IMPORT, new.id, kit.uri, ctx.clock.now())
    row = await ctx.db.one(KIT_IMPORT, new.id)
    if row is None or row.old_uri != kit.uri:
        raise Invalid("This account has brought in the kit of another one already")
    return row


async def _note(ctx: Context, new: AccountRow, what: str, how: object) -> None:
    await ctx.db.execute(NOTE_KIT_IMPORT, new.id, {what: how})


async def _bring_identity(ctx: Context, kit: OpenKit, new: AccountRow) -> None:
    """Say who this is: the alias that lets the old account move here, the same recovery key, and
    the profile where there is none yet."""
    await _bring_profile(ctx, kit, new)
    if kit.uri not in new.also_known_as:
        if len(new.also_known_as) >= MAX_ALIASES:
            raise Invalid(f"An account has at most {MAX_ALIASES} aliases: remove one first")
        uri = Uris(ctx.config.base_url).activity(ctx.ids.new())
        aliases = (*new.also_known_as, kit.uri)
        await perform(ctx, ChangeAliases(actor=new, uri=uri, also_known_as=aliases))
    if (await recovery_key.recovery_of(ctx, new.id)).key is None:
        statement = claim_identity(kit.key, new.uri, ctx.clock.now())
        await recovery_key.offer(ctx, new.id, Offered(kit.key.public, statement))


async def _bring_profile(ctx: Context, kit: OpenKit, new: AccountRow) -> None:
    actor = kit.actor
    note = clean_html((actor.summary or "")[:_MAX_NOTE_CHARS])
    fields = [
        {
            "name": clean_plain(one.name, 255),
            "value": clean_field_value(one.value),
            "verified_at": None,
        }
        for one in actor.fields
    ]
    await ctx.db.execute(
        SET_BROUGHT_PROFILE,
        new.id,
        clean_plain(actor.name or "", 500),
        note,
        html_to_text(note),
        fields,
    )
    avatar = await _picture(ctx, kit, actor.icon_url, None)
    header = await _picture(ctx, kit, actor.image_url, HEADER_SIZE)
    await ctx.db.execute(SET_PICTURES, new.id, avatar, header)


async def _picture(
    ctx: Context, kit: OpenKit, url: str | None, size: tuple[int, int] | None
) -> str | None:
    name = f"{MEDIA}/{(url or '').rpartition('/')[2]}"
    if name not in kit.reader:
        return None
    content = await asyncio.to_thread(kit.reader.read, name, most=_MAX_IMAGE_BYTES)
    limits = image_limits(ctx)
    try:
        made = await (
            process_avatar(content, limits=limits)
            if size is None
            else process_avatar(content, size=size, limits=limits)
        )
    except Invalid:
        return None
    return await keep(ctx, made.data, suffix=made.suffix)


async def _move_followers(
    ctx: Context, kit: OpenKit, new: AccountRow, progress: KitImportRow
) -> AsyncIterator[Step]:
    """By the old server's key where the kit has it, else by the person's proof."""
    if "moved" in progress.state:
        return
    await move_ours(ctx, kit, new)
    failed = 0
    if kit.signing_key is None:
        reached = await move_by_proof(ctx, kit, new)
        total = reached.followers + reached.out_of_reach
        yield Step("followers", reached.followers, total, reached.out_of_reach)
    else:
        async for step in _under_old_key(ctx, kit, new, progress):
            failed = step.failed
            yield step
    if failed:
        return  # bringing the kit in again tells the rest
    await _note(ctx, new, "moved", True)


async def _under_old_key(
    ctx: Context, kit: OpenKit, new: AccountRow, progress: KitImportRow
) -> AsyncIterator[Step]:
    told: list[str] = list(progress.state.get("told", []))
    total, failed = len(kit.peers), 0
    async for one in move_by_old_key(ctx, kit, new, frozenset(told)):
        if one.fault:
            failed += 1
            log.warning("a kit's move was not taken: %s", one.fault)
        else:
            told.append(one.inbox)
        await _note(ctx, new, "told", told)
        yield Step("peers", len(told), total, failed)


async def _bring_lists(
    ctx: Context, kit: OpenKit, new: AccountRow, progress: KitImportRow
) -> AsyncIterator[Step]:
    """Hand the lists to the worker that does them line by line, also over a restart."""
    for kind, file in _LISTS:
        if kind not in progress.state:
            text = (await asyncio.to_thread(kit.reader.read, f"{FOLDER}/{file}")).decode(
                errors="replace"
            )
            # Nothing in it, or not readable: the rest is worth bringing.
            with contextlib.suppress(Invalid):
                await begin_import(ctx, new.id, kind, text, overwrite=False)
            await _note(ctx, new, kind, True)
            await ctx.db.execute(NOTIFY, IMPORTS, "")
        yield Step(kind)
