"""What a post costs does not depend on how many listen."""

from contextlib import AsyncExitStack
from typing import Any

import pytest

from storage.database import Connection
from tests.instances import Instance
from tests.streaming.listening import websocket


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give the list of statements that are run from now on."""
    run: list[str] = []
    for name in ("fetch", "one", "value", "values"):
        monkeypatch.setattr(Connection, name, _noted(run, getattr(Connection, name)))
    return run


def _noted(run: list[str], really: Any) -> Any:
    async def noted(self: Connection, query: Any, *args: object) -> Any:
        run.append(query.sql)
        return await really(self, query, *args)

    return noted


async def test_forty_listeners_cost_as_many_queries_as_one(
    instance: Instance, statements: list[str]
) -> None:
    ada = await instance.person("ada")
    counts = []
    async with AsyncExitStack() as stack:
        sockets = []
        for number in range(40):
            person = await instance.person(f"p{number}")
            await person.post(f"/api/v1/accounts/{ada.account_id}/follow")
            socket = await stack.enter_async_context(websocket(instance, person.token, "user"))
            await socket.ask("subscribe", stream="public")
            sockets.append(socket)
            if number not in (0, 39):
                continue
            statements.clear()
            await ada.post("/api/v1/statuses", status=f"Hello {number}")
            for one in sockets:
                assert {(await one.next()).name for _ in range(2)} == {"update"}
            counts.append(len(statements))
        # The workers of the instance may ask something meanwhile.
        assert counts[1] <= counts[0] + 3
