"""Who may answer, favourite, boost and quote one's posts, as GoToSocial's API has it
(interaction_policies#defaults, and `interaction_policy` of a status)."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import msgspec

from fedserver import entities
from fedserver.context import Context
from fedserver.effects import Consents, NewStatus, SetInteractionPolicy, SetQuotePolicy
from fedserver.errors import Invalid
from fedserver.mastodon.subjects import new_activity_uri, perform
from fedserver.routing import JSON, Caller, Params, endpoint
from storage.accounts import AccountRow
from storage.approvals import DEFAULT_POLICIES, SET_DEFAULT_POLICIES
from storage.statuses import StatusRow
from storage.visibility import AT_ONCE, EVERYBODY, FOLLOWED, FOLLOWERS

Json = dict[str, Any]

VISIBILITIES = ("direct", "private", "unlisted", "public")
_OPEN = ("public", "unlisted")
_WORDS = frozenset({"public", "followers", "following", "mentioned", "author"})
_MAX_NAMED = 100
_MAX_URI_CHARS = 2_048
_QUOTERS = {"public": EVERYBODY, "followers": FOLLOWERS, "following": FOLLOWED, "author": 0}
# Who sees a post at all: where all of them may do something at once, that is no rule.
_READERS = {"private": {"followers", "mentioned"}, "direct": {"mentioned"}}


class RulesParams(msgspec.Struct, frozen=True, kw_only=True):
    """Who may at once, and who after being asked; `always` and `with_approval` are older names."""

    automatic_approval: list[str] | None = None
    manual_approval: list[str] | None = None
    always: list[str] | None = None
    with_approval: list[str] | None = None


class InteractionPolicyParams(msgspec.Struct, frozen=True, kw_only=True):
    """`interaction_policy[…]`. What is left out is as by default. GoToSocial has no `can_quote`."""

    can_favourite: RulesParams | None = None
    can_reply: RulesParams | None = None
    can_reblog: RulesParams | None = None
    can_quote: RulesParams | None = None


class DefaultsParams(Params, frozen=True, kw_only=True):
    """A policy for each visibility; one that is left out goes back to the default."""

    direct: InteractionPolicyParams | None = None
    private: InteractionPolicyParams | None = None
    unlisted: InteractionPolicyParams | None = None
    public: InteractionPolicyParams | None = None


@endpoint("GET", "/api/v1/interaction_policies/defaults", scope="read:accounts")
async def get_defaults(ctx: Context, caller: Caller) -> JSON:
    """Show who may do what with one's new posts, by their visibility.

    GoToSocial API: policiesDefaultsGet.
    """
    return _defaults(await ctx.db.value(DEFAULT_POLICIES, caller.account_id))


@endpoint("PATCH", "/api/v1/interaction_policies/defaults", scope="write:accounts")
async def set_defaults(ctx: Context, caller: Caller, params: DefaultsParams) -> JSON:
    """Change who may do what with one's new posts. (Who may quote them is a setting of the account:
    `source[quote_policy]`.)

    GoToSocial API: policiesDefaultsUpdate.
    """
    given = {one: getattr(params, one) for one in VISIBILITIES}
    chosen = {one: chosen_policy(policy, one) for one, policy in given.items() if policy}
    kept = {one: policy for one, policy in chosen.items() if policy} or None
    await ctx.db.execute(SET_DEFAULT_POLICIES, caller.account_id, kept)
    return _defaults(kept)


def _defaults(kept: Any) -> Json:
    policies = kept or {}
    return {one: entities.policy_rules(one, policies.get(one) or {}) for one in VISIBILITIES}


def chosen_policy(given: InteractionPolicyParams, visibility: str) -> Json | None:
    """Give what is kept of a policy for a status of this visibility; None where it allows to all
    what they may by default. Raises Invalid for what cannot be."""
    kinds = {"like": given.can_favourite, "reply": given.can_reply, "announce": given.can_reblog}
    chosen = {kind: _rules(kind, rules, visibility) for kind, rules in kinds.items() if rules}
    return {kind: rules for kind, rules in chosen.items() if rules} or None


def _rules(kind: str, given: RulesParams, visibility: str) -> Json | None:
    automatic = _names(given.automatic_approval, given.always, visibility)
    manual = _names(given.manual_approval, given.with_approval, visibility)
    readers = _READERS.get(visibility, {"public"})
    nobody_boosts = kind == "announce" and visibility not in _OPEN
    if nobody_boosts or (readers <= set(automatic) and not manual):
        return None
    implied = ["author", "mentioned"] if kind == "reply" else ["author"]
    if "public" not in automatic:
        automatic = list(dict.fromkeys((*automatic, *implied)))
    return {"automatic": automatic, "manual": manual}


def _names(given: list[str] | None, older: list[str] | None, visibility: str) -> list[str]:
    """`me` is what an app was shown and sends back: it says nothing of the policy."""
    names = list(dict.fromkeys(one for one in (given or older or ()) if one != "me"))
    if len(names) > _MAX_NAMED:
        raise Invalid(f"Validation failed: Interaction policy may name {_MAX_NAMED} accounts")
    for one in names:
        if one not in _WORDS and not _is_actor(one):
            raise Invalid(f"Validation failed: Interaction policy cannot name {one[:100]}")
        if one == "public" and visibility not in _OPEN:
            raise Invalid(f"Validation failed: A {visibility} post has no public")
    return names


def _is_actor(name: str) -> bool:
    return name.startswith(("https://", "http://")) and len(name) <= _MAX_URI_CHARS


def quote_bits(given: InteractionPolicyParams | None, visibility: str) -> int | None:
    """Give who may quote, as bits (storage.visibility); None where a policy does not say."""
    if given is None or given.can_quote is None:
        return None
    if visibility not in _OPEN:
        return 0
    rules = given.can_quote
    at_once = _quoters(_names(rules.automatic_approval, rules.always, visibility))
    asked = _quoters(_names(rules.manual_approval, rules.with_approval, visibility))
    return at_once << AT_ONCE | asked


def _quoters(names: Iterable[str]) -> int:
    bits = 0
    for one in names:
        if one not in _QUOTERS:
            raise Invalid("Validation failed: Quotes are allowed to public, followers or following")
        bits |= _QUOTERS[one]
    return bits


def with_policy(
    status: NewStatus,
    given: InteractionPolicyParams | None,
    defaults: Json | None,
) -> NewStatus:
    """Give `status` with who may answer, favourite and boost it, and, where the policy says so, who
    may quote it; what its author did not say is in their `defaults`."""
    chosen = (defaults or {}).get(status.visibility)
    if given is not None:
        chosen = chosen_policy(given, status.visibility)
    bits = quote_bits(given, status.visibility)
    consents = status.consents or Consents()
    return replace(
        status,
        consents=replace(
            consents,
            interaction_policy=chosen,
            quote_policy=consents.quote_policy if bits is None else bits,
        ),
    )


async def change_interaction_policy(
    ctx: Context, author: AccountRow, row: StatusRow, given: InteractionPolicyParams | None
) -> None:
    """Let those act upon `row` whom `given` names; nothing changes where nothing is given."""
    if given is None:
        return
    chosen = chosen_policy(given, row.visibility)
    uri = new_activity_uri(ctx)
    await perform(ctx, SetInteractionPolicy(actor=author, uri=uri, status=row, policy=chosen))
    bits = quote_bits(given, row.visibility)
    if bits is not None:
        uri = new_activity_uri(ctx)
        await perform(ctx, SetQuotePolicy(actor=author, uri=uri, status=row, policy=bits))
