"""Who calls: the bearer token of a request becomes a `Caller`, or an error a client understands."""

from dataclasses import dataclass

from aiohttp import web

from fedserver.context import Context
from fedserver.errors import Forbidden, Unauthorized
from fedserver.secrets import token_hash
from storage.oauth import TOKEN_BY_HASH, TOUCH_TOKEN, TokenRow

_TOUCH_EVERY_S = 3_600
_FOLLOW_COVERS = ("blocks", "follows", "mutes")


@dataclass(frozen=True, slots=True)
class Token:
    """An access token: of a person (`account_id`), of somebody who signs up (`sign_up_id`), or of
    an application alone."""

    id: int
    application_id: int
    account_id: int | None
    scopes: frozenset[str]
    sign_up_id: int | None = None

    def covers(self, wanted: str) -> bool:
        """Whether this token has `wanted`, itself or through a wider scope."""
        kind, _, what = wanted.partition(":")
        if wanted in self.scopes or kind in self.scopes:
            return True
        return "follow" in self.scopes and what in _FOLLOW_COVERS


TOKEN: web.RequestKey[Token | None] = web.RequestKey("token", Token)


@dataclass(frozen=True, slots=True)
class Caller:
    """A signed-in person, calling through an application."""

    account_id: int
    token: Token


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Somebody who may still be waiting for an account: one of the two is there.

    Only what is about signing up takes a Newcomer; everything else waits for the account.
    """

    sign_up_id: int | None
    account_id: int | None
    token: Token


@dataclass(frozen=True, slots=True)
class AppToken:
    """Any valid token, with or without a person behind it."""

    token: Token


async def read_token(
    ctx: Context, request: web.Request, *, newcomers: bool = False
) -> Token | None:
    """Give the request's token, None without one. Raises Unauthorized for an invalid one, and
    Forbidden for who has no account yet, unless `newcomers` are welcome."""
    bearer = bearer_of(request)
    if bearer is None:
        return None
    row = await ctx.db.one(TOKEN_BY_HASH, token_hash(bearer))
    if row is None:
        raise Unauthorized("The access token is invalid")
    if row.sign_up_id is None or not newcomers:
        _check_user(row)
    await _touch(ctx, row)
    scopes = frozenset(row.scopes.split())
    return Token(row.id, row.application_id, row.account_id, scopes, row.sign_up_id)


def bearer_of(request: web.Request) -> str | None:
    """Give the token that a request brings, unchecked."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and value.strip():
        return value.strip()
    return request.query.get("access_token") or _protocol(request)


def _protocol(request: web.Request) -> str | None:
    """Give the token of a WebSocket: browsers let a page set no other header than this one."""
    if request.headers.get("Upgrade", "").lower() != "websocket":
        return None
    return request.headers.get("Sec-WebSocket-Protocol", "").partition(",")[0].strip() or None


def _check_user(row: TokenRow) -> None:
    if row.account_id is None and row.sign_up_id is None:
        return
    if row.disabled or row.suspended:
        raise Forbidden("Your login is currently disabled")
    if not row.confirmed:
        raise Forbidden("Your login is missing a confirmed e-mail address")
    if not row.approved:
        raise Forbidden("Your login is currently pending approval")


async def _touch(ctx: Context, row: TokenRow) -> None:
    now = ctx.clock.now()
    if row.last_used_at is None or (now - row.last_used_at).total_seconds() > _TOUCH_EVERY_S:
        await ctx.db.execute(TOUCH_TOKEN, row.id, row.account_id, now)


def require_scopes(token: Token, scopes: tuple[str, ...]) -> None:
    """Raise Forbidden unless the token covers one of `scopes` (none named: any token will do)."""
    if scopes and not any(token.covers(scope) for scope in scopes):
        raise Forbidden("This action is outside the authorized scopes")
