"""`fedserver evacuate` as an admin types it, killed in the middle and typed again."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from fedserver.config.rewriting import with_domain
from storage.evacuations import FREE_PEERS
from storage.recovery import FREE_CLAIMS, FREE_LEASES
from tests.conftest import unused_port
from tests.resilience.evacuees import Site, came, let_follow, people
from tests.resilience.model_peer import Names
from tests.resilience.model_peers import GoToSocial, Mastodon, model_peers
from tests.resilience.server_process import ROOT
from tests.waiting import until

OLD, NEW = "old.test", "new.test"
NAMES = [f"person{number}" for number in range(8)]


def test_only_the_domain_changes_in_the_configuration() -> None:
    text = '# mine\n[instance]\ntitle = "T"\ndomain = "old.test"  # ours\n[server]\nport = 1\n'
    assert with_domain(text, "new.test") == text.replace("old.test", "new.test").replace(
        '"  # ours', '"  # ours'
    )
    assert with_domain("[instance]\n[server]\n", "n.test") == (
        '[instance]\ndomain = "n.test"\n[server]\n'
    )
    assert with_domain("[server]\n", "n.test").startswith('[instance]\ndomain = "n.test"\n')


@pytest.mark.slow
async def test_killed_anywhere_the_same_command_goes_on(database_dsn: str, tmp_path: Path) -> None:
    site = Site(database_dsn, tmp_path / "data", unused_port(), Names())
    ports = {Mastodon: unused_port(), GoToSocial: unused_port()}
    async with AsyncExitStack() as stack:
        peers = await stack.enter_async_context(model_peers(site.names, ports, people=2))
        async with site.running_at(OLD) as old:
            await let_follow(old, peers, await people(old, NAMES))
        site.names.ports |= {OLD: None, NEW: site.port}
        config = _write_config(site, tmp_path)
        database = await asyncpg.connect(database_dsn)
        stack.push_async_callback(database.close)

        plan = await _type(config, "evacuate", "--to", NEW, "--dry-run")
        assert f"mastodon.test (mastodon, as mastodon): {2 * len(NAMES)} followers" in plan
        assert "move 16" in plan  # at GoToSocial, one for each inbox

        command = ("evacuate", "--to", NEW, "--without-certificate", "--yes", "--rate", "50")
        begun = await _begin(config, *command)
        keys = "SELECT count(*) FROM evacuation_keys"
        await until(lambda: database.fetchval(keys), within_s=40)
        begun.send_signal(signal.SIGKILL)
        await begun.wait()
        assert OLD in config.read_text()
        assert f'domain = "{NEW}" is set' in await _type(config, *command)
        assert NEW in config.read_text()
        assert f'domain = "{NEW}" is set' in await _type(config, *command)  # it does no harm

        targets = [f"http://{NEW}/users/{name}" for name in NAMES]

        async def some_came() -> bool:
            return sum(came(peers, targets).values()) > 0

        async with _server(config) as server:
            await until(some_came, within_s=40)
            server.send_signal(signal.SIGKILL)
            await server.wait()
        # As a server does that has its database for itself: whoever took something is gone.
        await database.execute(FREE_CLAIMS.sql, datetime.now(UTC))
        for freed in (FREE_LEASES, FREE_PEERS):
            await database.execute(freed.sql)
        # A Move that came while the new host was down is said again after six minutes.
        await database.execute(
            "UPDATE evacuation_messages SET due_at = due_at - interval '6 minutes'"
        )
        for peer in peers:
            peer.clock[0] += timedelta(minutes=6)

        async def all_came() -> bool:
            return sum(came(peers, targets).values()) == 2 * 2 * len(NAMES)

        async with _server(config):
            try:
                await until(all_came, within_s=40)
            except TimeoutError:
                pytest.fail(f"{came(peers, targets)}, {[peer.dropped for peer in peers]}")
            status = await _type(config, "evacuate", "--status")
        assert f"http://{OLD} → http://{NEW}: sending; 32 of 32 came: 100.0 %" in status
        for peer in peers:
            said = {(one.inbox, one.document["id"]): one.document for one in peer.received}
            again = [
                one for one in peer.received if said[one.inbox, one.document["id"]] != one.document
            ]
            assert again == []  # what was sent twice was the same activity


def _write_config(site: Site, folder: Path) -> Path:
    hosts = {**site.names.for_instance(), NEW: f"127.0.0.1:{site.port}"}
    mapped = ", ".join(f'"{name}" = "{address}"' for name, address in hosts.items())
    reachable = ", ".join(f'"{address}"' for address in hosts.values())
    config = folder / "config.toml"
    config.write_text(
        f"""
        [instance]
        domain = "{OLD}"
        [server]
        port = {site.port}
        [database]
        url = "{site.dsn}"
        [data]
        folder = "{site.folder}"
        [development]
        rate_limits = false
        reachable_addresses = [{reachable}]
        host_map = {{ {mapped} }}
        """
    )
    return config


async def _begin(config: Path, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "fedserver", "--config", str(config), *arguments),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def _type(config: Path, *arguments: str) -> str:
    process = await _begin(config, *arguments)
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return output.decode()


@asynccontextmanager
async def _server(config: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    log = config.with_name("log")
    with log.open("ab") as out:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "fedserver", "--config", str(config), "run"),
            cwd=ROOT,
            stdout=out,
            stderr=out,
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
            await process.wait()
