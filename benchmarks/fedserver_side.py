"""Starts and fills fedserver: users by its command line, the rest by SQL."""

import asyncio
import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import seeding
from benchmarks.scene import LOCAL_NAMES, Scene
from benchmarks.sides import (
    REPOSITORY,
    Outside,
    Server,
    ServerFailed,
    environment,
    free_port,
    python,
)

_LOCAL_IDS = "SELECT username, id FROM accounts WHERE domain IS NULL"
_INSERT_IDENTITIES = """
    INSERT INTO identities
        (uri, account_id, username, domain, inbox_url, shared_inbox_url, created_at)
    SELECT uri, id, username, domain, inbox_url, shared_inbox_url, created_at
    FROM accounts WHERE domain IS NOT NULL
    ON CONFLICT DO NOTHING
"""
_INSERT_APPLICATION = """
    INSERT INTO oauth_applications
        (id, client_id, secret_hash, name, redirect_uris, scopes, created_at)
    VALUES (1, 'benchmark', '', 'benchmark', '{}', 'read write', $1)
"""
_INSERT_TOKENS = """
    INSERT INTO oauth_tokens
        (id, token_hash, application_id, account_id, scopes, created_at, last_used_at)
    SELECT account_id, token_hash, 1, account_id, 'read write', $3, $3
    FROM unnest($1::bytea[], $2::bigint[]) AS t (token_hash, account_id)
"""
_MARK_HOMES_BUILT = "UPDATE users SET home_built_at = $1, last_active_at = $1"


class FedserverSide:
    """fedserver in `folder`, with a profiler around it where `profile` names a file."""

    name = "fedserver"

    def __init__(self, folder: Path, outside: Outside, profile: Path | None = None) -> None:
        port = free_port()
        self._config = folder / "config.toml"
        self._config.write_text(_config_text(port, folder / "data", outside))
        profiler = [] if profile is None else ["-m", "cProfile", "-o", str(profile)]
        command = python(*profiler, "-m", "fedserver", "--config", str(self._config), "run")
        self.server = Server(command, port, folder, folder / "data")

    async def seed(self, scene: Scene) -> None:
        await asyncio.gather(*(self._create_user(name) for name in LOCAL_NAMES))
        async with self.server.database() as connection:
            local_ids = {row["username"]: row["id"] for row in await connection.fetch(_LOCAL_IDS)}
            await seeding.seed_peers(connection, scene, local_ids)
            await connection.execute(_INSERT_IDENTITIES)
            await _insert_tokens(connection, scene, local_ids)
            await connection.execute("ANALYZE")

    async def _create_user(self, name: str) -> None:
        arguments = ("user", "create", name, "--email", f"{name}@example.test", "--password-stdin")
        process = await asyncio.create_subprocess_exec(
            *python("-m", "fedserver", "--config", str(self._config), *arguments),
            cwd=REPOSITORY,
            env=environment(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate(b"a long password of the benchmark\n")
        if process.returncode != 0:
            raise ServerFailed(f"no user {name}: {said.decode(errors='replace')[-2_000:]}")


async def _insert_tokens(connection: Any, scene: Scene, local_ids: dict[str, int]) -> None:
    now = datetime.now(UTC)
    await connection.execute(_INSERT_APPLICATION, now)
    hashes = [hashlib.sha256(scene.tokens[name].encode()).digest() for name in LOCAL_NAMES]
    ids = [local_ids[name] for name in LOCAL_NAMES]
    await connection.execute(_INSERT_TOKENS, hashes, ids, now)
    await connection.execute(_MARK_HOMES_BUILT, now)


def _config_text(port: int, data_folder: Path, outside: Outside) -> str:
    hosts = {
        **dict.fromkeys(outside.plain_hosts, f"127.0.0.1:{outside.plain_port}"),
        **dict.fromkeys(outside.tls_hosts, f"127.0.0.1:{outside.tls_port}"),
    }
    reachable = [f"127.0.0.1:{outside.plain_port}", f"127.0.0.1:{outside.tls_port}"]
    # What json.dumps writes for texts and lists of texts is TOML, too.
    lines = [
        "[instance]",
        f"domain = {json.dumps(f'localhost:{port}')}",
        "[server]",
        f"port = {port}",
        "[data]",
        f"folder = {json.dumps(str(data_folder))}",
        "[development]",
        f"reachable_addresses = {json.dumps(reachable)}",
        *([f"ca_file = {json.dumps(str(outside.ca_file))}"] if outside.ca_file else []),
        "rate_limits = false",
        "[development.host_map]",
        *(f"{json.dumps(host)} = {json.dumps(address)}" for host, address in hosts.items()),
    ]
    return "\n".join(lines) + "\n"
