"""FeatureApproval: who may put an account in a collection. What it says of the viewer is the last
thing in the JSON of an Account, so that the rest is kept ready for everybody."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from fedserver.context import Context
from storage.accounts import AccountRow
from storage.feature_rights import (
    FEATURE_AUTOMATIC,
    FEATURE_DENIED,
    FEATURE_MANUAL,
    FEATURE_MISSING,
    FEATURE_RIGHTS,
    FEATURE_UNKNOWN,
    NOBODY_MAY,
)
from storage.visibility import AT_ONCE, EVERYBODY, FOLLOWED, FOLLOWERS, UNNAMED

Json = dict[str, Any]

_NAMES = {
    FEATURE_DENIED: "denied",
    FEATURE_MANUAL: "manual",
    FEATURE_AUTOMATIC: "automatic",
    FEATURE_UNKNOWN: "unknown",
    FEATURE_MISSING: "missing",
}
_KEYS = {
    EVERYBODY: "public",
    FOLLOWERS: "followers",
    FOLLOWED: "following",
    UNNAMED: "unsupported_policy",
}
_ASK = "ask"  # who follows whom decides; never shown
_ASKED = b':"ask"}}'
_END = b'"}}'


def feature_approval(row: AccountRow, *, last: bool) -> Json:
    """Give the FeatureApproval of an account for somebody signed in (Mastodon API:
    FeatureApproval). `last`: what depends on the viewer is filled in by `for_viewer`."""
    policy = _policy(row)
    expected = _of_strangers(policy)
    return {
        "automatic": _keys(policy >> AT_ONCE),
        "manual": _keys(policy) or (["disabled"] if row.feature_policy == NOBODY_MAY else []),
        "current_user": expected if last or expected != _ASK else "unknown",
    }


def _policy(row: AccountRow) -> int:
    """As storage.feature_rights.feature_policy."""
    if not row.local:
        return row.feature_policy
    if not row.discoverable:
        return NOBODY_MAY
    return (FOLLOWERS if row.locked else EVERYBODY) << AT_ONCE


def _keys(bits: int) -> list[str]:
    return [name for bit, name in _KEYS.items() if bits & bit]


def _of_strangers(policy: int) -> str:
    """What everybody who is signed in may expect, as far as it is the same for them."""
    relations = FOLLOWERS | FOLLOWED
    if policy == 0:
        return "missing"
    if policy == NOBODY_MAY:
        return "denied"
    if policy & EVERYBODY << AT_ONCE:
        return "automatic"
    if policy & (relations | relations << AT_ONCE):
        return _ASK
    if policy & EVERYBODY:
        return "manual"
    return "unknown" if policy & (UNNAMED | UNNAMED << AT_ONCE) else "denied"


async def for_viewer(ctx: Context, found: dict[int, bytes], viewer: int | None) -> dict[int, bytes]:
    """Give Accounts as `viewer` sees them, with at most one query; nobody in particular may put
    anybody in a collection."""
    if viewer is None:
        return for_nobody(found)
    asked = [account_id for account_id, kept in found.items() if kept.endswith(_ASKED)]
    return found | await _answers(ctx, found, asked, viewer) if asked else found


def for_nobody(found: Mapping[int, bytes]) -> dict[int, bytes]:
    """Give Accounts as nobody in particular sees them."""
    return {account_id: _say(kept, "denied") for account_id, kept in found.items()}


def for_anybody(found: Mapping[int, bytes]) -> dict[int, bytes]:
    """Give Accounts as everybody who is signed in may see them; what differs is unknown."""
    return {
        account_id: _say(kept, "unknown") if kept.endswith(_ASKED) else kept
        for account_id, kept in found.items()
    }


async def _answers(
    ctx: Context, found: dict[int, bytes], asked: Collection[int], viewer: int
) -> dict[int, bytes]:
    rows = await ctx.db.fetch(FEATURE_RIGHTS, list(asked), viewer)
    said = {account_id: _say(found[account_id], "unknown") for account_id in _left(asked, rows)}
    return said | {row.id: _say(found[row.id], _NAMES[row.expected]) for row in rows}


def _left(asked: Iterable[int], rows: Iterable[Any]) -> set[int]:
    """Those that were deleted since."""
    return set(asked) - {row.id for row in rows}


def _say(kept: bytes, what: str) -> bytes:
    return b"".join((kept[: kept.rindex(b":") + 1], b'"', what.encode(), _END))
