"""Who may listen, how they say who they are, and when they are sent away."""

import asyncio
import time
from typing import Any

import pytest

from fedserver.secrets import new_token, token_hash
from fedserver.services import grants, users
from fedserver.streaming import Hub, clients, register, server_sent
from fedserver.streaming.messages import Message
from fedserver.streaming.topics import Topic
from storage.oauth import APPLICATION_BY_ID, INSERT_TOKEN
from tests.instances import Instance, Person
from tests.streaming.listening import Socket, websocket
from tests.streaming.listening import server_sent as listen
from tests.waiting import until

STREAMING = "/api/v1/streaming"


async def token_with(person: Person, scopes: str) -> str:
    """Give another token of `person`."""
    token, ctx = new_token(), person.instance.ctx
    arguments = (token_hash(token), person.instance.application_id, person.account_id, scopes)
    await ctx.db.execute(INSERT_TOKEN, ctx.ids.new(), *arguments, ctx.clock.now())
    return token


async def refused(instance: Instance, url: str, **options: Any) -> tuple[int, Any]:
    """Try a WebSocket that is not to be had, and give the answer before the upgrade."""
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        **options,
    }
    answer = await instance.request("GET", url, headers=headers)
    return answer.status, answer.body


async def test_the_token_may_come_in_three_places(instance: Instance) -> None:
    ada = await instance.person("ada")
    url = f"{instance.base_url}{STREAMING}?stream=user"
    ways: list[dict[str, Any]] = [
        {"url": url, "headers": {"Authorization": f"Bearer {ada.token}"}},
        {"url": f"{url}&access_token={ada.token}"},
        {"url": url, "protocols": (ada.token,)},
    ]
    for way in ways:
        async with instance.session.ws_connect(**way) as socket:
            # Chromium closes the connection where the sub-protocol does not come back.
            assert socket.protocol == (ada.token if "protocols" in way else None)
            posted = await ada.post("/api/v1/statuses", status="Hello")
            assert (await Socket(socket).next()).json["id"] == posted["id"]


async def test_what_is_wrong_is_told_as_json_before_the_upgrade(instance: Instance) -> None:
    ada = await instance.person("ada")
    wrong = await refused(instance, STREAMING, Authorization="Bearer wrong")
    assert wrong == (401, {"error": "The access token is invalid"})
    as_protocol = {"Sec-WebSocket-Protocol": "wrong"}
    assert (await refused(instance, STREAMING, **as_protocol))[0] == 401
    for url in (STREAMING, f"{STREAMING}?stream=user"):
        assert await refused(instance, url) == (401, {"error": "Missing access token"})
    bearer = {"Authorization": f"Bearer {ada.token}"}
    unknown = await refused(instance, f"{STREAMING}?stream=nonsense", **bearer)
    assert unknown == (400, {"error": "Unknown channel requested"})
    no_tag = await refused(instance, f"{STREAMING}?stream=hashtag", **bearer)
    assert no_tag == (400, {"error": "Missing tag name parameter"})
    plain = await instance.request("GET", STREAMING, token=ada.token)
    assert (plain.status, plain.body) == (400, {"error": "Unknown channel requested"})
    answer = await instance.request("GET", f"{STREAMING}/user")
    assert (answer.status, answer.body) == (401, {"error": "Missing access token"})
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


async def test_each_stream_needs_its_scope(instance: Instance) -> None:
    ada, bob = await instance.person("ada"), await instance.person("bob")
    narrow = {"Authorization": f"Bearer {await token_with(ada, 'read:statuses')}"}
    told = {"error": "Access token does not have the required scopes"}
    notices = await refused(instance, f"{STREAMING}?stream=user:notification", **narrow)
    assert notices == (401, told)
    other = {"Authorization": f"Bearer {await token_with(ada, 'read:notifications push')}"}
    for name in ("user", "public", "direct", "hashtag&tag=a", "list&list=1"):
        assert await refused(instance, f"{STREAMING}?stream={name}", **other) == (401, told)
    statuses_only = await token_with(ada, "read:statuses")
    async with websocket(instance, statuses_only, "user") as socket:
        await bob.post("/api/v1/statuses", status="@ada you are told of this elsewhere")
        own = await ada.post("/api/v1/statuses", status="own")
        assert (await socket.next()).json["id"] == own["id"]


