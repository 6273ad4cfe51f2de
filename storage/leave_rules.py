"""Whether somebody may answer, favourite or boost a status: one rule, which every query asks."""

import msgspec

from storage.query import Query, Value

# What the policy of a status says to somebody. LISTED: as one of a list that others cannot read.
DENIED, ASK, LISTED, FREE = range(4)
_PUBLIC = "'public', 'https://www.w3.org/ns/activitystreams#Public'"


def leave_rule(kind: str, status: str, author: str, viewer: str) -> str:
    """Give SQL for one of the numbers above.

    `kind` is like, reply or announce. `status` and `author` are aliases of `statuses` and
    `accounts`, `viewer` of the account that would act. The more specific word of a policy counts;
    of two that are as specific, the kinder one. Authors may, and whom a status names or answers
    may answer it (implicit assumptions of GoToSocial's interaction controls).

    Who is on a peer's lists is known of our people only, and not always: there it may be.
    """
    rules = f"{status}.interaction_policy->'{kind}'"
    automatic, manual = f"{rules}->'automatic'", f"{rules}->'manual'"
    named = f"""({status}.in_reply_to_account_id IS NOT DISTINCT FROM {viewer}.id OR EXISTS (
        SELECT 1 FROM mentions lm
        WHERE lm.status_id = {status}.id AND lm.account_id = {viewer}.id OFFSET 0))"""
    follows = f"""EXISTS (SELECT 1 FROM follows lf WHERE lf.account_id = {viewer}.id
        AND lf.target_id = {author}.id AND lf.accepted_at IS NOT NULL OFFSET 0)"""
    followed = f"""EXISTS (SELECT 1 FROM follows lf WHERE lf.account_id = {author}.id
        AND lf.target_id = {viewer}.id AND lf.accepted_at IS NOT NULL OFFSET 0)"""

    def themselves(names: str) -> str:
        return f"({names} ? {viewer}.uri OR ({names} ? 'mentioned' AND {named}))"

    def listed(names: str) -> str:
        return f"""(({names} ?| ARRAY['followers', {author}.followers_url]
                AND (NOT {status}.local AND {viewer}.domain IS NOT NULL OR {follows}))
            OR ({names} ?| ARRAY['following', {author}.following_url]
                AND (NOT {status}.local OR {followed})))"""

    answers = f"WHEN {named} THEN {FREE}" if kind == "reply" else ""
    return f"""(CASE WHEN {rules} IS NULL OR {author}.id = {viewer}.id THEN {FREE} {answers}
        WHEN {themselves(automatic)} THEN {FREE} WHEN {themselves(manual)} THEN {ASK}
        WHEN {listed(automatic)} THEN {LISTED} WHEN {listed(manual)} THEN {ASK}
        WHEN {automatic} ?| ARRAY[{_PUBLIC}] THEN {FREE}
        WHEN {manual} ?| ARRAY[{_PUBLIC}] THEN {ASK} ELSE {DENIED} END)"""


def _leave_to(kind: str) -> Value[int]:
    """$1 status, $2 who would act."""
    return Value(
        f"""
        SELECT {leave_rule(kind, "s", "a", "v")}
        FROM statuses s JOIN accounts a ON a.id = s.account_id, accounts v
        WHERE s.id = $1 AND v.id = $2::bigint
        """,
        int,
    )


LEAVE_TO_LIKE = _leave_to("like")
LEAVE_TO_REPLY = _leave_to("reply")
LEAVE_TO_BOOST = _leave_to("announce")


class RightsRow(msgspec.Struct, frozen=True, gc=False):
    """What a viewer may do with a status: each one of the numbers above."""

    status_id: int
    viewer: int
    like: int
    reply: int
    announce: int


def _rights(viewers: str) -> str:
    return f"""
    SELECT s.id AS status_id, v.id AS viewer, {leave_rule("like", "s", "a", "v")} AS like,
        {leave_rule("reply", "s", "a", "v")} AS reply,
        {leave_rule("announce", "s", "a", "v")} AS announce
    FROM statuses s JOIN accounts a ON a.id = s.account_id, accounts v
    WHERE s.id = ANY($1::bigint[]) AND {viewers}
    """


# $1 statuses that have a policy, $2 viewer.
RIGHTS = Query(_rights("v.id = $2::bigint"), RightsRow)
# $1 statuses that have a policy, $2 viewers.
RIGHTS_OF_VIEWERS = Query(_rights("v.id = ANY($2::bigint[])"), RightsRow)
