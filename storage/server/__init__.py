"""The embedded PostgreSQL: brought by a package, kept in the data folder, run by us."""

from storage.server.embedded import EmbeddedPostgres, check_free, connect_existing
from storage.server.errors import (
    DataFolderInUse,
    DataFolderUnusable,
    PostgresFailed,
    PostgresUnreachable,
)
from storage.server.folders import has_database, make_data_folder

__all__ = [
    "DataFolderInUse",
    "DataFolderUnusable",
    "EmbeddedPostgres",
    "PostgresFailed",
    "PostgresUnreachable",
    "check_free",
    "connect_existing",
    "has_database",
    "make_data_folder",
]
