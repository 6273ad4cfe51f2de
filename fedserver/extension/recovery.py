"""A person's recovery key: the server is given the public half (documented in docs/api.md)."""

from typing import Any

import msgspec

from fedserver.context import Context
from fedserver.effects import recovery_key as effects
from fedserver.effects.recovery_key import Offered
from fedserver.entities import timestamp
from fedserver.extension.people import calling_user, confirmed_user
from fedserver.recovery.keys import RecoveryPublic
from fedserver.routing import JSON, Caller, Params, endpoint
from fedserver.uris import Uris


class KeyParams(Params, frozen=True, kw_only=True):
    """A new key. `statement` and `rotation` are JSON objects that the keys signed."""

    did: str = ""
    recipient: str = ""
    statement: dict[str, Any] = msgspec.field(default_factory=dict)
    rotation: dict[str, Any] = msgspec.field(default_factory=dict)
    password: str = ""


class RemovalParams(Params, frozen=True, kw_only=True):
    """The old key's word, if there is one."""

    removal: dict[str, Any] = msgspec.field(default_factory=dict)
    password: str = ""


@endpoint("GET", "/api/fedserver/v1/recovery_key", scope="read:accounts")
async def show_recovery_key(ctx: Context, caller: Caller) -> JSON:
    """Show the caller's recovery key and the change of it that waits; null for none.

    `actor` is what the statements of a new key have to be about.
    """
    user = await calling_user(ctx, caller)
    found = await effects.recovery_of(ctx, user.account_id)
    key = None
    if found.key is not None:
        key = {"did": found.key.did, "recipient": found.key.recipient, "since": found.since}
    waiting = None
    if found.waiting is not None:
        waiting = {"did": found.waiting.did, "due_at": timestamp(found.waiting.due_at)}
    actor = Uris(ctx.config.base_url).actor(user.username)
    return {"actor": actor, "key": key, "waiting": waiting}


@endpoint("POST", "/api/fedserver/v1/recovery_key", scope="write:accounts")
async def set_recovery_key(ctx: Context, caller: Caller, params: KeyParams) -> JSON:
    """Set the caller's recovery key; `statement` proves that they hold it (FEP-c390). It takes the
    place of another at once where that one signed `rotation`, else after 72 hours.

    403 without the right `password`, 422 for what is no key or not proven.
    """
    user = await confirmed_user(ctx, caller, params.password)
    public = RecoveryPublic.checked(params.did, params.recipient)
    offered = Offered(public, params.statement)
    await effects.offer(ctx, user.account_id, offered, rotation=params.rotation or None)
    return await show_recovery_key(ctx, caller)


@endpoint("DELETE", "/api/fedserver/v1/recovery_key", scope="write:accounts")
async def remove_recovery_key(ctx: Context, caller: Caller, params: RemovalParams) -> JSON:
    """Remove the caller's recovery key: at once where it signed `removal`, else after 72 hours.

    403 without the right `password`, 404 without a key.
    """
    user = await confirmed_user(ctx, caller, params.password)
    await effects.remove(ctx, user.account_id, removal=params.removal or None)
    return await show_recovery_key(ctx, caller)


@endpoint("DELETE", "/api/fedserver/v1/recovery_key/waiting", scope="write:accounts")
async def call_change_off(ctx: Context, caller: Caller) -> JSON:
    """Call off the change that waits. 404 where none does."""
    user = await calling_user(ctx, caller)
    await effects.call_off(ctx, user.account_id)
    return await show_recovery_key(ctx, caller)
