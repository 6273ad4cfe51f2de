"""Proving a consent: a QuoteAuthorization or its like, read where its author serves it."""

from enum import Enum

from activitypub.errors import ProtocolError
from activitypub.featured import authorizes
from activitypub.model import Authorization
from activitypub.origins import same_origin
from activitypub.parse import parse_authorization
from fedserver.context import Context
from fedserver.errors import Denied, Gone, Refused, Unreachable
from fedserver.services import fetch
from fedserver.services.fetch import Budget
from storage.accounts import AccountRow
from storage.statuses import TOMBSTONED


class Proof(Enum):
    """What asking for an authorization has shown."""

    VALID = "valid"
    INVALID = "invalid"
    UNKNOWN = "unknown"  # its server does not answer now, or too much was asked already


async def prove(ctx: Context, claimed: Authorization, author: AccountRow, budget: Budget) -> Proof:
    """Say whether `author` really consents as `claimed` says: the authorization is fetched from the
    author's own origin, and each of its parts compared (FEP-044f, GoToSocial's authorizations)."""
    if not same_origin(claimed.id, author.uri) or claimed.attributed_to != author.uri:
        return Proof.INVALID
    if await ctx.db.value(TOMBSTONED, [claimed.id], author.id):
        return Proof.INVALID  # taken back before
    try:
        served = parse_authorization(await fetch.document(ctx, claimed.id, budget))
    except (Unreachable, Refused):
        return Proof.UNKNOWN
    except (Gone, Denied, ProtocolError):
        return Proof.INVALID
    return Proof.VALID if served == claimed else Proof.INVALID


async def prove_feature(
    ctx: Context, consent: str, collection: str, featured: AccountRow, budget: Budget
) -> Proof:
    """Say whether `featured` consents to being in `collection`: its FeatureAuthorization is read
    where it is served (FEP-7aa9). Raises Refused where the budget is spent."""
    if not same_origin(consent, featured.uri):
        return Proof.INVALID
    if await ctx.db.value(TOMBSTONED, [consent], featured.id):
        return Proof.INVALID  # taken back before
    try:
        served = await fetch.document(ctx, consent, budget)
        proves = authorizes(served, collection=collection, featured=featured.uri)
    except Unreachable:
        return Proof.UNKNOWN
    except (Gone, Denied, ProtocolError):
        return Proof.INVALID
    return Proof.VALID if proves else Proof.INVALID
