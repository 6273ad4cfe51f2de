"""What a batch of statuses needs to become documents, in a fixed number of queries."""

from dataclasses import dataclass

from storage.query import Query


@dataclass(frozen=True, slots=True)
class MentionedRow:
    """Who a status names or is addressed to."""

    status_id: int
    account_id: int
    uri: str
    username: str
    domain: str | None
    url: str
    inbox_url: str
    shared_inbox_url: str | None
    silent: bool


MENTIONED = Query(
    """
    SELECT m.status_id, m.account_id, a.uri, a.username, a.domain, a.url, a.inbox_url,
        a.shared_inbox_url, m.silent
    FROM mentions m JOIN accounts a ON a.id = m.account_id
    WHERE m.status_id = ANY($1::bigint[]) ORDER BY m.status_id, m.account_id
    """,
    MentionedRow,
)


@dataclass(frozen=True, slots=True)
class TaggedRow:
    """A hashtag of a status."""

    status_id: int
    name: str
    display_name: str


TAGGED = Query(
    """
    SELECT st.status_id, t.name, t.display_name FROM status_tags st JOIN tags t ON t.id = st.tag_id
    WHERE st.status_id = ANY($1::bigint[]) ORDER BY st.status_id, t.name
    """,
    TaggedRow,
)


@dataclass(frozen=True, slots=True)
class ThreadFactsRow:
    """What a Note says of other objects: its author, and what it answers, and the collection
    of its thread (FEP-7888): ours where its first status is ours."""

    status_id: int
    author_uri: str
    author_followers_url: str | None
    parent_uri: str | None
    thread_uri: str | None
    context_uri: str | None


THREAD_FACTS = Query(
    """
    SELECT s.id AS status_id, a.uri AS author_uri, a.followers_url AS author_followers_url,
        coalesce(p.uri, s.in_reply_to_uri) AS parent_uri, t.uri AS thread_uri,
        CASE WHEN t.local AND t.in_reply_to_uri IS NULL THEN t.uri || '/context'
             ELSE coalesce(pc.context_uri, tc.context_uri) END AS context_uri
    FROM statuses s
    JOIN accounts a ON a.id = s.account_id
    LEFT JOIN statuses p ON p.id = s.in_reply_to_id
    LEFT JOIN statuses t ON t.id = s.thread_id
    LEFT JOIN status_collections pc ON pc.status_id = s.in_reply_to_id
    LEFT JOIN status_collections tc ON tc.status_id = s.thread_id
    WHERE s.id = ANY($1::bigint[])
    """,
    ThreadFactsRow,
)
