"""Announcements from the command line."""

from pathlib import Path

from tests.cli.commands import run_program


async def test_an_announcement_comes_and_goes(place: Path, database_dsn: str) -> None:
    (place / "data").mkdir()
    environ = {"FEDSERVER_DATABASE__URL": database_dsn}
    add = ("announcement", "add", "-", "--starts-at", "2026-12-24", "--ends-at", "2026-12-26")
    made = await run_program(*add, "--all-day", stdin="We are\noff\x1b", cwd=place, environ=environ)
    assert (made.code, made.err) == (0, ""), made
    number = made.out.split()[1]
    listed = await run_program("announcement", "list", cwd=place, environ=environ)
    assert "2026-12-24 00:00 - 2026-12-26 00:00" in listed.out
    assert "We are off " in listed.out
    gone = await run_program("announcement", "remove", number, cwd=place, environ=environ)
    assert gone.out == f"Announcement {number} is gone\n"
    again = await run_program("announcement", "remove", number, cwd=place, environ=environ)
    assert (again.code, "no announcement" in again.err) == (1, True)
