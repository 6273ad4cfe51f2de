"""Leave to act upon a status: what waits for its author, and how it was decided."""

from dataclasses import dataclass
from datetime import datetime

import msgspec

from storage.paging import Paged, paged
from storage.query import Command, Query, Value
from storage.visibility import unwanted

PENDING, ACCEPTED, REJECTED, REVOKED = "pending", "accepted", "rejected", "revoked"


@dataclass(frozen=True, slots=True)
class ApprovalRow:
    """That `account_id` acts upon `status_id`, whose author `target_id` says whether they may.

    `kind` is like, reply, announce or quote. `reply_id` is the reply, or the status that quotes.
    `request_uri`: they asked for it with a request of its own. `authorization_uri` is only claimed
    while `state` is pending.
    """

    id: int
    account_id: int
    target_id: int
    status_id: int
    kind: str
    interaction_uri: str
    reply_id: int | None
    request_uri: str | None
    state: str
    authorization_uri: str | None
    created_at: datetime
    decided_at: datetime | None


_COLUMNS = ", ".join(f"p.{name}" for name in ApprovalRow.__dataclass_fields__)

INSERT_APPROVAL = Command(
    """
    INSERT INTO approvals (id, account_id, target_id, status_id, kind, interaction_uri, reply_id,
        request_uri, state, authorization_uri, created_at, decided_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
    ON CONFLICT (interaction_uri, account_id) DO NOTHING
    """
)
# $1 who acts, $2 the interaction, $3 its kind, $4 upon what. A favourite or boost is one case under
# every id, and stays refused; each reply is for itself.
APPROVAL_OF = Query(
    f"""
    SELECT {_COLUMNS} FROM approvals p
    WHERE p.account_id = $1 AND (p.interaction_uri = $2 OR (
        p.status_id = $4 AND p.kind = $3 AND $3 IN ('like', 'announce')))
    ORDER BY p.interaction_uri = $2 DESC LIMIT 1
    """,
    ApprovalRow,
)
# $1 id, $2 who quotes, $3 whose, $4 what, $5 the quoting Note's id and $6 row, $7 the request,
# $8 now. Asked again, it is the same case.
ASK_FOR_QUOTE = Command(
    """
    INSERT INTO approvals (id, account_id, target_id, status_id, kind, interaction_uri, reply_id,
        request_uri, state, created_at)
    VALUES ($1, $2, $3, $4, 'quote', $5, $6, $7, 'pending', $8)
    ON CONFLICT (interaction_uri, account_id) DO UPDATE SET request_uri = excluded.request_uri
    WHERE approvals.kind = 'quote'
    """
)
END_QUOTE_APPROVAL = Command(
    """
    UPDATE approvals SET state = $2, decided_at = $3
    WHERE reply_id = $1 AND kind = 'quote' AND state IN ('pending', 'accepted')
    """
)
LOCK_APPROVAL = Query(f"SELECT {_COLUMNS} FROM approvals p WHERE p.id = $1 FOR UPDATE", ApprovalRow)
APPROVAL_BY_ID = Query(f"SELECT {_COLUMNS} FROM approvals p WHERE p.id = $1", ApprovalRow)
# $1 a reply that waits.
APPROVAL_WAITING = Query(
    f"""
    SELECT {_COLUMNS} FROM approvals p JOIN statuses s ON s.id = p.reply_id
    WHERE s.uri = $1 AND p.state = 'pending'
    """,
    ApprovalRow,
)
# $1 the interaction or the request for it, $2 who decides.
APPROVAL_ANSWERED = Query(
    f"""
    SELECT {_COLUMNS} FROM approvals p
    WHERE (p.interaction_uri = $1 OR p.request_uri = $1) AND p.target_id = $2 LIMIT 1
    """,
    ApprovalRow,
)
# $1 the authorization, $2 whose it is.
APPROVAL_BY_AUTHORIZATION = Query(
    f"SELECT {_COLUMNS} FROM approvals p WHERE p.authorization_uri = $1 AND p.target_id = $2",
    ApprovalRow,
)
DECIDE_APPROVAL = Command(
    """
    UPDATE approvals SET state = $2, authorization_uri = $3, decided_at = $4
    WHERE id = $1 AND state <> $2
    """
)
SET_APPROVAL_REQUEST = Command("UPDATE approvals SET request_uri = $2 WHERE id = $1")
# What was claimed anew, for what waits still.
CLAIM_APPROVAL = Command(
    """
    UPDATE approvals SET authorization_uri = $2, asked_at = NULL
    WHERE id = $1 AND state = 'pending' AND authorization_uri IS DISTINCT FROM $2
    """
)
# Whoever takes back what they did no longer waits; what was refused stays so.
DROP_APPROVAL = Command(
    """
    DELETE FROM approvals
    WHERE account_id = $1 AND status_id = $2 AND kind = $3 AND state IN ('pending', 'accepted')
    """
)

