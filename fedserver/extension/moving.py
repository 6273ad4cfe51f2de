"""Aliases, and moving to another server (documented in docs/api.md)."""

from fedserver.context import Context
from fedserver.effects import moving
from fedserver.extension.people import calling_user, confirmed_user
from fedserver.routing import JSON, Caller, Params, endpoint


class AliasParams(Params, frozen=True, kw_only=True):
    """An account elsewhere, as handle (name@domain) or address."""

    account: str = ""


class MoveParams(AliasParams, frozen=True, kw_only=True):
    """Where to move; the password says that it is meant."""

    password: str = ""


@endpoint("GET", "/api/fedserver/v1/aliases", scope="read:accounts")
async def aliases(ctx: Context, caller: Caller) -> JSON:
    """List the accounts that the caller is known as, too: {"uri"} of each."""
    user = await calling_user(ctx, caller)
    return [{"uri": uri} for uri in await moving.aliases(ctx, user.username)]


@endpoint("POST", "/api/fedserver/v1/aliases", scope="write:accounts")
async def add_alias(ctx: Context, caller: Caller, params: AliasParams) -> JSON:
    """Let the caller be known as `account`, too; that account can then move here.

    404 for an account that does not exist, 422 for what is no account, 503 where its server does
    not answer.
    """
    user = await calling_user(ctx, caller)
    return {"uri": await moving.add_alias(ctx, user.username, params.account)}


@endpoint("DELETE", "/api/fedserver/v1/aliases", scope="write:accounts")
async def remove_alias(ctx: Context, caller: Caller, params: AliasParams) -> JSON:
    """Take the alias `account` away. 404 where it is none."""
    user = await calling_user(ctx, caller)
    await moving.remove_alias(ctx, user.username, params.account)
    return {}


@endpoint("POST", "/api/fedserver/v1/move", scope="write:accounts")
async def move(ctx: Context, caller: Caller, params: MoveParams) -> JSON:
    """Move to `account` with all followers: {"moved_to": its URI}. Posts stay here.

    403 without the right `password`; 422 with what to do first, where `account` does not name the
    caller as its alias or the caller moved lately; 503 where its server does not answer.
    """
    user = await confirmed_user(ctx, caller, params.password)
    target = await moving.move_out(ctx, user.username, params.account)
    return {"moved_to": target.uri}


@endpoint("DELETE", "/api/fedserver/v1/move", scope="write:accounts")
async def stay(ctx: Context, caller: Caller) -> JSON:
    """Post here again; followers stay where they went. 422 for who has not moved."""
    user = await calling_user(ctx, caller)
    await moving.stay(ctx, user.username)
    return {}
