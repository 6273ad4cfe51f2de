"""What waits for its author's leave comes over no stream before it has it."""

from tests.instances import Instance
from tests.streaming.listening import websocket

REQUESTS = "/api/v1/interaction_requests"


async def test_an_answer_that_waits_is_told_when_it_may_be(instance: Instance) -> None:
    ada, ben, eve = [await instance.person(name) for name in ("ada", "ben", "eve")]
    await eve.post(f"/api/v1/accounts/{ada.account_id}/follow")
    await eve.post(f"/api/v1/accounts/{ben.account_id}/follow")
    asked = {"can_reply": {"manual_approval": ["public"]}}
    async with (
        websocket(instance, eve.token, "user") as at_eve,
        websocket(instance, ada.token, "user") as at_ada,
    ):
        posted = await ada.post("/api/v1/statuses", status="Ask", interaction_policy=asked)
        told = (await at_eve.next()).json
        assert told["interaction_policy"]["can_reply"]["manual_approval"] == ["public", "me"]
        assert told == await eve.get(f"/api/v1/statuses/{posted['id']}")
        assert (await at_ada.next()).json == await ada.get(f"/api/v1/statuses/{posted['id']}")
        text = f"@{ada.name} Hello"
        made = await ben.post("/api/v1/statuses", status=text, in_reply_to_id=posted["id"])
        await ada.post("/api/v1/statuses", status="Next")
        assert "Next" in (await at_eve.next()).json["content"]
        assert "Next" in (await at_ada.next()).json["content"]
        [request] = await ada.get(REQUESTS)
        await ada.post(f"{REQUESTS}/{request['id']}/authorize")
        assert (await at_eve.next()).json["id"] == made["id"]
        notified = await at_ada.next()
        assert (notified.name, notified.json["type"]) == ("notification", "mention")
        await ada.post(f"{REQUESTS}/{request['id']}/reject")
        gone = await at_eve.next()
        assert (gone.name, gone.payload) == ("delete", made["id"])
