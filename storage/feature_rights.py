"""Who may put an account in a collection of theirs (FEP-7aa9: canFeature)."""

import msgspec

from storage.query import Query
from storage.visibility import AT_ONCE, EVERYBODY, FOLLOWED, FOLLOWERS, UNNAMED

FEATURE_DENIED, FEATURE_MANUAL, FEATURE_AUTOMATIC, FEATURE_UNKNOWN, FEATURE_MISSING = range(5)
# Beside the bits of storage.visibility: the account says that nobody may. 0 is: it does not say.
NOBODY_MAY = 256


def feature_policy(account: str) -> str:
    """Give SQL for the policy of `account`: our people are featured if they want to be found, by
    followers only if they choose who follows them."""
    return f"""(CASE WHEN {account}.domain IS NOT NULL THEN {account}.feature_policy
        WHEN NOT coalesce({account}.discoverable, false) THEN {NOBODY_MAY}
        WHEN {account}.locked THEN {FOLLOWERS << AT_ONCE}
        ELSE {EVERYBODY << AT_ONCE} END)"""


def feature_right(account: str, viewer: str) -> str:
    """Give SQL for whether `viewer` may feature `account`: one of the numbers above. That neither
    blocks the other is not asked."""
    policy = feature_policy(account)
    follows = f"""EXISTS (SELECT 1 FROM follows rf
        WHERE rf.account_id = {viewer} AND rf.target_id = {account}.id
          AND rf.accepted_at IS NOT NULL OFFSET 0)"""
    followed = f"""EXISTS (SELECT 1 FROM follows rf
        WHERE rf.account_id = {account}.id AND rf.target_id = {viewer}
          AND rf.accepted_at IS NOT NULL OFFSET 0)"""

    def granted(shift: int) -> str:
        return f"""({policy} & {EVERYBODY << shift} <> 0
            OR ({policy} & {FOLLOWERS << shift} <> 0 AND {follows})
            OR ({policy} & {FOLLOWED << shift} <> 0 AND {followed}))"""

    return f"""(CASE WHEN {policy} = {NOBODY_MAY} THEN {FEATURE_DENIED}
        WHEN {account}.id = {viewer} THEN {FEATURE_AUTOMATIC}
        WHEN {policy} = 0 THEN {FEATURE_MISSING}
        WHEN {granted(AT_ONCE)} THEN {FEATURE_AUTOMATIC}
        WHEN {granted(0)} THEN {FEATURE_MANUAL}
        WHEN {policy} & {UNNAMED | UNNAMED << AT_ONCE} <> 0 THEN {FEATURE_UNKNOWN}
        ELSE {FEATURE_DENIED} END)"""


class FeatureRightRow(msgspec.Struct, frozen=True, gc=False):
    """What somebody may expect of featuring an account."""

    id: int
    expected: int
    blocked: bool


# $1 accounts, $2 who would feature them.
FEATURE_RIGHTS = Query(
    f"""
    SELECT a.id, {feature_right("a", "$2::bigint")} AS expected, EXISTS (
        SELECT 1 FROM blocks b
        WHERE (b.account_id = a.id AND b.target_id = $2)
           OR (b.account_id = $2 AND b.target_id = a.id)) AS blocked
    FROM accounts a WHERE a.id = ANY($1::bigint[])
    """,
    FeatureRightRow,
)
