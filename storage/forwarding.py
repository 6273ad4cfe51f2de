"""Activities of peers that go on to the followers of one of our people, as they came."""

from dataclasses import dataclass

from storage.query import Command, Query, Value
from storage.visibility import visible


@dataclass(frozen=True, slots=True)
class AnsweredRow:
    """One of our people who is answered."""

    account_id: int
    followers_url: str | None


# $1 the answered status, $2 who answers: who may not see it does not speak to those who follow.
ANSWERED_HERE = Query(
    f"""
    SELECT s.account_id, a.followers_url
    FROM statuses s JOIN accounts a ON a.id = s.account_id JOIN accounts w ON w.uri = $2
    WHERE s.uri = $1 AND s.local AND s.visibility <> 'direct' AND {visible("s", "w.id")}
    """,
    AnsweredRow,
)
# For whose followers the Create of a peer's status was forwarded.
FORWARDED_FOR = Value(
    """
    SELECT o.account_id FROM statuses s JOIN outbox_activities o ON o.status_id = s.id
    WHERE s.uri = $1 AND NOT s.local AND o.type = 'Create' AND o.account_id <> s.account_id LIMIT 1
    """,
    int,
)
# The bytes of an inbox item, to be delivered. Its URI is the peer's: nothing is served under it.
# What waits for leave is passed on to nobody. $1 id, $2 for whose followers, $3 the object, $4 now,
# $5 item.
FORWARD_ITEM = Command(
    """
    INSERT INTO outbox_activities (id, uri, account_id, type, document, listed, status_id,
        created_at, to_followers)
    SELECT $1, i.activity_uri, $2, i.type, i.body, false,
        (SELECT s.id FROM statuses s WHERE s.uri = $3), $4, true
    FROM inbox_items i WHERE i.id = $5
      AND NOT EXISTS (SELECT 1 FROM statuses w WHERE w.uri = $3 AND w.withheld)
    ON CONFLICT DO NOTHING
    """
)
# Whether anything that is known here is meant: one of these is a status here.
IS_KNOWN_STATUS = Value("SELECT EXISTS (SELECT 1 FROM statuses WHERE uri = ANY($1::text[]))", bool)
