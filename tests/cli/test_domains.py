"""`fedserver domain` and `fedserver peers`, beside a running database."""

import json
from pathlib import Path

from storage.server import EmbeddedPostgres
from tests.cli.commands import run_program


async def test_rules_are_set_listed_and_removed(place: Path) -> None:
    # One long test: each start of the database takes a second.
    async with EmbeddedPostgres(place / "data"):
        told = await run_program(
            *("domain", "block", "*.Evil.Example", "--reason", "spam"),
            *("--private-comment", "see ticket 7"),
            cwd=place,
        )
        assert told.code == 0, told.err
        assert told.out.startswith("evil.example is blocked")
        assert (await run_program("domain", "limit", "noisy.example", cwd=place)).code == 0
        listed = (await run_program("domain", "list", cwd=place)).out.splitlines()
        assert listed[1].split()[:2] == ["evil.example", "block"]
        assert listed[1].endswith("spam (private: see ticket 7)")
        assert listed[2].split()[:2] == ["noisy.example", "limit"]
        await refusals(place)
        removed = await run_program("domain", "remove", "evil.example", cwd=place)
        assert removed.out == "There is no rule for evil.example any more\n"
        allowed = await run_program("domain", "allow", "noisy.example", cwd=place)
        assert allowed.out == "noisy.example is allowed\n"
        await no_peers_yet(place)


async def refusals(place: Path) -> None:
    for arguments in (("block", "localhost:8080"), ("block", "no domain"), ("remove", "x.example")):
        told = await run_program("domain", *arguments, cwd=place)
        assert told.code == 1, arguments
        assert "Traceback" not in told.err


async def no_peers_yet(place: Path) -> None:
    table = await run_program("peers", "--failing", cwd=place)
    assert table.out.split()[:2] == ["host", "software"]
    assert json.loads((await run_program("peers", "--json", cwd=place)).out) == []
