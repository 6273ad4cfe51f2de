"""Comparing a restored database with the living one: how many rows, and are some the same?"""

from typing import Final

from storage.database import Database
from storage.query import Value

TABLES_OF_ALL: Final = Value(
    """
    SELECT relname::text FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname
    """,
    str,
)
# What the running server notes of itself all the time tells nothing.
_RESTLESS: Final = frozenset({"conditions", "returns", "vault_drills", "vault_media"})


async def tables(db: Database) -> list[str]:
    """Give the tables that are compared."""
    return [one for one in await db.values(TABLES_OF_ALL) if one not in _RESTLESS]


async def count(db: Database, table: str) -> int:
    """Give how many rows a table has; its name is one of `tables`."""
    return await db.value(Value(f"SELECT count(*) FROM {table}", int)) or 0


async def sample(db: Database, table: str, most: int) -> list[str]:
    """Give the hashes of some rows at random."""
    query = Value(
        f"SELECT md5(t::text) FROM (SELECT * FROM {table} ORDER BY random() LIMIT $1) t", str
    )
    return await db.values(query, most)


async def missing(db: Database, table: str, hashes: list[str]) -> list[str]:
    """Give those of the hashes that no row has."""
    query = Value(
        f"""
        SELECT x.hash FROM unnest($1::text[]) AS x (hash)
        WHERE NOT EXISTS (
            SELECT 1 FROM (SELECT md5(t::text) AS hash FROM {table} t) s WHERE s.hash = x.hash)
        """,
        str,
    )
    return await db.values(query, hashes)
