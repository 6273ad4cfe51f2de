"""Who the other side is: the actor of an instance, its keys, and what we agreed on with it."""

from typing import Final

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from activitypub.errors import DocumentError, KeyFormatError, SignatureError
from activitypub.keys import did_key, multikey_decode
from activitypub.origins import host_of
from fedserver.context import Context
from fedserver.errors import Forbidden, Invalid, Unsigned
from fedserver.routing import signed_request
from fedserver.services import verification
from fedserver.services.mirrored import PATH as PATH
from fedserver.uris import Uris
from storage.accounts import ACCOUNT_BY_URI, KEYS_OF_ACCOUNT
from storage.mirrors import CONTRACT_OF_ACTOR, ContractRow

CLASSES: Final = ("chunks", "objects", "media")


def address_of(ctx: Context, host: str) -> str:
    """Give `https://HOST` for a name that an admin typed; raises Invalid for what is none."""
    scheme = ctx.config.scheme_of(host.strip().rstrip("/"))
    named = host.strip().removeprefix(f"{scheme}://").rstrip("/")
    try:
        return f"{scheme}://{host_of(f'{scheme}://{named}')}"
    except DocumentError:
        raise Invalid(f"“{host}” is not the name of a server, such as example.org.") from None


def actor_at(address: str) -> str:
    """Give the actor of the fedserver instance at `https://HOST`."""
    return Uris(address).instance_actor


async def signing_instance(ctx: Context, request: web.Request, body: bytes = b"") -> str:
    """Give the actor that signed a request. Raises Unsigned where none provably did, and Forbidden
    where it is one that we do not deal with."""
    try:
        key = await verification.signer(ctx, signed_request(ctx, request, body))
    except SignatureError as error:
        raise Unsigned(error.reason) from error
    if key.suspended or ctx.domains.refuses(host_of(key.actor_uri)):
        raise Forbidden("This server does not federate with yours")
    return key.actor_uri


async def partner(ctx: Context, request: web.Request, kept: str, body: bytes = b"") -> ContractRow:
    """Give the contract of the instance that signed a request, which has to be in force and be
    about the class `kept`. Raises Unsigned or Forbidden."""
    actor = await signing_instance(ctx, request, body)
    contract = await ctx.db.one(CONTRACT_OF_ACTOR, actor)
    if contract is None or contract.state != "agreed":
        raise Forbidden(
            "This server keeps nothing for yours: the admins agree on that first, with"
            " `fedserver mirror offer`"
        )
    if kept not in contract.classes:
        raise Forbidden(f"What we agreed to keep for each other are no {kept}")
    return contract


async def keys_of(ctx: Context, actor_uri: str) -> list[str]:
    """Give the Ed25519 keys that an instance's actor shows, as did:key. It has to be known."""
    account = await ctx.db.one(ACCOUNT_BY_URI, actor_uri)
    rows = [] if account is None else await ctx.db.fetch(KEYS_OF_ACCOUNT, account.id)
    found = []
    for row in rows:
        try:
            key = multikey_decode(row.public_key)
        except KeyFormatError:
            continue
        if isinstance(key, Ed25519PublicKey):
            found.append(did_key(key))
    return found
