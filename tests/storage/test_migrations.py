"""Migrations: from nothing, from the data of the first schema, and never backwards."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from storage.database import StorageError
from storage.migrate import Migration, migrate, migrations
from tests.conftest import database_url

_EARLIER = """
INSERT INTO accounts (id, uri, username, domain, url, inbox_url, created_at) VALUES
    (1, 'https://here.test/users/alice', 'alice', NULL, 'https://here.test/@alice',
        'https://here.test/users/alice/inbox', now()),
    (2, 'https://far.test/users/bob', 'bob', 'far.test', 'https://far.test/@bob',
        'https://far.test/users/bob/inbox', now());
INSERT INTO users (account_id, email, password_hash, created_at, last_active_at)
    VALUES (1, 'alice@here.test', 'x', now(), now());
INSERT INTO actor_keys (uri, account_id, identity_uri, kind, public_key, created_at)
    VALUES ('https://here.test/users/alice#main-key', 1, 'https://here.test/users/alice', 'rsa',
        'PEM', now());
INSERT INTO follows (id, account_id, target_id, uri, accepted_at, created_at)
    VALUES (20, 2, 1, 'https://far.test/follows/1', now(), now());
INSERT INTO statuses (id, uri, url, account_id, local, visibility, thread_id, content, created_at)
    VALUES (10, 'https://here.test/users/alice/statuses/10', 'https://here.test/@alice/10', 1, true,
        'public', 10, '<p>Hello</p>', now());
INSERT INTO polls (id, status_id, account_id, options, votes, expires_at)
    VALUES (30, 10, 1, '{yes,no}', '{1,0}', now() - interval '1 day');
INSERT INTO favourites (id, account_id, status_id, uri, created_at)
    VALUES (40, 2, 10, 'https://far.test/likes/1', now());
INSERT INTO hosts (host, first_seen_at, failures) VALUES ('far.test', '2026-01-01Z', 3);
INSERT INTO outbox_activities (id, uri, account_id, type, document, listed, status_id, created_at)
    VALUES (11, 'https://here.test/activities/11', 1, 'Create', '{}', true, 10, now());
INSERT INTO deliveries (activity_id, inbox_url, host, created_at)
    VALUES (11, 'https://far.test/inbox', 'far.test', now());
"""

# Alice answers and boosts a post of Bob's, who has to be asked; one answer is allowed already.
_WAITING = """
INSERT INTO statuses (id, uri, url, account_id, local, visibility, thread_id, content, created_at,
    in_reply_to_id, reblog_of_id, replies_count, reblogs_count) VALUES
    (12, 'https://far.test/12', 'https://far.test/12', 2, false, 'public', 12, '', now(),
        NULL, NULL, 2, 1),
    (13, 'https://here.test/13', '', 1, true, 'public', 12, '', now(), 12, NULL, 0, 0),
    (14, 'https://here.test/14', '', 1, true, 'public', 14, '', now(), NULL, 12, 0, 0),
    (15, 'https://here.test/15', '', 1, true, 'public', 12, '', now(), 12, NULL, 0, 0);
UPDATE accounts SET statuses_count = 4 WHERE id = 1;
INSERT INTO interaction_requests (uri, account_id, status_id, interaction_uri, kind,
    authorization_uri, created_at) VALUES
    ('https://here.test/r/13', 1, 12, 'https://here.test/13', 'reply', NULL, now()),
    ('https://here.test/r/14', 1, 12, 'https://here.test/14', 'announce', NULL, now()),
    ('https://here.test/r/15', 1, 12, 'https://here.test/15', 'reply', 'https://far.test/a', now());
"""

_TABLES = """
    accounts users actor_keys follows statuses polls favourites hosts outbox_activities deliveries
""".split()


@pytest.fixture
async def empty(postgres: str) -> AsyncIterator[str]:
    """Give the DSN of a database without any table."""
    admin = await asyncpg.connect(postgres)
    await admin.execute("CREATE DATABASE migrating")
    try:
        yield database_url(postgres, "migrating")
    finally:
        await admin.execute("DROP DATABASE migrating WITH (FORCE)")
        await admin.close()


async def test_from_nothing_once(empty: str) -> None:
    assert await migrate(empty) == [one.name for one in migrations()]
    assert await migrate(empty) == []


async def test_the_data_of_the_first_schema_stays(empty: str) -> None:
    await migrate(empty, migrations()[:1])
    connection = await asyncpg.connect(empty)
    try:
        await connection.execute(_EARLIER)
        before = {name: await _rows(connection, name) for name in _TABLES}
        assert await migrate(empty) == [one.name for one in migrations()[1:]]
        for name, rows in before.items():
            after = await _rows(connection, name)
            kept = [{key: row[key] for key in old} for row, old in zip(after, rows, strict=True)]
            assert kept == rows, name
        assert await connection.fetchval("SELECT told_at IS NOT NULL FROM polls")
        inboxes = await connection.fetchval("SELECT to_inboxes FROM outbox_activities")
        assert inboxes == ["https://far.test/inbox"]
        since = await connection.fetchval("SELECT failing_since = first_seen_at FROM hosts")
        assert since is True
    finally:
        await connection.close()


async def test_code_older_than_the_database_refuses_to_start(empty: str) -> None:
    await migrate(empty)
    with pytest.raises(StorageError, match="newer"):
        await migrate(empty, migrations()[:1])


async def test_a_migration_that_fails_leaves_nothing(empty: str) -> None:
    broken = Migration(2, "0002_broken.sql", "CREATE TABLE half (id int); SELECT nonsense", 2)
    with pytest.raises(StorageError, match="nonsense"):
        await migrate(empty, [*migrations()[:1], broken])
    connection = await asyncpg.connect(empty)
    try:
        assert await connection.fetchval("SELECT to_regclass('half')") is None
        assert await connection.fetchval("SELECT max(version) FROM schema_migrations") == 1
    finally:
        await connection.close()


async def test_what_waited_for_a_peers_leave_is_withheld(empty: str) -> None:
    until = [one for one in migrations() if one.version < 12]
    await migrate(empty, until)
    connection = await asyncpg.connect(empty)
    try:
        await connection.execute(_EARLIER)
        await connection.execute(_WAITING)
        await migrate(empty)
        withheld = "SELECT array_agg(id ORDER BY id) FROM statuses WHERE withheld"
        assert await connection.fetchval(withheld) == [13, 14]
        counts = "SELECT array[replies_count, reblogs_count] FROM statuses WHERE id = 12"
        assert await connection.fetchval(counts) == [1, 0]
        posts = "SELECT statuses_count FROM accounts WHERE id = 1"
        assert await connection.fetchval(posts) == 2
    finally:
        await connection.close()


async def _rows(connection: asyncpg.Connection, table: str) -> list[dict[str, object]]:
    return [dict(row) for row in await connection.fetch(f"SELECT * FROM {table} ORDER BY 1")]
