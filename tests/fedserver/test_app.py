"""Starting and stopping a whole instance."""

from pathlib import Path

import aiohttp
import pytest

from fedserver.app import open_context, running
from fedserver.config import Config, DatabaseConfig, DataConfig, InstanceConfig, ServerConfig
from fedserver.errors import StartError
from tests.conftest import unused_port


def config(dsn: str, folder: Path) -> Config:
    port = unused_port()
    return Config(
        instance=InstanceConfig(domain=f"localhost:{port}"),
        server=ServerConfig(port=port),
        database=DatabaseConfig(url=dsn),
        data=DataConfig(folder=folder),
    )


async def test_it_answers_while_it_runs_and_keeps_its_identity(
    database_dsn: str, tmp_path: Path
) -> None:
    settings = config(database_dsn, tmp_path)
    keys = []
    for _ in range(2):
        async with (
            open_context(settings) as ctx,
            running(ctx) as address,
            aiohttp.ClientSession() as client,
            client.get(
                f"{address}/actor", headers={"Accept": "application/activity+json"}
            ) as answer,
        ):
            keys.append((await answer.json(content_type=None))["publicKey"]["publicKeyPem"])
    assert keys[0] == keys[1]


async def test_a_foreign_instance_key_is_told(database_dsn: str, tmp_path: Path) -> None:
    settings = config(database_dsn, tmp_path)
    async with open_context(settings) as ctx, running(ctx):
        pass
    (tmp_path / "instance.key").unlink()
    async with open_context(settings) as ctx:
        with pytest.raises(StartError, match=r"instance\.key is not the key"):
            async with running(ctx):
                pass


async def test_a_taken_port_is_told(database_dsn: str, tmp_path: Path) -> None:
    settings = config(database_dsn, tmp_path)
    async with open_context(settings) as ctx, running(ctx):
        with pytest.raises(StartError, match="FEDSERVER_SERVER__PORT"):
            async with running(ctx):
                pass


async def test_an_unreachable_database_is_told(tmp_path: Path) -> None:
    settings = config(f"postgresql://nobody@127.0.0.1:{unused_port()}/none", tmp_path)
    with pytest.raises(StartError, match=r"\[database\] url"):
        async with open_context(settings):
            pass
