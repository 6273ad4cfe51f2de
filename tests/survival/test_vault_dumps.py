"""Another PostgreSQL, whose log is not ours, is dumped; and comes back into our own."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fedserver.app import open_context
from fedserver.config import Config, DatabaseConfig, DataConfig, VaultConfig
from fedserver.errors import StartError
from fedserver.survival.vault import command
from fedserver.survival.vault.media import media_key
from fedserver.survival.vault.reading import Opener
from fedserver.survival.vault.runner import Vault
from fedserver.survival.vault.targets import Target, check_targets
from storage.conditions import RESTORE_INCOMPLETE
from storage.query import Value
from storage.vault import CURRENT_RETURN
from storage.vault_places import FolderPlace
from tests.instances import start_instance
from tests.survival.partners import with_recovery_key
from tests.waiting import until

NAMES = Value("SELECT username FROM accounts WHERE domain IS NULL ORDER BY id", str)
TOKENS = Value("SELECT encode(token_hash, 'hex') FROM oauth_tokens ORDER BY id", str)


async def test_a_dump_comes_back_into_our_own_postgresql(
    database_dsn: str, tmp_path: Path, free_port: int
) -> None:
    place = tmp_path / "vault"
    place.mkdir()
    async with start_instance(database_dsn, tmp_path / "here", free_port) as instance:
        await instance.person("ada")
        key = await with_recovery_key(instance)
        vault = VaultConfig(targets=(f"folder:{place}",))
        config = replace(instance.ctx.config, vault=vault)
        running = asyncio.create_task(Vault(replace(instance.ctx, config=config)).run())

        async def dumped() -> bool:
            return bool(list(place.rglob("*.dump-end")) and list(place.rglob("*.minimum-end")))

        await until(dumped, within_s=60)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        names = await instance.ctx.db.values(NAMES)
        tokens = await instance.ctx.db.values(TOKENS)
    again = replace(config, database=DatabaseConfig(), data=DataConfig(folder=tmp_path / "there"))
    said: list[str] = []
    chest = await command.look(
        again, [Target("vault", FolderPlace(place))], Opener.of(key), said.append
    )
    newest = await command.find_newest(chest, said.append)
    command.check_domain(again, newest.instance)
    await command.restore_here(again, newest, said.append)
    assert command.waiting_media(again) is None
    await command.restore_here(again, newest, said.append)  # interrupted, and typed again
    async with open_context(again, beside=False) as ctx:
        await command.mark_restored(ctx, newest.until)
        assert command.waiting_media(again) == command.MediaList([], media_key(ctx))
        assert await ctx.db.values(NAMES) == names
        assert await ctx.db.values(TOKENS) == tokens
        assert await ctx.db.value(RESTORE_INCOMPLETE)
        row = await ctx.db.one(CURRENT_RETURN)
        assert row is not None
        assert (row.stage, row.known_until < datetime.now(UTC)) == ("identities", True)
    assert any("dumped at" in line for line in said)


def test_synchronous_is_refused_where_the_log_is_not_ours(tmp_path: Path) -> None:
    config = Config(
        database=DatabaseConfig(url="postgresql://db.example/x"),
        vault=VaultConfig(targets=(f"folder:{tmp_path}",), synchronous=True),
    )
    with pytest.raises(StartError, match="own PostgreSQL"):
        check_targets(config)
