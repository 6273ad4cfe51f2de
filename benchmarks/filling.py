"""Fills fedserver's database with people, posts, threads, hashtags and notifications, by SQL.

As on a real instance few write much and many hardly ever, a third of the posts are answers, a tenth
boosts, most are public, every fifth has a hashtag, and half of the authors want to be found.
"""

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg

from storage.migrate import migrate
from storage.server import EmbeddedPostgres

READERS = 32
ACCOUNTS = 1_000
FIRST_READER = 5_001
# Threads of so many answers, whose first posts have these addresses.
THREADS = (20, 40)
WORD = "harbour"
_HOME = 400
_NOTIFICATIONS = 200
_TOGETHER = 50_000

_PEOPLE = """
    INSERT INTO accounts (id, uri, username, domain, url, inbox_url, shared_inbox_url, outbox_url,
        followers_url, display_name, note, indexable, discoverable, created_at)
    SELECT n, h || '/users/u' || n, 'u' || n, 'h' || n % 50 || '.test', h || '/@u' || n,
        h || '/users/u' || n || '/inbox', h || '/inbox', h || '/users/u' || n || '/outbox',
        h || '/users/u' || n || '/followers', 'Person ' || n, '<p>Writes for a benchmark.</p>',
        n % 2 = 0, true, $2
    FROM generate_series(1, $1::bigint) n, LATERAL (SELECT 'https://h' || n % 50 || '.test' AS h) x
"""
_READERS = """
    INSERT INTO accounts (id, uri, username, url, inbox_url, created_at)
    SELECT n, $3 || '/users/r' || n, 'r' || n, $3 || '/@r' || n, $3 || '/inbox', $4
    FROM generate_series($1::bigint, $2::bigint) n
"""
_IDENTITIES = """
    INSERT INTO identities (uri, account_id, username, domain, inbox_url, shared_inbox_url,
        created_at)
    SELECT uri, id, username, domain, inbox_url, shared_inbox_url, created_at FROM accounts a
    WHERE NOT EXISTS (SELECT 1 FROM identities i WHERE i.uri = a.uri)
"""
_USERS = """
    INSERT INTO users (account_id, email, password_hash, confirmed_at, approved_at, home_built_at,
        created_at, last_active_at)
    SELECT n, n || '@here.test', 'x', $3, $3, $3, $3, $3
    FROM generate_series($1::bigint, $2::bigint) n
"""
_APPLICATION = """
    INSERT INTO oauth_applications
        (id, client_id, secret_hash, name, redirect_uris, scopes, created_at)
    VALUES (1, 'benchmark', '', 'benchmark', '{}', 'read write', $1)
"""
_TOKENS = """
    INSERT INTO oauth_tokens (id, token_hash, application_id, account_id, scopes, created_at)
    SELECT place, hash, 1, $2::bigint + place - 1, 'read write', $3
    FROM unnest($1::bytea[]) WITH ORDINALITY AS t (hash, place)
"""
# Each reader follows every fifth account, shifted.
_FOLLOWS = """
    INSERT INTO follows (id, account_id, target_id, uri, accepted_at, created_at)
    SELECT r * 10000 + n, r, n, 'urn:f:' || r || ':' || n, $4, $4
    FROM generate_series($1::bigint, $2::bigint) r, generate_series(1, $3::bigint) n
    WHERE (n + r) % 5 = 0
"""
# Who wrote post n, and from 0 to 19 how it is with it: at random, and always the same.
_CHANCE = """
    CREATE FUNCTION pg_temp.author(n bigint) RETURNS bigint LANGUAGE sql IMMUTABLE RETURN
        1 + abs(hashint8(n)::bigint) % 1000 * (abs(hashint8(n * 7)::bigint) % 1000) / 1000;
    CREATE FUNCTION pg_temp.luck(n bigint) RETURNS bigint LANGUAGE sql IMMUTABLE RETURN
        abs(hashint8(n + 1)::bigint) % 20;
"""
# $1 first and $2 last number, $3 how many there are in all, $4 now. Dated over a year.
_STATUSES = """
    INSERT INTO statuses (id, uri, url, account_id, local, visibility, reblog_of_id, in_reply_to_id,
        in_reply_to_account_id, thread_id, content, language, replies_count, created_at)
    SELECT s.id, 'https://h.test/s/' || n, 'https://h.test/s/' || n, a.id, false,
        CASE WHEN luck < 16 THEN 'public' WHEN luck < 19 THEN 'unlisted' ELSE 'private' END,
        CASE WHEN n % 10 = 9 THEN b.id END,
        CASE WHEN n % 10 IN (2, 5, 7) THEN b.id END,
        CASE WHEN n % 10 IN (2, 5, 7) THEN b.author END,
        CASE WHEN n % 10 IN (2, 5, 7) THEN b.id ELSE s.id END,
        CASE WHEN n % 10 = 9 THEN '' ELSE
            '<p>Post number ' || n || ' about ' || (ARRAY['rain', 'bread', 'trains', 'harbour',
            'gardens', 'paint', 'maths', 'cats'])[1 + n % 8] || ' and ' || md5(n::text) || ', with
            some more words so that it is as long as posts are. ' || repeat('Lorem ipsum dolor. ',
            (1 + n % 7)::int) || '</p>' END,
        (ARRAY['en', 'de', 'fr', 'ja', NULL])[1 + n % 5], 0, s.at
    FROM generate_series($1::bigint, $2::bigint) n
    CROSS JOIN LATERAL (
        SELECT at, (extract(epoch FROM at) * 1000)::bigint * 65536 + n % 65536 AS id
        FROM (SELECT $4::timestamptz - interval '1 year' * (($3 - n)::float8 / $3) AS at) t) s
    CROSS JOIN LATERAL (SELECT pg_temp.author(n) AS id, pg_temp.luck(n) AS luck) a
    CROSS JOIN LATERAL (
        SELECT (extract(epoch FROM at) * 1000)::bigint * 65536 + m % 65536 AS id,
            pg_temp.author(m) AS author
        FROM (SELECT greatest(n - n % 10, 1) AS m) k, LATERAL (
            SELECT $4::timestamptz - interval '1 year' * (($3 - m)::float8 / $3) AS at) t) b
    ON CONFLICT DO NOTHING
"""
_TAGS = """
    INSERT INTO tags (id, name, display_name, created_at)
    SELECT n, 'tag' || n, 'Tag' || n, $1 FROM generate_series(1, 200) n
"""
_TAGGED = """
    INSERT INTO status_tags (status_id, tag_id)
    SELECT id, 1 + (id / 65536) % 200 FROM statuses WHERE (id / 65536) % 5 = 0
"""
_SEARCHED = """
    INSERT INTO search_documents (place, status_id, owner_id, words)
    SELECT p.place, p.id, NULL, search_content(p.id)
        || array_to_tsvector(ARRAY[search_circle(NULL, search_bucket(p.place))])
    FROM (SELECT s.id, row_number() OVER (ORDER BY s.id) - 1 AS place
          FROM statuses s JOIN accounts a ON a.id = s.account_id AND a.indexable
          WHERE s.visibility = 'public' AND s.reblog_of_id IS NULL) p
"""
_PLACES = "SELECT setval('search_places', (SELECT max(place) FROM search_documents) + 1)"
_HOMES = """
    INSERT INTO home_entries (account_id, status_id)
    SELECT r, s.id FROM generate_series($1::bigint, $2::bigint) r
    CROSS JOIN LATERAL (
        SELECT s.id FROM statuses s WHERE (s.account_id + r) % 5 = 0 ORDER BY s.id DESC LIMIT $3) s
"""
_TOLD = """
    INSERT INTO notifications (id, account_id, type, from_account_id, status_id, group_key,
        created_at)
    SELECT (extract(epoch FROM $4::timestamptz) * 1000)::bigint * 65536 + (r * 1000 + n), r,
        (ARRAY['favourite', 'mention', 'reblog', 'follow'])[1 + n % 4], 1 + n % 900,
        CASE WHEN n % 4 <> 3 THEN s.id END,
        CASE WHEN n % 4 IN (0, 2) THEN (ARRAY['favourite', '', 'reblog'])[1 + n % 4] || '-' || s.id
        END, $4
    FROM generate_series($1::bigint, $2::bigint) r, generate_series(1, $3::bigint) n
    CROSS JOIN LATERAL (
        SELECT id FROM statuses WHERE reblog_of_id IS NULL AND visibility = 'public'
        ORDER BY id DESC OFFSET n / 3 LIMIT 1) s
"""
_ANSWERED = """
    INSERT INTO statuses (id, uri, url, account_id, local, visibility, in_reply_to_id,
        in_reply_to_account_id, thread_id, content, replies_count, created_at)
    SELECT $1::bigint + n, 'https://h.test/t/' || $2 || '/' || n,
        'https://h.test/t/' || $2 || '/' || n, 1 + n, false, 'public',
        CASE WHEN n > 0 THEN $1 + n / 2 END, CASE WHEN n > 0 THEN 1 + n / 2 END, $1,
        '<p>Answer ' || n || '</p>', 0, $3
    FROM generate_series(0, $2::bigint) n
"""


