"""The key that push services know this instance by, and secrets of subscriptions."""

from typing import Final

from fedserver.context import Context
from fedserver.services.push_messages import (
    VapidKey,
    load_private_key,
    new_private_key,
    public_text,
)
from storage.push import PUSH_KEY, PUT_PUSH_KEY, PushKeyRow

KEY_PURPOSE: Final = "push key"
AUTH_PURPOSE: Final = "push auth"
TOKEN_PURPOSE: Final = "push token"
_KEPT: Final = ("push key",)


async def ensure_push_key(ctx: Context) -> PushKeyRow:
    """Give our key, made where there is none yet. Two processes at once end up with the same."""
    row = await ctx.db.one(PUSH_KEY)
    if row is not None:
        return row
    raw = new_private_key()
    wrapped = ctx.secrets.wrap(raw, purpose=KEY_PURPOSE)
    public = public_text(load_private_key(raw))
    await ctx.db.execute(PUT_PUSH_KEY, public, wrapped, ctx.clock.now())
    return await ctx.db.one(PUSH_KEY) or PushKeyRow(public, wrapped)


async def public_push_key(ctx: Context) -> str:
    """Give the public half (Mastodon API: `vapid_key`); it never changes."""
    kept = ctx.entity_cache.get(_KEPT)
    if kept is None:
        kept = (await ensure_push_key(ctx)).public_key.encode()
        ctx.entity_cache.put(_KEPT, kept)
    return kept.decode()


async def vapid_key(ctx: Context) -> VapidKey:
    """Give both halves, to sign with. Raises CannotUnwrap."""
    row = await ensure_push_key(ctx)
    raw = ctx.secrets.unwrap(row.private_key, purpose=KEY_PURPOSE)
    email = ctx.config.instance.contact_email
    contact = f"mailto:{email}" if email else ctx.config.base_url
    return VapidKey(load_private_key(raw), row.public_key, contact)
