"""Who may read sealed chunks: the instance that brought them, and, when that is no more, whoever
has the recovery key that the contract names, or that a kit was brought for.

Such a reader has no key that a server knows; instead of a signature of the request there is a
statement, signed by the recovery key, in a header.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from activitypub.errors import DocumentError
from activitypub.json_bytes import dumps, loads
from activitypub.parse import scalars
from fedserver.context import Context
from fedserver.errors import Forbidden, Unsigned
from fedserver.recovery.statements import NotVouchedFor, check_statement, sign_statement
from fedserver.survival.mirrors.partners import signing_instance
from storage.mirrors import CONTRACT_OF_ACTOR, CONTRACTS_OF_RECOVERY_KEY, ContractRow

HEADER: Final = "Fedserver-Statement"
_TYPE: Final = "MirrorRead"
_MAX_HEADER_CHARS: Final = 4_096
_VALID_FOR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads: the partner of a contract, or who has the recovery key `did`, or both."""

    contract: ContractRow | None
    did: str | None


def reading_header(keeper: str, *, by: Ed25519PrivateKey, now: datetime) -> dict[str, str]:
    """Give the header with which the holder of a recovery key reads at the instance `keeper`."""
    said = {"type": _TYPE, "keeper": keeper, "issued": now.isoformat()}
    statement = sign_statement(said, by=by, now=now)
    return {HEADER: urlsafe_b64encode(dumps(statement)).decode()}


async def reader_of(ctx: Context, request: web.Request, owner: str | None) -> Reader:
    """Give who reads. `owner` is the host whose chunks are meant, where one recovery key was of
    several. Raises Unsigned where nothing proves who it is, Forbidden where nothing is kept."""
    header = request.headers.get(HEADER)
    if header is not None:
        return await _by_statement(ctx, header, owner)
    contract = await ctx.db.one(CONTRACT_OF_ACTOR, await signing_instance(ctx, request))
    if contract is None or contract.agreement is None:
        raise Forbidden("This server keeps nothing for yours")
    return Reader(contract, None)


async def _by_statement(ctx: Context, header: str, owner: str | None) -> Reader:
    did = _vouched_by(ctx, _read(header))
    contracts = await ctx.db.fetch(CONTRACTS_OF_RECOVERY_KEY, did)
    meant = [one for one in contracts if owner in (None, one.host)]
    if len(meant) > 1:
        hosts = ", ".join(one.host for one in meant)
        raise Forbidden(f"This key is of several servers; say which with ?owner=: {hosts}")
    return Reader(meant[0] if meant else None, did)


def _read(header: str) -> Mapping[str, Any]:
    if len(header) > _MAX_HEADER_CHARS:
        raise Unsigned("the statement is too long")
    try:
        return loads(urlsafe_b64decode(header), max_bytes=_MAX_HEADER_CHARS)
    except (ValueError, DocumentError):
        raise Unsigned("the statement is not JSON in base64") from None


def _vouched_by(ctx: Context, statement: Mapping[str, Any]) -> str:
    """Give the key that signed the statement: what it opens is another question."""
    now, proof = ctx.clock.now(), statement.get("proof")
    did = proof.get("verificationMethod") if isinstance(proof, dict) else None
    issued = scalars.time(statement.get("issued"))
    if not isinstance(did, str) or issued is None or statement.get("type") != _TYPE:
        raise Unsigned("it is no statement of who reads")
    if statement.get("keeper") != ctx.config.instance.domain:
        raise Unsigned("the statement was made for another server")
    if abs(now - issued) > _VALID_FOR:
        raise Unsigned(
            f"the statement is of {issued:%Y-%m-%d %H:%M} UTC, and here it is"
            f" {now:%Y-%m-%d %H:%M}: is the clock right?"
        )
    try:
        return check_statement(statement, trusted=[did], now=now)
    except NotVouchedFor as error:
        raise Unsigned(str(error)) from error