WITHHOLD_STATUS = Command("UPDATE statuses SET withheld = true WHERE id = $1 AND NOT withheld")
RELEASE_STATUS = Command("UPDATE statuses SET withheld = false WHERE id = $1 AND withheld")
WITHHOLD_FAVOURITE = Command(
    "UPDATE favourites SET withheld = true WHERE account_id = $1 AND status_id = $2"
)
RELEASE_FAVOURITE = Command(
    "UPDATE favourites SET withheld = false WHERE account_id = $1 AND status_id = $2 AND withheld"
)
LEAVE_HOMES = Command("DELETE FROM home_entries WHERE status_id = $1")
FORGET_NOTICES_OF = Command("DELETE FROM notifications WHERE status_id = $1")
# Answers to a peer's status that came before it, and before anybody knew that they need leave: they
# wait from now on. $1 status, $2 its author, $3 whom its policy lets answer, $4 an id, of which
# the following are free, $5 now.
WITHHOLD_EARLY_ANSWERS = Command(
    """
    WITH early AS (
        UPDATE statuses s SET withheld = true FROM accounts a
        WHERE s.in_reply_to_id = $1 AND a.id = s.account_id AND s.account_id <> $2
          AND NOT s.withheld AND NOT a.uri = ANY($3::text[]) AND NOT 'public' = ANY($3)
          AND NOT EXISTS (
              SELECT 1 FROM mentions m WHERE m.status_id = $1 AND m.account_id = a.id)
        RETURNING s.id, s.uri, s.account_id
    ), left_homes AS (
        DELETE FROM home_entries h USING early e WHERE h.status_id = e.id
    ), uncounted AS (
        UPDATE accounts a SET statuses_count = greatest(a.statuses_count - e.count, 0)
        FROM (SELECT account_id, count(*)::int AS count FROM early GROUP BY account_id) e
        WHERE a.id = e.account_id
    )
    INSERT INTO approvals (id, account_id, target_id, status_id, kind, interaction_uri, reply_id,
        state, created_at)
    SELECT $4 + row_number() OVER (ORDER BY id), account_id, $2, $1, 'reply', uri, id, 'pending',
        $5
    FROM early ON CONFLICT DO NOTHING
    """
)
# Answers to what was withheld that wait for nothing else.
WITHHELD_ANSWERS = Value(
    """
    SELECT s.id FROM statuses s
    WHERE s.in_reply_to_id = $1 AND s.withheld
      AND NOT EXISTS (SELECT 1 FROM approvals p WHERE p.interaction_uri = s.uri
                      AND p.account_id = s.account_id AND p.state <> 'accepted')
      AND NOT EXISTS (SELECT 1 FROM interaction_requests i WHERE i.interaction_uri = s.uri
                      AND i.authorization_uri IS NULL)
    ORDER BY s.id LIMIT 200
    """,
    int,
)


