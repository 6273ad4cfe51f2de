"""The roofline's tables and statements.

Tables and columns have fedserver's names (storage/migrations), so that both are filled by the same
statements, but only what the measured jobs cannot do without is here.
"""

SCHEMA = """
CREATE TABLE IF NOT EXISTS accounts (
    id bigint PRIMARY KEY, uri text NOT NULL UNIQUE, username text NOT NULL, domain text,
    url text NOT NULL, inbox_url text NOT NULL, shared_inbox_url text,
    display_name text NOT NULL DEFAULT '', note text NOT NULL DEFAULT '',
    locked boolean NOT NULL DEFAULT false,
    followers_count integer NOT NULL DEFAULT 0, following_count integer NOT NULL DEFAULT 0,
    statuses_count integer NOT NULL DEFAULT 0, last_status_at timestamptz,
    created_at timestamptz NOT NULL);
CREATE TABLE IF NOT EXISTS actor_keys (
    uri text PRIMARY KEY, account_id bigint NOT NULL, public_key text NOT NULL, private_key text);
CREATE TABLE IF NOT EXISTS oauth_tokens (token_hash bytea PRIMARY KEY, account_id bigint NOT NULL);
CREATE TABLE IF NOT EXISTS follows (
    id bigint PRIMARY KEY, account_id bigint NOT NULL, target_id bigint NOT NULL,
    uri text NOT NULL, accepted_at timestamptz, created_at timestamptz NOT NULL,
    UNIQUE (account_id, target_id));
CREATE INDEX IF NOT EXISTS follows_target ON follows (target_id);
CREATE TABLE IF NOT EXISTS statuses (
    id bigint PRIMARY KEY, uri text NOT NULL UNIQUE, url text NOT NULL, account_id bigint NOT NULL,
    local boolean NOT NULL, visibility text NOT NULL, thread_id bigint NOT NULL,
    content text NOT NULL, created_at timestamptz NOT NULL,
    replies_count integer NOT NULL DEFAULT 0, reblogs_count integer NOT NULL DEFAULT 0,
    favourites_count integer NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS statuses_public ON statuses (id) WHERE visibility = 'public';
CREATE TABLE IF NOT EXISTS home_entries (
    account_id bigint NOT NULL, status_id bigint NOT NULL, PRIMARY KEY (account_id, status_id));
CREATE TABLE IF NOT EXISTS inbox_items (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, activity_uri text NOT NULL UNIQUE,
    account_id bigint NOT NULL, body bytea NOT NULL, received_at timestamptz NOT NULL,
    outcome text, processed_at timestamptz);
CREATE INDEX IF NOT EXISTS inbox_items_due ON inbox_items (id) WHERE outcome IS NULL;
CREATE TABLE IF NOT EXISTS outbox_activities (
    id bigint PRIMARY KEY, account_id bigint NOT NULL, document bytea NOT NULL);
CREATE TABLE IF NOT EXISTS deliveries (
    activity_id bigint NOT NULL, inbox_url text NOT NULL, PRIMARY KEY (activity_id, inbox_url));
"""

_ACCOUNT = """a.id AS account_id, a.username, a.domain, a.display_name, a.locked,
    a.created_at AS joined_at, a.note, a.url AS account_url, a.uri AS account_uri,
    a.followers_count, a.following_count, a.statuses_count, a.last_status_at"""
