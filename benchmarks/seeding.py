"""Fills a server's database, by the columns that both schemas have."""

import itertools
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from benchmarks import content
from benchmarks.scene import Scene

HOME_ENTRIES = 400

_INSERT_ACCOUNTS = """
    INSERT INTO accounts (id, uri, username, domain, url, inbox_url, shared_inbox_url,
        display_name, note, created_at)
    SELECT id, uri, username, domain, uri, uri || '/inbox', shared_inbox_url, username,
        '<p>Writes for a benchmark.</p>', $6
    FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[])
        AS a (id, uri, username, domain, shared_inbox_url)
"""
_INSERT_FOLLOWS = """
    INSERT INTO follows (id, account_id, target_id, uri, accepted_at, created_at)
    SELECT id, account_id, target_id, 'urn:follow:' || id, $4, $4
    FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS f (id, account_id, target_id)
"""
_INSERT_STATUSES = """
    INSERT INTO statuses
        (id, uri, url, account_id, local, visibility, thread_id, content, created_at)
    SELECT id, uri, uri, account_id, false, 'public', id, content, created_at
    FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::timestamptz[])
        AS s (id, uri, account_id, content, created_at)
"""
_FILL_HOME = """
    INSERT INTO home_entries (account_id, status_id)
    SELECT $1, id FROM statuses ORDER BY id DESC LIMIT $2
"""
_ACCOUNT_IDS = "SELECT id FROM accounts WHERE uri = ANY($1::text[])"
_READER_ID = "SELECT id FROM accounts WHERE username = 'reader' AND domain IS NULL"

_ids = itertools.count(1_000)


async def seed_peers(connection: Any, scene: Scene, local_ids: dict[str, int]) -> None:
    """Write the authors with their posts, the followers elsewhere, and the reader's home."""
    authors = await insert_accounts(connection, scene.authors)
    await insert_follows(connection, [(local_ids["reader"], author) for author in authors])
    for name, uris in scene.followers.items():
        followers = await insert_accounts(connection, uris)
        await insert_follows(connection, [(one, local_ids[name]) for one in followers])
    posts = content.posts(scene.authors, scene.size.posts)
    await connection.execute(
        _INSERT_STATUSES,
        [post.id for post in posts],
        [post.uri for post in posts],
        [authors[post.author] for post in posts],
        [post.content for post in posts],
        [post.created_at for post in posts],
    )
    await connection.execute(_FILL_HOME, local_ids["reader"], HOME_ENTRIES)


async def insert_accounts(connection: Any, uris: Sequence[str]) -> list[int]:
    """Write the actors `uris` and give their ids."""
    parts = [urlsplit(uri) for uri in uris]
    ids = [next(_ids) for _ in uris]
    domains = [part.netloc if part.netloc.endswith(".test") else None for part in parts]
    await connection.execute(
        _INSERT_ACCOUNTS,
        ids,
        list(uris),
        [part.path.rpartition("/")[2] for part in parts],
        domains,
        [f"{part.scheme}://{part.netloc}/inbox" for part in parts],
        datetime.now(UTC),
    )
    return ids


async def insert_follows(connection: Any, pairs: Iterable[tuple[int, int]]) -> None:
    """Write accepted follows: (who, whom)."""
    listed = list(pairs)
    await connection.execute(
        _INSERT_FOLLOWS,
        [next(_ids) for _ in listed],
        [one for one, _ in listed],
        [other for _, other in listed],
        datetime.now(UTC),
    )


async def follow_senders(connection: Any, scene: Scene) -> None:
    """Let the reader follow those who send, once the server knows them.

    Raises LookupError where it does not know them all.
    """
    uris = [uri for uri, _ in scene.senders]
    known = [row["id"] for row in await connection.fetch(_ACCOUNT_IDS, uris)]
    if len(known) < len(uris):
        raise LookupError(f"the server knows {len(known)} of {len(uris)} senders")
    reader = await connection.fetchval(_READER_ID)
    await insert_follows(connection, [(reader, one) for one in known])
