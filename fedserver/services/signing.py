"""Signed requests to peers: whose key, which dialect, and the arithmetic in threads."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from activitypub.keys import PrivateKey
from activitypub.signatures import Dialect, sign_cavage, sign_rfc9421
from fedserver.context import Context
from fedserver.errors import NotFound
from fedserver.outgoing import Signer
from fedserver.uris import Uris
from storage.accounts import ACCOUNT_BY_URI, KEYS_OF_ACCOUNT, KeyRow

KEY_PURPOSE = "actor key"
ACTIVITY_JSON = 'application/ld+json; profile="https://www.w3.org/ns/activitystreams"'

_INSTANCE = 0  # stands for the instance actor where an account's id is wanted

# RSA signing takes most of a delivery's time and releases the interpreter; a pool of its own, so
# that nothing else waits behind it.
_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="sign")


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and the id that peers find its public half under."""

    key_id: str
    private_key: PrivateKey


async def signing_key(ctx: Context, account_id: int) -> SigningKey:
    """Give the RSA key of one of our accounts. Raises NotFound where there is none."""
    row = ctx.own_keys.get(account_id) or await _read_key(ctx, account_id)
    return SigningKey(row.uri, _private_key(ctx, row))


async def _read_key(ctx: Context, account_id: int) -> KeyRow:
    for row in await ctx.db.fetch(KEYS_OF_ACCOUNT, account_id):
        if row.kind == "rsa" and row.private_key is not None:
            ctx.own_keys.put(account_id, row)
            return row
    raise NotFound("the account has no signing key here")


async def instance_key(ctx: Context) -> SigningKey:
    """Give the key of the instance actor, which signs what no person asks for."""
    row = ctx.own_keys.get(_INSTANCE)
    if row is None:
        account = await ctx.db.one(ACCOUNT_BY_URI, Uris(ctx.config.base_url).instance_actor)
        if account is None:
            raise NotFound("the instance actor is missing: restart the server to make it")
        row = await _read_key(ctx, account.id)
        ctx.own_keys.put(_INSTANCE, row)
    return SigningKey(row.uri, _private_key(ctx, row))


def _private_key(ctx: Context, row: KeyRow) -> PrivateKey:
    return ctx.key_cache.private(
        row.uri, lambda: ctx.secrets.unwrap(row.private_key or b"", purpose=KEY_PURPOSE).decode()
    )


def signer(
    ctx: Context, key: SigningKey, dialect: Dialect, more: Mapping[str, str] | None = None
) -> Signer:
    """Give what signs each hop of a request anew, with the headers `more`."""
    sign = sign_cavage if dialect is Dialect.CAVAGE else sign_rfc9421

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
