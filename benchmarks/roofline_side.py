"""Starts and fills the roofline."""

import hashlib
from pathlib import Path

from benchmarks import seeding, signing
from benchmarks.scene import LOCAL_NAMES, Scene
from benchmarks.sides import Outside, Server, free_port, python

_INSERT_KEYS = """
    INSERT INTO actor_keys (uri, account_id, public_key, private_key)
    SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[])
"""
_INSERT_TOKENS = "INSERT INTO oauth_tokens SELECT * FROM unnest($1::bytea[], $2::bigint[])"


class RooflineSide:
    """The roofline server in `folder`."""

    name = "roofline"

    def __init__(self, folder: Path, outside: Outside) -> None:
        port = free_port()
        self._base_url = f"http://localhost:{port}"
        command = python(
            "-m",
            "benchmarks.roofline",
            f"--port={port}",
            f"--base-url={self._base_url}",
            f"--data={folder / 'data'}",
            f"--plain-port={outside.plain_port}",
            f"--tls-port={outside.tls_port}",
        )
        if outside.ca_file is not None:
            command.append(f"--ca-file={outside.ca_file}")
        self.server = Server(command, port, folder, folder / "data")

    async def seed(self, scene: Scene) -> None:
        async with self.server.database() as connection:
            uris = [f"{self._base_url}/users/{name}" for name in LOCAL_NAMES]
            ids = await seeding.insert_accounts(connection, uris)
            keys = [signing.new_key() for _ in uris]
            await connection.execute(
                _INSERT_KEYS,
                [f"{uri}#main-key" for uri in uris],
                ids,
                [signing.public_pem(key) for key in keys],
                [signing.private_pem(key) for key in keys],
            )
            hashes = [hashlib.sha256(scene.tokens[name].encode()).digest() for name in LOCAL_NAMES]
            await connection.execute(_INSERT_TOKENS, hashes, ids)
            local_ids = dict(zip(LOCAL_NAMES, ids, strict=True))
            await seeding.seed_peers(connection, scene, local_ids)
            senders = await seeding.insert_accounts(connection, [uri for uri, _ in scene.senders])
            await connection.execute(
                _INSERT_KEYS,
                [f"{uri}#main-key" for uri, _ in scene.senders],
                senders,
                [pem for _, pem in scene.senders],
                [None] * len(senders),
            )
            await connection.execute("ANALYZE")
        # It reads the people it serves when it starts.
        await self.server.stop()
        await self.server.start()
