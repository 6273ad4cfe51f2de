"""A host is lost, and comes back from its vault as it was."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pyrage
import pytest

from fedserver.recovery.keys import RecoveryKey
from storage.server import connect_existing
from tests.conftest import unused_port
from tests.resilience.server_process import ROOT
from tests.resilience.test_kill import sign_in
from tests.resilience.vault_scene import VaultedServer, vaulted_server

ACTIVITY = "application/activity+json"
PNG = (
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\6\0\0\0\x1f\x15\xc4\x89\0\0\0\rIDATx\x9c"
    b"c\xf8\xcf\xc0\xf0\x1f\0\5\0\1\xff\x89\x99=\x1d\0\0\0\0IEND\xaeB`\x82"
)


class Bob:
    """Somebody with a token, who writes and reads."""

    def __init__(self, server: VaultedServer, client: aiohttp.ClientSession, token: str) -> None:
        self.server = server
        self.client = client
        self.token = token
        self.posted: list[str] = []

    async def ask(self, method: str, path: str, **sent: Any) -> Any:
        """Ask as Bob, and again as a client does where the server says that it is coming back."""
        headers = {"Authorization": f"Bearer {self.token}"}
        url = self.server.base_url + path
        async with asyncio.timeout(60):
            while True:
                async with self.client.request(method, url, headers=headers, **sent) as response:
                    if response.status == 200:
                        return await response.json()
                    assert response.headers.get("Retry-After"), await response.text()
                await asyncio.sleep(0.1)

    async def post(self, text: str, **more: Any) -> str:
        """Post, and remember that it was confirmed."""
        status = await self.ask("POST", "/api/v1/statuses", json={"status": text, **more})
        self.posted.append(status["uri"])
        return str(status["uri"])

    async def post_picture(self) -> str:
        """Post a picture, and give its address."""
        form = aiohttp.FormData({"description": "A dot"})
        form.add_field("file", PNG, filename="dot.png", content_type="image/png")
        media = await self.ask("POST", "/api/v2/media", data=form)
        await self.post("With a picture", media_ids=[media["id"]])
        return str(media["url"])

    async def keep_posting(self) -> None:
        """Post until the server is gone."""
        try:
            while True:
                await self.post(f"Post {len(self.posted)}")
        except aiohttp.ClientError:
            return

    async def home(self) -> list[str]:
        """Give all of the home timeline."""
        found: list[str] = []
        page = await self.ask("GET", "/api/v1/timelines/home?limit=40")
        while page:
            found += [one["uri"] for one in page]
            page = await self.ask("GET", f"/api/v1/timelines/home?limit=40&max_id={page[-1]['id']}")
        return found


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    made = [tmp_path / "one", tmp_path / "two"]
    for folder in made:
        folder.mkdir()
    return made


async def signed_in(server: VaultedServer, client: aiohttp.ClientSession) -> Bob:
    await server.make_user("bob")
    database = await asyncpg.connect(await connect_existing(server.data))
    try:
        return Bob(server, client, await sign_in(database))
    finally:
        await database.close()


@pytest.mark.drill
async def test_a_lost_host_comes_back_as_it_was(
    tmp_path: Path, client: aiohttp.ClientSession, folders: list[Path]
) -> None:
    targets = [f"folder:{one}" for one in folders]
    async with vaulted_server(tmp_path / "here", unused_port(), targets=targets) as server:
        bob = await signed_in(server, client)
        await server.has_base()
        url = await bob.post_picture()
        await server.stop()
        await server.start()
        for number in range(5):
            await bob.post(f"Post {number}")
        await bob.post("A secret word", visibility="direct")
        said = await server.command("vault", "now")
        assert "has everything" in said
        assert "FAILS" not in await server.command("vault", "status")
        picture = await fetched(client, url)
        key = (server.data / "instance.key").read_bytes()
        proven = await server.command("vault", "drill")
        assert "proven: " in proven
        assert "2 accounts could be evacuated" in proven  # bob and the instance itself
        await server.command("vault", "verify")
        assert len(list((folders[0] / "log").iterdir())) == 1  # a restart goes on with the chain
        canaries = [
            b"Post 0",
            b"A secret word",
            b"bob@mail.example",
            bob.token.encode(),
            key,
            b"PRIVATE KEY",
            PNG,
        ]
        assert found_by_a_thief(folders, canaries) == []
        await server.lose_everything()
        await restored_without_a_configuration(tmp_path / "elsewhere", server, key)
        said = await server.restore()
        assert "0 are missing" in said, said
        await server.start()
        assert sorted(await bob.home()) == sorted(bob.posted)
        assert (server.data / "instance.key").read_bytes() == key
        assert await fetched(client, url) == picture
        assert "not empty" in await server.restore(code=1)


def found_by_a_thief(folders: list[Path], secrets: list[bytes]) -> list[bytes]:
    """Look for secrets in everything that all targets have, also in each place's names."""
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 20
    contents = [path.read_bytes() + str(path).encode() for path in files]
    return [one for one in secrets if any(one in content for content in contents)]


