"""The worst day with 24 words and the name of a partner: the vault is at another instance."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest

from tests.conftest import unused_port
from tests.resilience.server_process import server_process
from tests.resilience.test_vault import signed_in
from tests.resilience.vault_scene import VaultedServer, vaulted_server

pytestmark = pytest.mark.soak


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[tuple[VaultedServer, VaultedServer]]:
    ports = unused_port(), unused_port()
    keeper_folder = tmp_path / "keeper"
    keeper_folder.mkdir()
    async with AsyncExitStack() as stack:
        keeper = await stack.enter_async_context(
            server_process(keeper_folder, ports[1], peer_port=ports[0])
        )
        owner = await stack.enter_async_context(
            vaulted_server(
                tmp_path / "owner",
                ports[0],
                targets=[f"mirror:{keeper.base_url}"],
                peer_port=ports[1],
            )
        )
        beside = VaultedServer(keeper_folder, ports[1], ports[0])  # to type commands there
        yield owner, beside


async def test_host_is_restored_from_a_mirror_with_the_words(
    pair: tuple[VaultedServer, VaultedServer],
) -> None:
    owner, keeper = pair
    async with aiohttp.ClientSession() as client:
        bob = await signed_in(owner, client)
        await owner.command("mirror", "offer", f"localhost:{keeper.port}", "--quota", "1GB")
        await keeper.command("mirror", "accept", f"localhost:{owner.port}")
        await owner.stop()  # which had been refused until now, and would wait before it tries again
        await owner.start()
        for number in range(3):
            await bob.post(f"Post {number}")
        said = await owner.command("vault", "now")
        assert "has everything" in said, said
        kept = keeper.data / "kept"
        assert not [
            one for one in kept.rglob("*") if one.is_file() and b"Post 1" in one.read_bytes()
        ]
        await owner.lose_everything()
        said = await owner.restore()
        assert "restored" in said, said
        await owner.start()
        assert sorted(await bob.home()) == sorted(bob.posted)
