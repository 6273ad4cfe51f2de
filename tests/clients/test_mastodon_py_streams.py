"""Streams with Mastodon.py, over server-sent events and WebSocket."""

import asyncio
import queue
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mastodon import Mastodon, StreamListener

from fedserver.services import users
from tests.instances import Instance, Person, start_instance
from tests.waiting import until


class Heard(StreamListener):  # type: ignore[misc]  # Mastodon.py is not typed to the end
    """Puts what comes into a queue."""

    def __init__(self) -> None:
        self.events: queue.Queue[tuple[str, Any]] = queue.Queue()

    def on_any_event(self, name: str, data: Any) -> None:
        self.events.put((name, data))

    async def next(self) -> tuple[str, Any]:
        return await asyncio.to_thread(self.events.get, timeout=10)


@pytest.fixture
async def instance(database_dsn: str, tmp_path: Path, free_port: int) -> AsyncIterator[Instance]:
    async with start_instance(database_dsn, tmp_path / "data", free_port) as started:
        yield started


@asynccontextmanager
async def listening(
    person: Person, stream: Callable[..., Any], *arguments: Any, **options: Any
) -> AsyncIterator[Heard]:
    """Let Mastodon.py listen in a thread of its own."""
    heard = Heard()
    handle = await asyncio.to_thread(
        stream, *arguments, listener=heard, run_async=True, timeout=20, **options
    )
    try:
        yield heard
    finally:
        await asyncio.to_thread(handle.close)


async def test_every_stream_of_the_library(instance: Instance) -> None:
    ada, bob = await instance.person("ada"), await instance.person("bob")
    client = Mastodon(access_token=ada.token, api_base_url=instance.base_url)
    assert await asyncio.to_thread(client.stream_healthy)
    await ada.post(f"/api/v1/accounts/{bob.account_id}/follow")
    kept = await ada.post("/api/v1/lists", title="Friends")
    await ada.post(f"/api/v1/lists/{kept['id']}/accounts", account_ids=[str(bob.account_id)])
    async with (
        listening(ada, client.stream_user) as home,
        listening(ada, client.stream_public) as public,
        listening(ada, client.stream_public, local=True) as local,
        listening(ada, client.stream_hashtag, "cats") as tagged,
        listening(ada, client.stream_list, kept["id"]) as listed,
        listening(ada, client.stream_direct),
    ):
        posted = await bob.post("/api/v1/statuses", status="Hello #cats")
        for heard in (home, public, local, tagged, listed):
            name, status = await heard.next()
            assert (name, status["id"], status["account"]["username"]) == (
                "update",
                posted["id"],
                "bob",
            )
        await bob.post(f"/api/v1/accounts/{ada.account_id}/follow")
        name, notification = await home.next()
        assert (name, notification["type"]) == ("notification", "follow")
        await bob.put(f"/api/v1/statuses/{posted['id']}", status="Hello again #cats")
        assert (await home.next())[0] == "status.update"
        await bob.delete(f"/api/v1/statuses/{posted['id']}")
        assert [str(one) for one in await home.next()] == ["delete", posted["id"]]
        # The threads of the library read until the server closes the streams.
        await users.reset_password(instance.ctx, "ada", None)


async def test_streams_over_one_websocket(instance: Instance) -> None:
    ada, bob = await instance.person("ada"), await instance.person("bob")
    client = Mastodon(access_token=ada.token, api_base_url=instance.base_url)
    home, told = Heard(), Heard()
    handle = await asyncio.to_thread(client.stream_open_websocket, timeout=20)
    try:
        for stream, heard in (
            (client.stream_user_notifications, told),
            (client.stream_local, home),
        ):
            await asyncio.to_thread(stream, heard, websocket_handle=handle)
        # The server says nothing to a subscription, so the last one is told of by a first post.
        first = asyncio.create_task(home.next())
        await until(lambda: say_until(bob, first))
        assert (await first)[0] == "update"
        await bob.post(f"/api/v1/accounts/{ada.account_id}/follow")
        name, notification = await told.next()
        assert (name, notification["type"]) == ("notification", "follow")
    finally:
        await asyncio.to_thread(handle.close)


async def say_until(person: Person, heard: "asyncio.Task[tuple[str, Any]]") -> bool:
    await person.post("/api/v1/statuses", status="Hello")
    return heard.done()
