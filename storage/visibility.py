"""Who may see a status: one predicate, which every query that shows statuses contains."""

from storage.user_domains import domain_blocked


def visible(status: str, viewer: str, *, withheld: bool = False) -> str:
    """Give SQL that is true where `viewer` may see `status`.

    `status` is the alias of a `statuses` row; `viewer` is SQL for an account id or NULL (nobody
    in particular). For a boost, ask it of the boost and of the boosted status.

    Hidden: what waits for somebody's leave, but for its author (`withheld`: shown, for who is
    asked); posts of suspended or deleted accounts, and of people who block the viewer. Those of
    peers' accounts that are limited (silenced) are for their followers and whom they name.
    Shown: one's own; public and unlisted; followers-only to accepted followers; and anything to
    those it is addressed to (ActivityPub §6 audience, Mastodon's visibilities).

    OFFSET 0 keeps each question an index probe for the rows at hand: as a join the planner may
    read a whole table for it.
    """
    author = f"{status}.account_id"
    allowed = f"(NOT {status}.withheld OR {viewer} IS NOT DISTINCT FROM {author}) AND"
    return f"""(
        {"" if withheld else allowed} NOT EXISTS (SELECT 1 FROM accounts va WHERE va.id = {author}
                    AND (va.suspended_at IS NOT NULL OR va.deleted_at IS NOT NULL
                         OR (va.silenced_at IS NOT NULL AND va.domain IS NOT NULL
                             AND {viewer} IS DISTINCT FROM {author}
                             AND NOT EXISTS (
                                 SELECT 1 FROM follows sf
                                 WHERE sf.account_id = {viewer} AND sf.target_id = {author}
                                   AND sf.accepted_at IS NOT NULL OFFSET 0)
                             AND NOT EXISTS (
                                 SELECT 1 FROM mentions sm
                                 WHERE sm.status_id = {status}.id AND sm.account_id = {viewer}
                                 OFFSET 0))) OFFSET 0)
        AND ({viewer} IS NOT DISTINCT FROM {author} OR (
            NOT EXISTS (SELECT 1 FROM blocks vb
                        WHERE vb.account_id = {author} AND vb.target_id = {viewer} OFFSET 0)
            AND ({status}.visibility IN ('public', 'unlisted')
                 OR EXISTS (SELECT 1 FROM mentions vm
                            WHERE vm.status_id = {status}.id AND vm.account_id = {viewer}
                            OFFSET 0)
                 OR ({status}.visibility = 'private' AND EXISTS (
                     SELECT 1 FROM follows vf
                     WHERE vf.account_id = {viewer} AND vf.target_id = {author}
                       AND vf.accepted_at IS NOT NULL OFFSET 0))))))"""


def unwanted(author: str, viewer: str, *, domains: bool = True) -> str:
    """Give SQL that is true where `viewer` does not want to see `author` in lists and timelines:
    blocked either way, muted, or (unless `domains` is False, for whom one follows all the same) of
    a domain that is blocked (Mastodon API: accounts#mute, accounts#block, domain_blocks#block)."""
    domain = f"OR {domain_blocked(author, viewer)}" if domains else ""
    return f"""(
        EXISTS (SELECT 1 FROM blocks ub
                WHERE (ub.account_id = {viewer} AND ub.target_id = {author})
                   OR (ub.account_id = {author} AND ub.target_id = {viewer}) OFFSET 0)
        OR EXISTS (SELECT 1 FROM mutes um
                   WHERE um.account_id = {viewer} AND um.target_id = {author}
                     AND (um.expires_at IS NULL OR um.expires_at > now()) OFFSET 0)
        {domain})"""


# What a viewer may expect of quoting a status (Mastodon API: QuoteApproval#current_user).
QUOTE_DENIED, QUOTE_MANUAL, QUOTE_AUTOMATIC, QUOTE_UNKNOWN = range(4)
# Whom a policy names, one bit each: somebody we cannot name, everybody, followers, followed. Four
# bits for whom somebody decides; the same four, shifted, for whom it is granted at once.
UNNAMED, EVERYBODY, FOLLOWERS, FOLLOWED = 1, 2, 4, 8
AT_ONCE = 4


def quote_right(status: str, viewer: str, *, policy: str = "", author: str = "") -> str:
    """Give SQL for whether `viewer` may quote what has the alias `status` (FEP-044f): one of the
    numbers above. Whether the viewer may see it is not asked."""
    policy, author = policy or f"{status}.quote_policy", author or f"{status}.account_id"
    follows = f"""EXISTS (SELECT 1 FROM follows qf
        WHERE qf.account_id = {viewer} AND qf.target_id = {author}
          AND qf.accepted_at IS NOT NULL OFFSET 0)"""
    followed = f"""EXISTS (SELECT 1 FROM follows qf
        WHERE qf.account_id = {author} AND qf.target_id = {viewer}
          AND qf.accepted_at IS NOT NULL OFFSET 0)"""

    def granted(shift: int) -> str:
        return f"""({policy} & {EVERYBODY << shift} <> 0
            OR ({policy} & {FOLLOWERS << shift} <> 0 AND {follows})
            OR ({policy} & {FOLLOWED << shift} <> 0 AND {followed}))"""

    return f"""(CASE WHEN {viewer} IS NULL OR {status}.visibility = 'direct' THEN {QUOTE_DENIED}
        WHEN {author} = {viewer} THEN {QUOTE_AUTOMATIC}
        WHEN {policy} = 0 THEN {QUOTE_DENIED}
        WHEN {granted(AT_ONCE)} THEN {QUOTE_AUTOMATIC}
        WHEN {granted(0)} THEN {QUOTE_MANUAL}
        WHEN {policy} & {UNNAMED | UNNAMED << AT_ONCE} <> 0 THEN {QUOTE_UNKNOWN}
        ELSE {QUOTE_DENIED} END)"""
