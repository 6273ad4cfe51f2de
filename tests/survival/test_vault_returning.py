"""A restored instance opens in the order that peers and people need."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp.test_utils import make_mocked_request

from fedserver.survival.vault.returning import FIRST_STAGE, STAGES, needed
from storage.conditions import BEGIN_RESTORE, RESTORE_INCOMPLETE
from storage.vault import BEGIN_RETURN, CURRENT_RETURN, END_RETURNS
from tests.instances import start_instance
from tests.waiting import until

TOKEN = {"Authorization": "Bearer x"}


@pytest.mark.parametrize(
    ("method", "path", "headers", "stage"),
    [
        ("GET", "/users/ada", {}, "identities"),
        ("GET", "/.well-known/webfinger", {}, "identities"),
        ("GET", "/api/v2/instance", {}, "identities"),
        ("HEAD", "/@ada", {}, "identities"),
        ("POST", "/inbox", {"Signature": "x"}, "inbox"),
        ("POST", "/users/ada/inbox", {"Signature": "x"}, "inbox"),
        ("GET", "/api/v1/timelines/home", TOKEN, "reads"),
        ("GET", "/api/v1/streaming", {}, "reads"),
        ("POST", "/api/v1/statuses", TOKEN, "writes"),
        ("DELETE", "/api/v1/statuses/1", TOKEN, "writes"),
        ("POST", "/oauth/token", {}, "log_in"),
        ("POST", "/auth/sign_in", {}, "log_in"),
        ("POST", "/auth/passkey", {}, "log_in"),
        ("POST", "/auth/edit/email", {}, "writes"),
        ("POST", "/auth/kit", {}, "registrations"),
        ("POST", "/api/v1/accounts", TOKEN, "registrations"),
        ("POST", "/auth/sign_up", {}, "registrations"),
    ],
)
def test_what_opens_when(method: str, path: str, headers: dict[str, str], stage: str) -> None:
    assert needed(make_mocked_request(method, path, headers=headers)) == stage
    assert stage in {one.name for one in STAGES}


async def test_it_comes_back_stage_by_stage(
    database_dsn: str, tmp_path: Path, free_port: int
) -> None:
    now = datetime.now(UTC)
    async with start_instance(database_dsn, tmp_path, free_port) as instance:
        ada = await instance.person("ada")
        await instance.ctx.db.execute(BEGIN_RESTORE, now)
        started = (instance.ctx.ids.new(), now, now - timedelta(minutes=1), FIRST_STAGE)
        await instance.ctx.db.execute(BEGIN_RETURN, *started)
    async with start_instance(database_dsn, tmp_path, free_port) as again:

        async def answered(method: str, path: str, **body: str) -> int:
            answer = await again.request(method, path, token=ada.token, body=body or None)
            if answer.status == 503:
                assert answer.headers["Retry-After"] == "10"
                assert "coming back" in answer.body["error"]
            return answer.status

        assert (await again.request("GET", "/users/ada")).status == 200
        assert await answered("POST", "/api/v1/statuses", status="Too early") == 503

        async def can_write() -> bool:
            return await answered("POST", "/api/v1/statuses", status="Now") == 200

        await until(can_write, within_s=30)
        assert await answered("GET", "/api/v1/timelines/home") == 200

        async def complete() -> bool:
            return not await again.ctx.db.value(RESTORE_INCOMPLETE)

        await until(complete, within_s=30)
        row = await again.ctx.db.one(CURRENT_RETURN)
        assert row is not None
        assert row.stage == "log_in"
        assert row.report["hello"] == {"peers": 0, "heard": 0}
        assert await answered("POST", "/api/v1/accounts", username="eve") == 503
        await again.ctx.db.execute(END_RETURNS, datetime.now(UTC))

        async def open_to_all() -> bool:
            return await answered("POST", "/api/v1/accounts", username="eve") != 503

        await until(open_to_all, within_s=30)
