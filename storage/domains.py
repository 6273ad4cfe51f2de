"""What the admin says of other domains, and what it does to the accounts, follows and deliveries
that are there already. Nothing is deleted but follows and what waits to be sent."""

from dataclasses import dataclass
from datetime import datetime

from storage.query import Command, Query, Value


@dataclass(frozen=True, slots=True)
class DomainRuleRow:
    """What counts for a domain and for all below it, unless one of those has its own rule."""

    domain: str
    severity: str
    reason: str
    private_comment: str
    created_at: datetime


DOMAIN_RULES = Query(
    """
    SELECT domain, severity, reason, private_comment, created_at FROM domain_rules ORDER BY domain
    """,
    DomainRuleRow,
)
PUT_DOMAIN_RULE = Command(
    """
    INSERT INTO domain_rules (domain, severity, reason, private_comment, created_at)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (domain) DO UPDATE SET severity = excluded.severity, reason = excluded.reason,
        private_comment = excluded.private_comment, created_at = excluded.created_at
    """
)
DELETE_DOMAIN_RULE = Command("DELETE FROM domain_rules WHERE domain = $1")

_UNDER = "$1::text = ANY (domains_above({}))"
# Accounts that a rule for $1 may concern: by their handle, or by where their id lives.
_CONCERNED = f"""a.domain IS NOT NULL
    AND ({_UNDER.format("a.domain")} OR {_UNDER.format("host_of_url(a.uri)")})"""

# $1 domain, $2 now. Gives the accounts that are blocked by a rule from now on.
APPLY_RULES_TO_ACCOUNTS = Value(
    f"""
    WITH concerned AS (
        SELECT a.id, a.suspended_by_domain AS was_blocked,
            'block' = ANY (ARRAY[domain_severity(a.domain), domain_severity(host_of_url(a.uri))])
                IS TRUE AS blocked,
            'limit' = ANY (ARRAY[domain_severity(a.domain), domain_severity(host_of_url(a.uri))])
                IS TRUE AS limited
        FROM accounts a WHERE {_CONCERNED}
    ), changed AS (
        UPDATE accounts a SET
            suspended_at = CASE
                WHEN c.blocked THEN coalesce(a.suspended_at, $2)
                WHEN a.suspended_by_domain THEN NULL ELSE a.suspended_at END,
            suspended_by_domain = c.blocked AND (a.suspended_by_domain OR a.suspended_at IS NULL),
            silenced_at = CASE
                WHEN c.limited THEN coalesce(a.silenced_at, $2)
                WHEN a.silenced_by_domain THEN NULL ELSE a.silenced_at END,
            silenced_by_domain = c.limited AND (a.silenced_by_domain OR a.silenced_at IS NULL)
        FROM concerned c WHERE a.id = c.id
        RETURNING a.id
    )
    SELECT c.id FROM concerned c JOIN changed ON changed.id = c.id WHERE c.blocked
    """,
    int,
)
REMOVE_AUTHORS_FROM_HOMES = Command(
    """
    DELETE FROM home_entries h USING statuses s
    WHERE s.id = h.status_id AND (s.account_id = ANY ($1::bigint[]) OR EXISTS (
        SELECT 1 FROM statuses r WHERE r.id = s.reblog_of_id AND r.account_id = ANY ($1)))
    """
)
# What waits for a domain that is blocked now; its lanes sleep, and it is not asked any more.
DROP_DELIVERIES_TO_BLOCKED = Command(
    f"""
    WITH blocked AS (
        UPDATE hosts SET next_try_at = NULL, missed_from = NULL, parked_at = NULL
        WHERE {_UNDER.format("host")} AND domain_severity(host) = 'block'
        RETURNING host
    )
    DELETE FROM deliveries d USING blocked b WHERE d.host = b.host
    """
)
TELL_RULES_CHANGED = Command("SELECT pg_notify('fedserver_domains', '')")


@dataclass(frozen=True, slots=True)
class PublicRuleRow:
    """A block or limit, as everybody may read it."""

    domain: str
    severity: str
    reason: str


PUBLIC_DOMAIN_RULES = Query(
    """
    SELECT domain, severity, reason FROM domain_rules WHERE severity IN ('block', 'limit')
    ORDER BY severity, domain
    """,
    PublicRuleRow,
)