async def fill(data_folder: Path, statuses: int, base_url: str) -> list[str]:
    """Make the database in `data_folder` with so many statuses; gives the readers' tokens."""
    tokens = [f"token-{number}" for number in range(READERS)]
    async with EmbeddedPostgres(data_folder) as dsn:
        await migrate(dsn)
        connection = await asyncpg.connect(dsn)
        try:
            # Triggers would do one by one what is done at once below.
            await connection.execute("SET session_replication_role = replica")
            await _people(connection, tokens, base_url)
            await _posts(connection, statuses)
            await _what_people_see(connection)
            await connection.execute("VACUUM ANALYZE")
        finally:
            await connection.close()
    (data_folder / "postgres" / "local.conf").write_text(
        "shared_preload_libraries = 'pg_stat_statements'\npg_stat_statements.track = top\n"
    )
    return tokens


def thread_root(length: int) -> int:
    """Give the id of the first post of the thread with so many answers."""
    return 65_536 * length


async def _people(connection: Any, tokens: list[str], base_url: str) -> None:
    now, last = datetime.now(UTC), FIRST_READER + READERS - 1
    hashes = [hashlib.sha256(one.encode()).digest() for one in tokens]
    await connection.execute(_PEOPLE, ACCOUNTS, now)
    await connection.execute(_READERS, FIRST_READER, last, base_url, now)
    await connection.execute(_IDENTITIES)
    await connection.execute(_USERS, FIRST_READER, last, now)
    await connection.execute(_APPLICATION, now)
    await connection.execute(_TOKENS, hashes, FIRST_READER, now)
    await connection.execute(_FOLLOWS, FIRST_READER, last, ACCOUNTS, now)


async def _posts(connection: Any, statuses: int) -> None:
    now = datetime.now(UTC)
    await connection.execute(_CHANCE)
    for start in range(1, statuses + 1, _TOGETHER):
        end = min(start + _TOGETHER - 1, statuses)
        await connection.execute(_STATUSES, start, end, statuses, now)
    for length in THREADS:
        await connection.execute(_ANSWERED, thread_root(length), length, now)
    await connection.execute(_TAGS, now)
    await connection.execute(_TAGGED)
    await connection.execute("ANALYZE")
    await connection.execute(_SEARCHED)
    await connection.execute(_PLACES)


async def _what_people_see(connection: Any) -> None:
    now, last = datetime.now(UTC), FIRST_READER + READERS - 1
    await connection.execute(_HOMES, FIRST_READER, last, _HOME)
    await connection.execute(_TOLD, FIRST_READER, last, _NOTIFICATIONS, now)
