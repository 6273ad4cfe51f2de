"""Reports on the command line of whoever runs the server."""

from pathlib import Path

from storage.database import Database
from storage.query import Command
from tests.cli.commands import run_program

REPORT = Command(
    """
    INSERT INTO reports (id, uri, account_id, target_id, status_ids, comment, category, created_at)
    VALUES (7, 'https://here.test/activities/7', $1, $2, $3, $4, 'spam', '2026-11-20T08:00:00Z')
    """
)


ACCOUNTS = Command(
    """
    INSERT INTO accounts (id, uri, username, domain, url, inbox_url, created_at)
    SELECT id, uri, 'x', domain, uri, uri, now()
    FROM (VALUES (1, 'https://here.test/users/alice', NULL),
                 (2, 'https://far.test/users/bob', 'far.test')) AS a (id, uri, domain)
    """
)
STATUS = Command(
    """
    INSERT INTO statuses (id, uri, url, account_id, local, visibility, thread_id, created_at)
    VALUES (3, 'https://far.test/s/3', '', 2, false, 'public', 3, now())
    """
)


async def test_reports_are_listed_and_closed(place: Path, database_dsn: str, db: Database) -> None:
    (place / "data").mkdir()
    environ = {"FEDSERVER_DATABASE__URL": database_dsn}
    none = await run_program("report", "list", environ=environ, cwd=place)
    assert (none.code, none.out) == (0, "No report is open\n"), none.err
    await db.execute(ACCOUNTS)
    await db.execute(STATUS)
    await db.execute(REPORT, 1, 2, [3, 4], "Buy\x1b[2J\nnow")
    listed = await run_program("report", "list", environ=environ, cwd=place)
    assert listed.out.splitlines() == [
        "7  2026-11-20 08:00  spam",
        "  https://far.test/users/bob, reported by https://here.test/users/alice",
        "  https://far.test/s/3",
        "  Buy [2J now",
    ]
    closed = await run_program("report", "close", "7", environ=environ, cwd=place)
    assert closed.out == "Report 7 is closed\n"
    again = await run_program("report", "close", "7", environ=environ, cwd=place)
    assert again.code == 1
    assert "no open report has the number 7" in again.err
