"""WebSockets: what each stream tells, and to whom (Mastodon API: streaming)."""

from tests.instances import Instance
from tests.streaming.listening import websocket


async def test_the_home_stream_tells_of_a_followed_persons_posts(instance: Instance) -> None:
    ada, bob = await instance.person("ada"), await instance.person("bob")
    await ada.post(f"/api/v1/accounts/{bob.account_id}/follow")
    async with websocket(instance, ada.token, "user") as socket:
        posted = await bob.post("/api/v1/statuses", status="Hello @ada", visibility="private")
        heard = {event.name: event for event in [await socket.next(), await socket.next()]}
        assert set(heard) == {"update", "notification"}
        assert heard["update"].stream == ("user",)
        assert heard["update"].json["id"] == posted["id"]
        assert heard["notification"].json["status"]["id"] == posted["id"]
        as_read = await ada.get(f"/api/v1/statuses/{posted['id']}")
        assert heard["update"].json == as_read