async def test_a_revoked_token_closes_its_streams_within_a_second(instance: Instance) -> None:
    ada = await instance.person("ada")
    kept = await token_with(ada, "read")
    async with (
        websocket(instance, ada.token, "user") as socket,
        listen(instance, "user", ada.token) as lines,
        websocket(instance, kept, "user") as other,
    ):
        began = time.monotonic()
        application = await instance.ctx.db.one(APPLICATION_BY_ID, instance.application_id)
        assert application is not None
        await grants.revoke(instance.ctx, application, ada.token)
        await socket.closed()
        assert await lines.line() == ""
        assert lines.response.content.at_eof()
        assert time.monotonic() - began < 1
        await other.ask("subscribe", stream="public")

        await users.reset_password(instance.ctx, "ada", None)
        await other.closed()


async def test_a_client_that_does_not_read_is_cut_off(
    instance: Instance, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "MAX_WAITING", 3)
    reader, writer = await asyncio.open_connection("127.0.0.1", instance.ctx.config.server.port)
    writer.write(f"GET {STREAMING}/public HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    assert b"200" in await reader.readline()
    long, told = Message("update", "x" * 1_000_000), 0

    async def is_cut_off() -> bool:
        nonlocal told
        for subscription in hub.register.of(Topic("public")):
            subscription.tell(long)
            told += 1
        return bool(told) and not hub.register.clients

    await until(is_cut_off)
    # What waits is bounded, beside what the kernel takes.
    assert told < 30
    writer.close()


async def test_connections_and_subscriptions_are_counted(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(register, "MAX_CONNECTIONS_EACH", 2)
    monkeypatch.setattr(register, "MAX_STREAMS_EACH", 2)
    ada, bob = await instance.person("ada"), await instance.person("bob")
    bearer = {"Authorization": f"Bearer {ada.token}"}
    async with websocket(instance, ada.token, "user") as socket:
        async with listen(instance, "user", ada.token):
            full = await refused(instance, STREAMING, **bearer)
            assert full == (429, {"error": "Too many open streams"})
            async with websocket(instance, bob.token), websocket(instance, None, "public"):
                pass
        await socket.ask("subscribe", stream="public")
        await socket.socket.send_json({"type": "subscribe", "stream": "direct"})
        assert await socket.frame() == {"error": "Too many subscriptions", "status": 429}


async def test_nonsense_over_a_socket_is_passed_over(instance: Instance) -> None:
    ada = await instance.person("ada")
    async with websocket(instance, ada.token) as socket:
        for text in ("", "{", "[]", "null", '"a"', "{}", '{"type": 3, "stream": {}}'):
            await socket.socket.send_str(text)
        for stream in (None, [], [[]], {"a": 1}, "x" * 500, "list"):
            await socket.socket.send_json({"type": "subscribe", "stream": stream, "list": "9" * 19})
            assert (await socket.frame())["status"] in (400, 401)
        await socket.ask("subscribe", stream="public")
        await socket.ask("unsubscribe", stream="direct")
        await socket.socket.send_str("x" * 10_000)
        await socket.closed()


async def test_a_server_sent_stream_says_that_it_lives(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert server_sent.THUMP_EVERY_S == 15
    monkeypatch.setattr(server_sent, "THUMP_EVERY_S", 0.05)
    async with listen(instance, "public") as lines:
        assert lines.response.content_type == "text/event-stream"
        assert lines.response.headers["Access-Control-Allow-Origin"] == "*"
        assert [await lines.line() for _ in range(2)] == [":thump"] * 2
    answer = await instance.request("GET", f"{STREAMING}/health")
    assert (answer.status, answer.body) == (200, "OK")
    head = await instance.request("HEAD", f"{STREAMING}/public")
    assert head.status == 200


async def test_whoever_goes_is_forgotten(instance: Instance, hub: Hub) -> None:
    ada = await instance.person("ada")
    async with websocket(instance, ada.token, "user") as socket:
        await socket.ask("subscribe", stream="hashtag", tag="a")
    listening = hub.register

    async def forgotten() -> bool:
        return not listening.clients and not listening.abouts("user")

    await until(forgotten)
    assert not listening.abouts("hashtag")


async def test_the_address_of_streams_is_given(instance: Instance) -> None:
    url = instance.base_url.replace("http", "ws")
    v2 = await instance.request("GET", "/api/v2/instance")
    assert v2.body["configuration"]["urls"]["streaming"] == url
    v1 = await instance.request("GET", "/api/v1/instance")
    assert v1.body["urls"]["streaming_api"] == url