async def restored_without_a_configuration(folder: Path, server: VaultedServer, key: bytes) -> None:
    """On a machine that has nothing, the settings come out of the vault, too."""
    folder.mkdir(mode=0o711)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "fedserver", "vault", "restore", *server.targets),
        *("--words-file", "-"),
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate(server.words.encode())
    assert process.returncode == 0, said.decode()
    assert (folder / "data" / "instance.key").read_bytes() == key
    assert f'domain = "localhost:{server.port}"' in (folder / "config.toml").read_text()
    assert (folder / "config.toml").stat().st_mode & 0o077 == 0
    assert not (folder / "data" / "restoring").exists()


async def fetched(client: aiohttp.ClientSession, url: str, accept: str = "*/*") -> bytes:
    async with client.get(url, headers={"Accept": accept}) as response:
        assert response.status == 200
        return await response.read()


async def test_synchronous_nothing_that_was_confirmed_is_lost(
    tmp_path: Path, client: aiohttp.ClientSession, folders: list[Path]
) -> None:
    targets = [f"folder:{folders[0]}"]
    async with vaulted_server(
        tmp_path / "here", unused_port(), targets=targets, settings="synchronous = true"
    ) as server:
        bob = await signed_in(server, client)
        picture = await bob.post_picture()
        await server.command("vault", "now")  # files are not waited for
        writing = [asyncio.create_task(bob.keep_posting()) for _ in range(4)]
        while len(bob.posted) < 40:
            await asyncio.sleep(0.01)
        key = (server.data / "instance.key").read_bytes()
        await server.lose_everything()
        await asyncio.gather(*writing)
        canaries = [b"Post 1", b"bob@mail.example", bob.token.encode(), key, b"PRIVATE KEY", PNG]
        assert found_by_a_thief(folders, canaries) == []
        await server.restore()
        await server.start()
        assert set(bob.posted) <= set(await bob.home())
        assert (server.data / "instance.key").read_bytes() == key
        assert (await fetched(client, picture)).startswith(b"\x89PNG")


@pytest.mark.drill
async def test_the_minimum_alone_brings_people_and_sessions_back(
    tmp_path: Path, client: aiohttp.ClientSession, folders: list[Path]
) -> None:
    targets = [f"folder:{folders[0]}"]
    async with vaulted_server(tmp_path / "here", unused_port(), targets=targets) as server:
        bob = await signed_in(server, client)
        actor = await fetched(client, f"{server.base_url}/users/bob", accept=ACTIVITY)
        await server.command("vault", "now", "--base")
        await server.lose_everything()
        for base in folders[0].rglob("*.base-end"):
            base.unlink()
        assert "no complete base" in await server.restore(code=1)
        said = await server.restore(*targets, "--minimum")
        assert "users: 1" in said
        await server.start()
        me = await bob.ask("GET", "/api/v1/accounts/verify_credentials")
        assert me["username"] == "bob"
        assert await fetched(client, f"{server.base_url}/users/bob", accept=ACTIVITY) == actor
        await bob.post("Here again, and the key still signs")


@pytest.mark.drill
async def test_what_was_restored_can_be_lost_again(
    tmp_path: Path, client: aiohttp.ClientSession, folders: list[Path]
) -> None:
    targets = [f"folder:{one}" for one in folders]
    async with vaulted_server(tmp_path / "here", unused_port(), targets=targets) as server:
        bob = await signed_in(server, client)
        for times in range(3):
            await bob.post(f"Life {times}")
            await server.command("vault", "now", "--base")
            await bob.post(f"Life {times}, and later")
            await server.command("vault", "now")
            await server.lose_everything()
            await server.restore()
            await server.start()
            assert sorted(await bob.home()) == sorted(bob.posted)
    chains = sorted(one.name.partition("-")[0] for one in (folders[0] / "log").iterdir())
    assert chains == [f"{number:010d}" for number in range(1, len(chains) + 1)]


@pytest.mark.drill
async def test_an_admin_with_an_age_key_needs_no_words(
    tmp_path: Path, client: aiohttp.ClientSession, folders: list[Path]
) -> None:
    admin, stranger = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
    settings = f'recipients = ["{admin.to_public()}"]'
    targets = [f"folder:{folders[0]}"]
    async with vaulted_server(
        tmp_path / "here", unused_port(), targets=targets, settings=settings
    ) as server:
        bob = await signed_in(server, client)
        await bob.post("Sealed to the admin, too")
        await server.command("vault", "now", "--base")
        shown = await server.command("recovery-key", "show")
        did = shown.partition("key:")[2].split()[0]
        await server.lose_everything()
        file = tmp_path / "identity.txt"
        file.write_text(f"# created by age-keygen\n{stranger}\n")
        assert "cannot be opened" in await server.restore_with_identity(file, did, code=1)
        file.write_text(f"# created by age-keygen\n{admin}\n")
        other = RecoveryKey.new().public.did
        assert "did not make that vault" in await server.restore_with_identity(file, other, code=1)
        await server.restore_with_identity(file, did)
        await server.start()
        assert sorted(await bob.home()) == sorted(bob.posted)