_SHOWN = f"""
    SELECT s.id, s.created_at, s.visibility, s.uri, s.url, s.content,
        s.replies_count, s.reblogs_count, s.favourites_count, {_ACCOUNT}
"""
TOKEN = "SELECT account_id FROM oauth_tokens WHERE token_hash = $1"
ACCOUNT_OF_TOKEN = f"""
    SELECT {_ACCOUNT} FROM oauth_tokens t JOIN accounts a ON a.id = t.account_id
    WHERE t.token_hash = $1
"""
HOME = f"""
    {_SHOWN} FROM home_entries h JOIN statuses s ON s.id = h.status_id
    JOIN accounts a ON a.id = s.account_id
    WHERE h.account_id = $1 ORDER BY h.status_id DESC LIMIT $2
"""
HOME_IDS = """
    SELECT status_id FROM home_entries WHERE account_id = $1 ORDER BY status_id DESC LIMIT $2
"""
PUBLIC = f"""
    {_SHOWN} FROM statuses s JOIN accounts a ON a.id = s.account_id
    WHERE s.visibility = 'public' ORDER BY s.id DESC LIMIT $1
"""
STATUSES = f"""
    {_SHOWN} FROM statuses s JOIN accounts a ON a.id = s.account_id WHERE s.id = ANY($1::bigint[])
"""

KEY = "SELECT account_id, public_key FROM actor_keys WHERE uri = $1"
PRIVATE_KEY = "SELECT private_key FROM actor_keys WHERE uri = $1"
ACCOUNT_URI = "SELECT uri FROM accounts WHERE id = $1"
LOCAL_ACCOUNTS = "SELECT id, uri, username FROM accounts WHERE domain IS NULL"

INSERT_INBOX = """
    INSERT INTO inbox_items (activity_uri, account_id, body, received_at)
    SELECT * FROM unnest($1::text[], $2::bigint[], $3::bytea[], $4::timestamptz[])
    ON CONFLICT DO NOTHING
"""
CLAIM_INBOX = """
    SELECT id, account_id, body FROM inbox_items WHERE outcome IS NULL ORDER BY id LIMIT $1
    FOR UPDATE SKIP LOCKED
"""
INSERT_STATUSES = """
    INSERT INTO statuses
        (id, uri, url, account_id, local, visibility, thread_id, content, created_at)
    SELECT id, uri, url, account_id, false, 'public', id, content, created_at
    FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::timestamptz[])
        AS s (id, uri, url, account_id, content, created_at)
    ON CONFLICT DO NOTHING
"""
FAN_OUT = """
    INSERT INTO home_entries (account_id, status_id)
    SELECT f.account_id, s.id FROM unnest($1::bigint[], $2::bigint[]) AS s (id, author_id)
    JOIN follows f ON f.target_id = s.author_id
    ON CONFLICT DO NOTHING
"""
INBOX_DONE = """
    UPDATE inbox_items SET outcome = 'done', processed_at = clock_timestamp() WHERE id = ANY($1)
"""

# $1 id, $2 uri, $3 url, $4 author, $5 content, $6 now, $7 document.
POST_STATUS = """
    WITH status AS (
        INSERT INTO statuses
            (id, uri, url, account_id, local, visibility, thread_id, content, created_at)
        VALUES ($1, $2, $3, $4, true, 'public', $1, $5, $6)
    ), home AS (
        INSERT INTO home_entries (account_id, status_id)
        SELECT $4, $1 UNION
        SELECT f.account_id, $1 FROM follows f JOIN accounts a ON a.id = f.account_id
        WHERE f.target_id = $4 AND a.domain IS NULL
    ), activity AS (
        INSERT INTO outbox_activities (id, account_id, document) VALUES ($1, $4, $7)
    )
    INSERT INTO deliveries (activity_id, inbox_url)
    SELECT DISTINCT $1, coalesce(a.shared_inbox_url, a.inbox_url)
    FROM follows f JOIN accounts a ON a.id = f.account_id
    WHERE f.target_id = $4 AND a.domain IS NOT NULL
"""
DUE_DELIVERIES = """
    SELECT d.activity_id, d.inbox_url, o.account_id, o.document
    FROM deliveries d JOIN outbox_activities o ON o.id = d.activity_id LIMIT $1
"""
DELIVERED = """
    DELETE FROM deliveries d USING unnest($1::bigint[], $2::text[]) AS x (activity_id, inbox_url)
    WHERE d.activity_id = x.activity_id AND d.inbox_url = x.inbox_url
"""
