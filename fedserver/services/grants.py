"""OAuth grants: applications, authorization codes and access tokens.

Everything secret is random, shown once, and kept as a hash.
"""

import base64
import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from fedserver.context import Context
from fedserver.errors import FedserverError
from fedserver.events import NOTIFY, TOKENS
from fedserver.secrets import new_token, same, token_hash
from fedserver.services.scopes import all_within, parse_scopes
from storage.oauth import (
    APPLICATION_BY_CLIENT_ID,
    INSERT_APPLICATION,
    INSERT_CODE,
    INSERT_SIGN_UP_TOKEN,
    INSERT_TOKEN,
    REVOKE_TOKEN,
    TAKE_CODE,
    TOKEN_EXISTS,
    ApplicationRow,
    CodeRow,
)

CODE_LIFETIME: Final = timedelta(minutes=10)
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)

UNKNOWN_CLIENT: Final = (
    "Client authentication failed due to unknown client, no client authentication included,"
    " or unsupported authentication method."
)
INVALID_GRANT: Final = (
    "The provided authorization grant is invalid, expired, revoked, does not match the"
    " redirection URI used in the authorization request, or was issued to another client."
)
INVALID_SCOPE: Final = "The requested scope is invalid, unknown, or malformed."
NOT_YOUR_TOKEN: Final = "You are not authorized to revoke this token"
ONLY_S256: Final = "The code_challenge_method must be S256."


class OAuthError(FedserverError):
    """An error of the OAuth protocol (RFC 6749 §5.2): `code` for programs, the text for people."""

    def __init__(self, code: str, description: str, *, status: int = 400) -> None:
        super().__init__(description)
        self.code = code
        self.status = status


@dataclass(frozen=True, slots=True)
class NewApplication:
    """A registration, with the only copy of its secret that there will ever be."""

    row: ApplicationRow
    secret: str


async def register_application(
    ctx: Context, *, name: str, website: str | None, redirect_uris: list[str], scopes: str
) -> NewApplication:
    """Store an application; its parameters were checked."""
    secret = new_token()
    row = ApplicationRow(
        id=ctx.ids.new(),
        client_id=new_token(),
        secret_hash=token_hash(secret),
        name=name,
        website=website,
        redirect_uris=redirect_uris,
        scopes=scopes,
        created_at=ctx.clock.now(),
    )
    await ctx.db.execute(
        INSERT_APPLICATION,
        row.id,
        row.client_id,
        row.secret_hash,
        row.name,
        row.website,
        row.redirect_uris,
        row.scopes,
        row.created_at,
    )
    return NewApplication(row, secret)


async def known_client(ctx: Context, client_id: str) -> ApplicationRow:
    """Give the application `client_id`. Raises OAuthError invalid_client."""
    application = await ctx.db.one(APPLICATION_BY_CLIENT_ID, client_id)
    if application is None:
        raise OAuthError("invalid_client", UNKNOWN_CLIENT, status=401)
    return application


async def authenticated_client(ctx: Context, client_id: str, secret: str) -> ApplicationRow:
    """Give the application whose credentials these are. Raises OAuthError invalid_client."""
    application = await known_client(ctx, client_id)
    if not same(application.secret_hash, token_hash(secret)):
        raise OAuthError("invalid_client", UNKNOWN_CLIENT, status=401)
    return application


def granted_scopes(application: ApplicationRow, requested: str | None) -> str:
    """Give the scopes to grant. Raises OAuthError where the application may not have them."""
    scopes = parse_scopes(requested)
    if not all_within(scopes, application.scopes.split()):
        raise OAuthError("invalid_scope", INVALID_SCOPE)
    return " ".join(scopes)


def check_challenge(challenge: str | None, method: str | None) -> None:
    """Raise OAuthError unless this is an S256 challenge, or none (RFC 7636 §4.3)."""
    if challenge is None:
        return
    if method != "S256":
        raise OAuthError("invalid_request", ONLY_S256)
    if _CHALLENGE.fullmatch(challenge) is None:
        raise OAuthError("invalid_request", "The code_challenge is not one of S256.")


