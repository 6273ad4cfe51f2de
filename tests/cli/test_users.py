"""Users from the command line: on a database that nobody has open, and beside a running server."""

import asyncio
from pathlib import Path

import pytest

from storage.server import EmbeddedPostgres
from tests.cli.commands import run_program

PASSWORD = "correct horse battery staple"


class TestUsers:
    async def test_with_and_without_a_server(self, place: Path) -> None:
        # One long test: the database of each start takes a second to make.
        made = await run_program(
            *("user", "create", "alice", "--email", "alice@example.org"),
            *("--password-stdin", "--role", "owner"),
            stdin=f"{PASSWORD}\n",
            cwd=place,
        )
        assert made.code == 0, made.err
        assert "@alice@localhost:8080 is made, role owner" in made.out
        async with EmbeddedPostgres(place / "data"):
            await self.beside_a_server(place)
        listed = await run_program("user", "list", cwd=place)
        assert "moderator" in listed.out

    async def beside_a_server(self, place: Path) -> None:
        listed = await run_program("user", "list", cwd=place)
        assert listed.out.splitlines()[1].split()[:3] == ["alice", "alice@example.org", "owner"]
        promoted = await run_program("user", "promote", "alice", "--role", "moderator", cwd=place)
        assert promoted.out == "alice is now moderator\n"
        reset = await run_program("user", "reset-password", "alice", cwd=place)
        assert reset.out.startswith("The new password: ")
        await self.aliases(place)
        await self.relays(place)
        await self.refusals(place)

    async def aliases(self, place: Path) -> None:
        nobody = await run_program("user", "alias", "add", "alice", "alice@x.invalid", cwd=place)
        assert nobody.code == 1
        assert "x.invalid" in nobody.err
        assert "Traceback" not in nobody.err
        listed = await run_program("user", "alias", "list", "alice", cwd=place)
        assert (listed.code, listed.out) == (0, "")
        unclear = await run_program("user", "move", "alice", cwd=place)
        assert "--to ACCOUNT or --cancel" in unclear.err
        here = await run_program("user", "move", "alice", "--cancel", cwd=place)
        assert (here.code, here.err) == (1, "fedserver: alice has not moved\n")

    async def relays(self, place: Path) -> None:
        inbox = "https://relay.example.org/inbox"
        added = await run_program("relay", "add", inbox, cwd=place)
        assert (added.code, added.err) == (0, ""), added
        listed = await run_program("relay", "list", cwd=place)
        assert listed.out.splitlines()[1].split() == ["pending", "mastodon", inbox]
        again = await run_program("relay", "add", inbox, cwd=place)
        assert (again.code, "asked before" in again.err) == (1, True)
        left = await run_program("relay", "remove", inbox, cwd=place)
        assert left.out == f"left {inbox}\n"
        nothing = await run_program("relay", "remove", inbox, cwd=place)
        assert nothing.code == 1

    async def refusals(self, place: Path) -> None:
        nobody = await run_program("user", "promote", "bob", "--role", "user", cwd=place)
        assert nobody.code == 1
        assert "bob" in nobody.err
        again = await run_program(
            *("user", "create", "alice", "--email", "b@example.org", "--password-stdin"),
            stdin=f"{PASSWORD}\n",
            cwd=place,
        )
        assert again.code == 1
        assert "Traceback" not in again.err
        short = await run_program(
            *("user", "create", "bob", "--email", "b@example.org", "--password-stdin"),
            stdin="short\n",
            cwd=place,
        )
        assert short.code == 1
        assert "short" in short.err


@pytest.mark.parametrize("count", [2])
async def test_commands_at_the_same_time(place: Path, count: int) -> None:
    """The first starts the database; the others find it or wait."""
    async with EmbeddedPostgres(place / "data"):
        results = await asyncio.gather(
            *(
                run_program(
                    *("user", "create", f"user{n}", "--email", f"u{n}@example.org"),
                    "--password-stdin",
                    stdin=f"{PASSWORD}\n",
                    cwd=place,
                )
                for n in range(count)
            )
        )
    assert [result.code for result in results] == [0] * count, results
