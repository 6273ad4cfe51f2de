"""Streams of conversations and announcements, and what a policy keeps from them."""

from fedserver.services.announcements import NewAnnouncement, announce, withdraw
from tests.instances import Instance
from tests.streaming.listening import websocket

POLICY = "/api/v2/notifications/policy"


async def test_a_conversation_goes_on(instance: Instance) -> None:
    ada, bob = await instance.person("ada"), await instance.person("bob")
    await ada.put(POLICY, for_private_mentions="accept")
    async with websocket(instance, ada.token, "direct") as socket:
        posted = await bob.post("/api/v1/statuses", status="@ada psst", visibility="direct")
        told = await socket.next()
        assert (told.name, told.stream) == ("conversation", ("direct",))
        assert told.json == (await ada.get("/api/v1/conversations"))[0]
        assert told.json["last_status"]["id"] == posted["id"]
        await ada.post(f"/api/v1/conversations/{told.json['id']}/read")
        assert (await socket.next()).json["unread"] is False


async def test_announcements_reach_everybody(instance: Instance) -> None:
    ada, bob = await instance.person("ada"), await instance.person("bob")
    async with (
        websocket(instance, ada.token, "user") as hers,
        websocket(instance, bob.token, "user") as his,
    ):
        made = await announce(instance.ctx, NewAnnouncement("Hello"))
        for socket in (hers, his):
            told = await socket.next()
            assert (told.name, told.json["id"]) == ("announcement", str(made))
            assert "read" not in told.json
        path = f"/api/v1/announcements/{made}/reactions/%F0%9F%8E%89"
        await ada.put(path)
        told = await his.next()
        assert told.name == "announcement.reaction"
        assert (told.json["name"], told.json["count"]) == ("🎉", 1)
        assert told.json["announcement_id"] == str(made)
        await ada.delete(path)
        assert (await his.next()).json["count"] == 0
        await withdraw(instance.ctx, made)
        told = await his.next()
        assert (told.name, told.payload) == ("announcement.delete", str(made))


async def test_what_is_kept_apart_is_not_told(instance: Instance) -> None:
    ada, bob = await instance.person("ada"), await instance.person("bob")
    await ada.put(POLICY, for_not_following="filter")
    async with websocket(instance, ada.token, "user:notification") as socket:
        await bob.post("/api/v1/statuses", status="@ada hello")
        (request,) = await ada.get("/api/v1/notifications/requests")
        await ada.post(f"/api/v1/notifications/requests/{request['id']}/accept")
        merged = await socket.next()
        assert (merged.name, merged.payload) == ("notifications_merged", "1")
        later = await bob.post("/api/v1/statuses", status="@ada again")
        told = await socket.next()
        assert told.json["status"]["id"] == later["id"], "once, and only what came afterwards"
        await bob.post("/api/v1/statuses", status="@ada and again")
        assert (await socket.next()).json["status"]["id"] != later["id"]