@dataclass(frozen=True, slots=True)
class Consent:
    """What a person agreed to."""

    application: ApplicationRow
    account_id: int
    redirect_uri: str
    scopes: str
    code_challenge: str | None


async def issue_code(ctx: Context, consent: Consent) -> str:
    """Give a new authorization code: for one use, within ten minutes (RFC 6749 §4.1.2)."""
    code, now = new_token(), ctx.clock.now()
    await ctx.db.execute(
        INSERT_CODE,
        token_hash(code),
        consent.application.id,
        consent.account_id,
        consent.redirect_uri,
        consent.scopes,
        consent.code_challenge,
        "S256" if consent.code_challenge else None,
        now,
        now + CODE_LIFETIME,
    )
    return code


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """An access token, with the only copy that there will ever be. It does not expire."""

    access_token: str
    scopes: str
    created_at: datetime

    def as_json(self) -> dict[str, str | int]:
        """Give it as clients are told (RFC 6749 §5.1, Mastodon API: Token)."""
        return {
            "access_token": self.access_token,
            "token_type": "Bearer",
            "scope": self.scopes,
            "created_at": int(self.created_at.timestamp()),
        }


async def exchange_code(
    ctx: Context, application: ApplicationRow, code: str, redirect_uri: str, verifier: str | None
) -> IssuedToken:
    """Give a token for an authorization code. The code is used up even when this is refused.

    RFC 6749 §4.1.3, RFC 7636 §4.6. Raises OAuthError invalid_grant.
    """
    row = await ctx.db.one(TAKE_CODE, token_hash(code), application.id)
    if row is None or row.expires_at <= ctx.clock.now() or row.redirect_uri != redirect_uri:
        raise OAuthError("invalid_grant", INVALID_GRANT)
    if not _verified(row, verifier):
        raise OAuthError("invalid_grant", INVALID_GRANT)
    return await issue_token(ctx, application, row.account_id, row.scopes)


def _verified(row: CodeRow, verifier: str | None) -> bool:
    if row.code_challenge is None or verifier is None:
        # A verifier without a challenge: somebody took the challenge away (RFC 9700 §4.8.2).
        return row.code_challenge is None and verifier is None
    digest = hashlib.sha256(verifier.encode("utf-8", "surrogatepass")).digest()
    return same(base64.urlsafe_b64encode(digest).rstrip(b"="), row.code_challenge)


async def issue_token(
    ctx: Context, application: ApplicationRow, account_id: int | None, scopes: str
) -> IssuedToken:
    """Give a new token of a person, or of the application alone (RFC 6749 §4.4)."""
    token, now = new_token(), ctx.clock.now()
    await ctx.db.execute(
        INSERT_TOKEN, ctx.ids.new(), token_hash(token), application.id, account_id, scopes, now
    )
    return IssuedToken(token, scopes, now)


async def issue_sign_up_token(
    ctx: Context, application_id: int, sign_up_id: int, scopes: str
) -> IssuedToken:
    """Give a token that will be the new account's, and is good for nothing until then.

    Mastodon API: accounts#create.
    """
    token, now = new_token(), ctx.clock.now()
    await ctx.db.execute(
        INSERT_SIGN_UP_TOKEN,
        ctx.ids.new(),
        token_hash(token),
        application_id,
        sign_up_id,
        scopes,
        now,
    )
    return IssuedToken(token, scopes, now)


async def revoke(ctx: Context, application: ApplicationRow, token: str) -> None:
    """End a token of `application`, everywhere; one that does not exist is ended already.

    RFC 7009 §2.2. Raises OAuthError where it is the token of another application.
    """
    hashed = token_hash(token)
    token_id = await ctx.db.value(REVOKE_TOKEN, hashed, application.id)
    if token_id is not None:
        await ctx.db.execute(NOTIFY, TOKENS, f"token:{token_id}")
    elif await ctx.db.value(TOKEN_EXISTS, hashed):
        raise OAuthError("unauthorized_client", NOT_YOUR_TOKEN, status=403)
