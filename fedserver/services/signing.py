"""Signed requests to peers: whose key, which dialect, and the arithmetic in threads."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from activitypub.keys import PrivateKey
from activitypub.origins import host_of
from activitypub.signatures import Dialect, SignatureWish, read_wish, sign_cavage, sign_rfc9421
from fedserver.context import Context
from fedserver.errors import NotFound
from fedserver.outgoing import Response, Signer
from fedserver.uris import Uris
from storage.accounts import (
    ACCOUNT_BY_URI,
    KEY_OF_FORMER_IDENTITY,
    KEYS_OF_ACCOUNT,
    KeyRow,
)
from storage.database import Database, Transaction

KEY_PURPOSE = "actor key"
ACTIVITY_JSON = 'application/ld+json; profile="https://www.w3.org/ns/activitystreams"'

# Stands for the instance actor where an account's id is wanted.
_INSTANCE = (0, "rsa")

# RSA signing takes most of a delivery's time and releases the interpreter; a pool of its own, so
# that nothing else waits behind it.
_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="sign")


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and the id that peers find its public half under."""

    key_id: str
    private_key: PrivateKey


async def signing_key(ctx: Context, account_id: int, activity_uri: str = "") -> SigningKey:
    """Give the RSA key of one of our accounts: of the identity that has said `activity_uri`, which
    may be a former one. Raises NotFound where there is none."""
    host = host_of(activity_uri) if activity_uri and ctx.domains.has_moved else ""
    if host and ctx.domains.is_former(host):
        key = await former_key(ctx, account_id, host)
    else:
        key = await own_key(ctx, ctx.db, account_id, "rsa")
    if key is None:
        raise NotFound("the account has no signing key here")
    return key


async def own_key(
    ctx: Context, db: Database | Transaction, account_id: int, kind: str
) -> SigningKey | None:
    """Give the key of that kind (`rsa`, `ed25519`) of one of our accounts, if it has one."""
    row = await _own_key(ctx, db, account_id, kind)
    return None if row is None else SigningKey(row.uri, _private_key(ctx, row))


async def former_key(ctx: Context, account_id: int, host: str) -> SigningKey | None:
    """Give the RSA key that one of our accounts had while this instance was at `host`."""
    row = ctx.own_keys.get((account_id, host))
    if row is None:
        row = await ctx.db.one(KEY_OF_FORMER_IDENTITY, account_id, host)
        if row is None:
            return None
        ctx.own_keys.put((account_id, host), row)
    return SigningKey(row.uri, _private_key(ctx, row))


async def _own_key(
    ctx: Context, db: Database | Transaction, account_id: int, kind: str
) -> KeyRow | None:
    kept = ctx.own_keys.get((account_id, kind))
    if kept is not None:
        return kept
    for row in await db.fetch(KEYS_OF_ACCOUNT, account_id):
        if row.kind == kind and row.private_key is not None:
            ctx.own_keys.put((account_id, kind), row)
            return row
    return None


async def instance_key(ctx: Context) -> SigningKey:
    """Give the key of the instance actor, which signs what no person asks for."""
    row = ctx.own_keys.get(_INSTANCE)
    if row is None:
        account = await ctx.db.one(ACCOUNT_BY_URI, Uris(ctx.config.base_url).instance_actor)
        row = await _own_key(ctx, ctx.db, account.id, "rsa") if account else None
        if row is None:
            raise NotFound("the instance actor is missing: restart the server to make it")
        ctx.own_keys.put(_INSTANCE, row)
    return SigningKey(row.uri, _private_key(ctx, row))


def _private_key(ctx: Context, row: KeyRow) -> PrivateKey:
    return ctx.key_cache.private(
        row.uri, lambda: ctx.secrets.unwrap(row.private_key or b"", purpose=KEY_PURPOSE).decode()
    )


def signer(
    ctx: Context,
    key: SigningKey,
    dialect: Dialect,
    wish: SignatureWish | None = None,
    more: Mapping[str, str] | None = None,
) -> Signer:
    """Give what signs each hop of a request anew, with the headers `more`; `wish` goes with RFC
    9421 only."""
    sign = sign_cavage if dialect is Dialect.CAVAGE else partial(sign_rfc9421, wish=wish)

    async def sign_request(method: str, url: str, body: bytes | None) -> Mapping[str, str]:
        call = partial(
            sign,
            method,
            url,
            key_id=key.key_id,
            private_key=key.private_key,
            now=ctx.clock.now(),
            body=body,
            content_type=ACTIVITY_JSON if body is not None else None,
            more=more,
        )
        return await asyncio.get_running_loop().run_in_executor(_threads, call)

    return sign_request


def second_knock(
    tried: Dialect, response: Response, *, with_body: bool
) -> tuple[Dialect, SignatureWish | None]:
    """Give how to sign anew what was refused: as the peer asks for it (RFC 9421 §5), else in the
    other dialect."""
    wish = read_wish(response.headers.get("Accept-Signature"), with_body=with_body)
    if wish is not None or tried is Dialect.CAVAGE:
        return Dialect.RFC9421, wish
    return Dialect.CAVAGE, None
