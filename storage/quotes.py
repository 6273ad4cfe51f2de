"""Quotes: what quotes what, whether the quoted author agrees, and who may quote (FEP-044f)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from storage.paging import Paged, paged
from storage.query import Command, Query, Value
from storage.status_reads import HeadRow, head_query
from storage.visibility import quote_right, unwanted, visible


@dataclass(frozen=True, slots=True)
class QuoteRow:
    """That `status_id` quotes `quoted_id`, or what is to be found at `quoted_uri`.

    `state` is pending, accepted, rejected, revoked or deleted; only accepted quotes are shown.
    """

    status_id: int
    account_id: int
    quoted_uri: str | None
    quoted_id: int | None
    quoted_account_id: int | None
    state: str
    legacy: bool
    request_uri: str | None
    authorization_uri: str | None
    created_at: datetime


_COLUMNS = ", ".join(f"q.{name}" for name in QuoteRow.__dataclass_fields__)

QUOTE_OF_STATUS = Query(f"SELECT {_COLUMNS} FROM quotes q WHERE q.status_id = $1", QuoteRow)
LOCK_QUOTE = Query(f"SELECT {_COLUMNS} FROM quotes q WHERE q.status_id = $1 FOR UPDATE", QuoteRow)
# $1 the request, $2 who was asked.
QUOTE_BY_REQUEST = Query(
    f"SELECT {_COLUMNS} FROM quotes q WHERE q.request_uri = $1 AND q.quoted_account_id = $2",
    QuoteRow,
)
# $1 the authorization, $2 whose it is.
QUOTE_BY_AUTHORIZATION = Query(
    f"SELECT {_COLUMNS} FROM quotes q WHERE q.authorization_uri = $1 AND q.quoted_account_id = $2",
    QuoteRow,
)
# $1 what quotes, $2 what is quoted.
QUOTE_BETWEEN = Query(
    f"""
    SELECT {_COLUMNS} FROM quotes q
    WHERE q.status_id = (SELECT s.id FROM statuses s WHERE s.uri = $1)
      AND q.quoted_id = (SELECT s.id FROM statuses s WHERE s.uri = $2)
    """,
    QuoteRow,
)

PUT_QUOTE = Command(
    """
    INSERT INTO quotes (status_id, account_id, quoted_uri, quoted_id, quoted_account_id, state,
        legacy, request_uri, authorization_uri, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
    ON CONFLICT (status_id) DO UPDATE SET quoted_uri = excluded.quoted_uri,
        quoted_id = excluded.quoted_id, quoted_account_id = excluded.quoted_account_id,
        state = excluded.state, legacy = excluded.legacy, request_uri = excluded.request_uri,
        authorization_uri = excluded.authorization_uri
    """
)
DELETE_QUOTE = Command("DELETE FROM quotes WHERE status_id = $1")
SET_QUOTE_STATE = Command(
    "UPDATE quotes SET state = $2, authorization_uri = $3 WHERE status_id = $1 AND state <> $2"
)
SET_QUOTE_REQUEST = Command("UPDATE quotes SET request_uri = $2 WHERE status_id = $1")
COUNT_QUOTE = Command(
    "UPDATE statuses SET quotes_count = greatest(quotes_count + $2::int, 0) WHERE id = $1"
)


@dataclass(frozen=True, slots=True)
class ClaimedRow:
    """A quote whose Note names an authorization that could not be read yet."""

    status_id: int
    quoted_account_id: int
    authorization_uri: str
    quoting_uri: str
    quoted_uri: str


# $1 now, $2 not those asked for since, $3 not those older, $4 how many. Whoever takes one asks.
TAKE_CLAIMED = Query(
    """
    UPDATE quotes q SET asked_at = $1
    FROM statuses s, statuses t
    WHERE s.id = q.status_id AND t.id = q.quoted_id AND q.status_id IN (
        SELECT c.status_id FROM quotes c
        WHERE c.state = 'pending' AND c.authorization_uri IS NOT NULL AND c.quoted_id IS NOT NULL
          AND (c.asked_at IS NULL OR c.asked_at < $2) AND c.created_at > $3
        ORDER BY c.asked_at NULLS FIRST LIMIT $4 FOR UPDATE SKIP LOCKED)
    RETURNING q.status_id, t.account_id AS quoted_account_id, q.authorization_uri,
        s.uri AS quoting_uri, t.uri AS quoted_uri
    """,
    ClaimedRow,
)
# Before $1 is deleted: what it quotes is quoted once less.
UNCOUNT_QUOTE_OF = Command(
    """
    UPDATE statuses s SET quotes_count = greatest(s.quotes_count - 1, 0)
    FROM quotes q WHERE q.status_id = $1 AND q.state = 'accepted' AND s.id = q.quoted_id
    """
)
# $1 URI, $2 id and $3 author of a status that has come: what quoted it before knows it now. Only
# one's own needs no consent.
ADOPT_QUOTES = Command(
    """
    WITH adopted AS (
        UPDATE quotes q SET quoted_id = $2, quoted_account_id = $3,
            state = CASE WHEN q.account_id = $3 AND q.state = 'pending' THEN 'accepted'
                    ELSE q.state END
        WHERE q.quoted_uri = $1 AND q.quoted_id IS NULL
        RETURNING q.state
    )
    UPDATE statuses s SET quotes_count = s.quotes_count + a.count
    FROM (SELECT count(*)::int AS count FROM adopted WHERE state = 'accepted') a
    WHERE s.id = $2 AND a.count > 0
    """
)

# Whoever buried the authorization before it was known to be theirs, now it is its author who did.
BURY_AUTHORIZATION = Command(
    """
    INSERT INTO tombstones (uri, account_id, former_type, visibility, deleted_at)
    VALUES ($1, $2, $4, 'public', $3)
    ON CONFLICT (uri) DO UPDATE SET account_id = excluded.account_id,
        former_type = excluded.former_type
    """
)

SET_POLICIES = Command(
    """
    UPDATE statuses SET quote_policy = $2, interaction_policy = $3
    WHERE id = $1 AND (quote_policy <> $2 OR interaction_policy IS DISTINCT FROM $3)
    """
)
SET_QUOTE_POLICY = Command(
    "UPDATE statuses SET quote_policy = $2 WHERE id = $1 AND quote_policy <> $2"
)
SET_INTERACTION_POLICY = Command(
    """
    UPDATE statuses SET interaction_policy = $2
    WHERE id = $1 AND interaction_policy IS DISTINCT FROM $2
    """
)
# $1 status, $2 who would like to quote it.
QUOTE_RIGHT = Value(f"SELECT {quote_right('s', '$2::bigint')} FROM statuses s WHERE s.id = $1", int)


class QuoteViewRow(msgspec.Struct, frozen=True, gc=False):
    """A quote as one viewer sees it: `state` is a QuoteState of Mastodon's API."""

    status_id: int
    quoted_id: int | None
    state: str


def _state_for(viewer: str) -> str:
    """Give SQL for the QuoteState of the quote `q` of the status `s`."""
    return f"""CASE WHEN q.state <> 'accepted' THEN q.state
        WHEN s.id IS NULL THEN 'deleted'
        WHEN NOT {visible("s", viewer)} THEN 'unauthorized'
        WHEN EXISTS (SELECT 1 FROM blocks qb
                     WHERE qb.account_id = {viewer} AND qb.target_id = s.account_id OFFSET 0)
        THEN 'blocked_account'
        WHEN EXISTS (SELECT 1 FROM mutes qm
                     WHERE qm.account_id = {viewer} AND qm.target_id = s.account_id
                       AND (qm.expires_at IS NULL OR qm.expires_at > now()) OFFSET 0)
        THEN 'muted_account' ELSE 'accepted' END AS state"""


# $1 statuses: they, and what they quote, where that quotes again.
_QUOTING = """q.status_id IN (
            SELECT unnest($1::bigint[])
            UNION SELECT f.quoted_id FROM quotes f
            WHERE f.status_id = ANY($1::bigint[]) AND f.state = 'accepted')
      AND (q.state = 'accepted' OR NOT q.legacy)"""
# $1 statuses, $2 viewer. What these quote, and what the quoted ones quote.
QUOTES_FOR_VIEWER = Query(
    f"""
    SELECT q.status_id, q.quoted_id, {_state_for("$2::bigint")}
    FROM quotes q LEFT JOIN statuses s ON s.id = q.quoted_id
    WHERE {_QUOTING}
    """,
    QuoteViewRow,
)


class QuoteOfViewerRow(QuoteViewRow, frozen=True, gc=False):
    """A quote as one of several viewers sees it (0: nobody in particular)."""

    viewer: int


# $1 statuses, $2 viewers.
QUOTES_FOR_VIEWERS = Query(
    f"""
    SELECT q.status_id, q.quoted_id, {_state_for("w.viewer")}, coalesce(w.viewer, 0) AS viewer
    FROM quotes q LEFT JOIN statuses s ON s.id = q.quoted_id
    CROSS JOIN unnest($2::bigint[]) AS w (viewer)
    WHERE {_QUOTING}
    """,
    QuoteOfViewerRow,
)

# $4 viewer, $5 the quoted status.
QUOTES_OF_STATUS: Paged[HeadRow] = paged(
    head_query(
        "quotes q JOIN statuses s ON s.id = q.status_id",
        f"""q.quoted_id = $5 AND q.state = 'accepted' AND q.status_id < $1 AND q.status_id > $2
        AND NOT {unwanted("s.account_id", "$4::bigint")}
        ORDER BY q.status_id {{direction}} LIMIT $3""",
    ),
    HeadRow,
)


@dataclass(frozen=True, slots=True)
class ConsentRow:
    """What a status of ours says of quotes and consents: whom it lets quote, what it quotes, and
    the consent to it as a reply, who may do what with it, and whom it answers."""

    status_id: int
    quote_policy: int
    following_url: str | None
    quoted_uri: str | None
    quote_state: str | None
    quote_legacy: bool | None
    quote_authorization_uri: str | None
    reply_authorization_uri: str | None
    interaction_policy: dict[str, Any] | None
    answered_uri: str | None


CONSENTS = Query(
    """
    SELECT s.id AS status_id, s.quote_policy, a.following_url,
        CASE WHEN q.state <> 'accepted' OR q.quoted_id IS NOT NULL THEN q.quoted_uri END
            AS quoted_uri,
        q.state AS quote_state, q.legacy AS quote_legacy,
        q.authorization_uri AS quote_authorization_uri,
        coalesce(
            (SELECT i.authorization_uri FROM interaction_requests i
             WHERE i.interaction_uri = s.uri AND i.kind = 'reply' LIMIT 1),
            (SELECT p.authorization_uri FROM approvals p
             WHERE p.interaction_uri = s.uri AND p.kind = 'reply' AND p.state = 'accepted' LIMIT 1)
        ) AS reply_authorization_uri, s.interaction_policy,
        (SELECT n.uri FROM accounts n WHERE n.id = s.in_reply_to_account_id
            AND s.in_reply_to_account_id <> s.account_id) AS answered_uri
    FROM statuses s JOIN accounts a ON a.id = s.account_id LEFT JOIN quotes q ON q.status_id = s.id
    WHERE s.id = ANY($1::bigint[])
    """,
    ConsentRow,
)


@dataclass(frozen=True, slots=True)
class AuthorizationRow:
    """A consent of ours, as it is served."""

    attributed_to: str
    interacting_object: str
    interaction_target: str


AUTHORIZATION_BY_URI = Query(
    f"""
    SELECT a.uri AS attributed_to, s.uri AS interacting_object, t.uri AS interaction_target
    FROM quotes q JOIN statuses s ON s.id = q.status_id JOIN statuses t ON t.id = q.quoted_id
    JOIN accounts a ON a.id = t.account_id
    WHERE q.authorization_uri = $1 AND q.state = 'accepted' AND t.local
      AND {visible("t", "NULL::bigint")}
    """,
    AuthorizationRow,
)


@dataclass(frozen=True, slots=True)
class InteractionRequestRow:
    """A Like, Announce or reply of one of our people that a peer's author was asked about."""

    uri: str
    account_id: int
    status_id: int
    interaction_uri: str
    kind: str
    authorization_uri: str | None


INSERT_INTERACTION_REQUEST = Command(
    """
    INSERT INTO interaction_requests (uri, account_id, status_id, interaction_uri, kind, created_at)
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING
    """
)
# $1 the request, $2 who was asked: the author of what is acted upon.
INTERACTION_REQUEST = Query(
    """
    SELECT i.uri, i.account_id, i.status_id, i.interaction_uri, i.kind, i.authorization_uri
    FROM interaction_requests i JOIN statuses s ON s.id = i.status_id
    WHERE i.uri = $1 AND s.account_id = $2
    """,
    InteractionRequestRow,
)
AUTHORIZE_INTERACTION = Command(
    """
    UPDATE interaction_requests SET authorization_uri = $2
    WHERE uri = $1 AND authorization_uri IS DISTINCT FROM $2
    """
)
# $1 the authorization, $2 whose it is.
INTERACTION_BY_AUTHORIZATION = Query(
    """
    SELECT i.uri, i.account_id, i.status_id, i.interaction_uri, i.kind, i.authorization_uri
    FROM interaction_requests i JOIN statuses s ON s.id = i.status_id
    WHERE i.authorization_uri = $1 AND s.account_id = $2
    """,
    InteractionRequestRow,
)
DELETE_REQUEST_OF = Command("DELETE FROM interaction_requests WHERE interaction_uri = $1")
REQUEST_OF_INTERACTION = Query(
    """
    SELECT i.uri, i.account_id, i.status_id, i.interaction_uri, i.kind, i.authorization_uri
    FROM interaction_requests i WHERE i.interaction_uri = $1
    """,
    InteractionRequestRow,
)
