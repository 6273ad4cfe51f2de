"""A peer's object says what it quotes and what others may do with it; here it is proved."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from activitypub.addressing import PUBLIC
from activitypub.errors import ProtocolError
from activitypub.model import Authorization, InteractionPolicy, Object, Permission
from fedserver.context import Context
from fedserver.effects.consents import ACCEPTED, PENDING, Consents, NewQuote
from fedserver.errors import FedserverError
from fedserver.services.authorizing import Proof, prove
from fedserver.services.fetch import Budget
from storage.accounts import ACCOUNT_BY_ID, AccountRow
from storage.statuses import StatusRow
from storage.visibility import AT_ONCE, EVERYBODY, FOLLOWED, FOLLOWERS, UNNAMED

Bring = Callable[[Context, str, Budget], Awaitable[StatusRow]]

_STATES = {Proof.VALID: ACCEPTED, Proof.INVALID: "rejected", Proof.UNKNOWN: PENDING}
_MAX_DEPTH = 2  # what is quoted by what is quoted is fetched, but no further


async def consents_of(
    ctx: Context, given: Object, author: AccountRow, budget: Budget, bring: Bring
) -> Consents:
    """Give what an object of `author` says of quotes and consents; `bring` fetches a status."""
    policy = given.interaction_policy
    return Consents(
        quote=await _quote(ctx, given, author, budget, bring),
        quote_policy=_quote_bits(policy.can_quote if policy else None, author),
        interaction_policy=_kept(policy, author) if policy else None,
    )


async def _quote(
    ctx: Context, given: Object, author: AccountRow, budget: Budget, bring: Bring
) -> NewQuote | None:
    if given.quote is None or given.quote == given.id:
        return NewQuote(None, None, "deleted") if given.quote_deleted else None
    quoted = await _quoted(ctx, given.quote, budget, bring)
    legacy, claimed = given.legacy_quote, given.quote_authorization
    if quoted is None:
        return NewQuote(given.quote, None, PENDING, legacy, claimed)
    if quoted.account_id == author.id:
        return NewQuote(given.quote, quoted, ACCEPTED, legacy)
    if claimed is None or quoted.local:
        # One of our people consents in answer to a QuoteRequest only.
        return NewQuote(given.quote, quoted, PENDING, legacy)
    proof = await _prove(ctx, given, quoted, claimed, budget)
    kept = None if proof is Proof.INVALID else claimed
    return NewQuote(given.quote, quoted, _STATES[proof], legacy, kept)


async def _quoted(ctx: Context, uri: str, budget: Budget, bring: Bring) -> StatusRow | None:
    """Give what is quoted; what cannot be had is kept by its id, and known when it comes."""
    try:
        with budget.deeper(_MAX_DEPTH):
            quoted = await bring(ctx, uri, budget)
    except (FedserverError, ProtocolError):
        return None
    return quoted if quoted.reblog_of_id is None else None


async def _prove(
    ctx: Context, given: Object, quoted: StatusRow, claimed: str, budget: Budget
) -> Proof:
    author = await ctx.db.one(ACCOUNT_BY_ID, quoted.account_id)
    if author is None:
        return Proof.INVALID
    authorization = Authorization(
        id=claimed,
        type="QuoteAuthorization",
        attributed_to=author.uri,
        interacting_object=given.id,
        interaction_target=quoted.uri,
    )
    return await prove(ctx, authorization, author, budget)


def _quote_bits(permission: Permission | None, author: AccountRow) -> int:
    """Who may quote, as bits. Without a word of the author nobody may (FEP-044f)."""
    if permission is None:
        return 0
    return _bits(permission.automatic, author) << AT_ONCE | _bits(permission.manual, author)


def _bits(permitted: Sequence[str], author: AccountRow) -> int:
    known = {
        PUBLIC: EVERYBODY,
        author.followers_url: FOLLOWERS,
        author.following_url: FOLLOWED,
        author.uri: 0,
    }
    bits = 0
    for one in permitted:
        bits |= known.get(one, UNNAMED)
    return bits


def _kept(policy: InteractionPolicy, author: AccountRow) -> dict[str, Any] | None:
    """Give what is kept of the rest of a policy, in our words (storage.leave_rules); what everybody
    may at once needs none."""
    words = {
        PUBLIC: "public",
        author.uri: "author",
        author.followers_url: "followers",
        author.following_url: "following",
    }
    permissions = {
        "reply": policy.can_reply,
        "like": policy.can_like,
        "announce": policy.can_announce,
    }
    kept = {
        name: {
            "automatic": [words.get(uri, uri) for uri in one.automatic],
            "manual": [words.get(uri, uri) for uri in one.manual],
        }
        for name, one in permissions.items()
        if one is not None and (PUBLIC not in one.automatic or one.manual)
    }
    return kept or None
