"""`fedserver mirror …` and `export-static`, as two admins type them beside running servers."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fedserver.survival.mirrors import negotiating
from tests.cli.commands import Result, run_program
from tests.instances import Instance
from tests.survival.partners import Fleet, fleet, target, with_recovery_key


@pytest.fixture
async def ships(postgres: str, tmp_path: Path) -> AsyncIterator[Fleet]:
    async with fleet(postgres, tmp_path, 2) as found:
        yield found


async def type_at(instance: Instance, *arguments: str) -> Result:
    """Type a command at the machine of an instance."""
    config = instance.ctx.config
    development = config.development
    (config.data.folder / "config.toml").write_text(
        f"""
        [instance]
        domain = "{config.instance.domain}"
        [server]
        port = {config.server.port}
        [database]
        url = "{config.database.url}"
        [data]
        folder = "{config.data.folder}"
        [development]
        reachable_addresses = {list(development.reachable_addresses)}
        host_map = {{ {", ".join(f'"{a}" = "{b}"' for a, b in development.host_map.items())} }}
        """
    )
    return await run_program(*arguments, cwd=config.data.folder)


async def test_two_admins_agree_and_part(ships: Fleet) -> None:
    one, other = ships.running
    await with_recovery_key(other)
    offered = await type_at(one, "mirror", "offer", other.domain, "--quota", "2GB")
    assert offered.code == 0, offered
    assert "recovery-key new" in offered.err
    asked = await type_at(other, "mirror", "list")
    assert "asked" in asked.out
    assert "2 GB" in asked.out
    accepted = await type_at(other, "mirror", "accept", one.domain)
    assert f"agreed with {one.domain}: we keep 2 GB for it" in accepted.out
    await target(one, other).put("a", b"x" * 1_500)
    assert "1.5 KB of 2 GB" in (await type_at(other, "mirror", "list")).out
    ended = await type_at(one, "mirror", "end", other.domain)
    assert "14 days more" in ended.out
    assert [row.state for row in await negotiating.contracts(other.ctx)] == ["ended"]


async def test_what_makes_no_sense_is_said(ships: Fleet) -> None:
    one, _ = ships.running
    result = await type_at(one, "mirror", "offer", one.domain, "--quota", "1GB")
    assert (result.code, result.err) == (
        1,
        "fedserver: An instance cannot be its own mirror: name another one\n",
    )


async def test_copy_is_written_by_the_command(ships: Fleet, tmp_path: Path) -> None:
    one, _ = ships.running
    ada = await one.person("ada")
    await ada.post("/api/v1/statuses", status="hello")
    done = await type_at(one, "export-static", str(tmp_path / "copy"))
    assert "1 people, 1 posts" in done.out, done
    assert (tmp_path / "copy" / "@ada" / "index.html").is_file()
