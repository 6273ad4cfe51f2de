"""A post whose time came while the server was down is posted when it is up again, by its worker."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from storage.query import Command
from tests.instances import start_instance
from tests.waiting import until

_NOW_DUE = Command("UPDATE scheduled_statuses SET due_at = now() - interval '1 second'")


async def test_a_restart_posts_what_became_due(
    database_dsn: str, tmp_path: Path, free_port: int
) -> None:
    moment = (datetime.now(UTC) + timedelta(minutes=6)).isoformat()
    async with start_instance(database_dsn, tmp_path, free_port) as instance:
        ada = await instance.person("ada")
        kept = await ada.post("/api/v1/statuses", status="Later", scheduled_at=moment)
        assert await ada.get("/api/v1/scheduled_statuses") == [kept]
        await instance.ctx.db.execute(_NOW_DUE)
    async with start_instance(database_dsn, tmp_path, free_port) as again:

        async def posted() -> Any:
            path = f"{again.base_url}/api/v1/timelines/public"
            async with again.session.get(path) as response:
                return await response.json()

        [status] = await until(posted)
        assert status["content"] == "<p>Later</p>"