class RequestRow(msgspec.Struct, frozen=True, gc=False):
    """One entry of the list of requests, and the version of the account that asks."""

    id: int
    kind: str
    account_id: int
    account_version: int
    status_id: int
    reply_id: int | None
    state: str
    created_at: datetime
    decided_at: datetime | None


_REQUEST = """p.id, p.kind, p.account_id, a.xmin::text::bigint AS account_version, p.status_id,
    p.reply_id, p.state, p.created_at, p.decided_at"""
_SHOWN = "a.suspended_at IS NULL AND a.deleted_at IS NULL"
# $4 who decides, $5 kinds, $6 only about this status, or NULL.
REQUESTS: Paged[RequestRow] = paged(
    f"""
    SELECT {_REQUEST} FROM approvals p JOIN accounts a ON a.id = p.account_id
    WHERE p.id < $1 AND p.id > $2 AND p.target_id = $4 AND p.state = 'pending'
      AND p.kind = ANY($5::text[]) AND ($6::bigint IS NULL OR p.status_id = $6) AND {_SHOWN}
      AND NOT {unwanted("p.account_id", "$4::bigint")}
    ORDER BY p.id {{direction}} LIMIT $3
    """,
    RequestRow,
)
# $1 id, $2 who decides.
REQUEST = Query(
    f"""
    SELECT {_REQUEST} FROM approvals p JOIN accounts a ON a.id = p.account_id
    WHERE p.id = $1 AND p.target_id = $2
    """,
    RequestRow,
)


@dataclass(frozen=True, slots=True)
class GivenRow:
    """A leave that was given by one of our people, as it is served."""

    kind: str
    status_id: int
    attributed_to: str
    interacting_object: str
    interaction_target: str


GIVEN_BY_URI = Query(
    """
    SELECT p.kind, p.status_id, a.uri AS attributed_to, p.interaction_uri AS interacting_object,
        s.uri AS interaction_target
    FROM approvals p JOIN statuses s ON s.id = p.status_id JOIN accounts a ON a.id = p.target_id
    WHERE p.authorization_uri = $1 AND p.state = 'accepted' AND s.local
    """,
    GivenRow,
)


@dataclass(frozen=True, slots=True)
class ClaimRow:
    """What says that it has an authorization that could not be read yet."""

    id: int
    target_id: int
    kind: str
    authorization_uri: str
    interaction_uri: str
    status_uri: str


# $1 now, $2 not those asked for since, $3 not those older, $4 how many. Whoever takes one asks.
TAKE_CLAIMS = Query(
    """
    UPDATE approvals p SET asked_at = $1
    FROM statuses s
    WHERE s.id = p.status_id AND p.id IN (
        SELECT c.id FROM approvals c
        WHERE c.state = 'pending' AND c.authorization_uri IS NOT NULL
          AND (c.asked_at IS NULL OR c.asked_at < $2) AND c.created_at > $3
        ORDER BY c.asked_at NULLS FIRST LIMIT $4 FOR UPDATE SKIP LOCKED)
    RETURNING p.id, p.target_id, p.kind, p.authorization_uri, p.interaction_uri,
        s.uri AS status_uri
    """,
    ClaimRow,
)

DEFAULT_POLICIES = Value("SELECT interaction_policies FROM users WHERE account_id = $1", object)
SET_DEFAULT_POLICIES = Command("UPDATE users SET interaction_policies = $2 WHERE account_id = $1")


IS_WITHHELD = Value("SELECT withheld FROM statuses WHERE id = $1", bool)
# The leave for an act of one of our people, whoever gave it. $1 its id, $2 who acts.
AUTHORIZATION_OF = Value(
    """
    SELECT authorization_uri FROM (
        SELECT i.authorization_uri FROM interaction_requests i
        WHERE i.interaction_uri = $1 AND i.account_id = $2
        UNION ALL
        SELECT p.authorization_uri FROM approvals p
        WHERE p.interaction_uri = $1 AND p.account_id = $2 AND p.state = 'accepted'
    ) given WHERE authorization_uri IS NOT NULL LIMIT 1
    """,
    str,
)
