"""WebSockets: what each stream tells, and to whom (Mastodon API: streaming)."""

from fedserver.effects.leaving import delete_account
from fedserver.events import NOTIFY, STATUSES
from storage.query import Command
from tests.instances import Instance, Person
from tests.streaming.listening import Socket, websocket

_MOVE_FAR = Command("UPDATE accounts SET domain = 'far.test' WHERE id = $1")


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


async def test_only_whom_a_post_is_for_hears_of_it(instance: Instance) -> None:
    ada, bob = await instance.person("ada"), await instance.person("bob")
    eve = await instance.person("eve")
    await eve.post(f"/api/v1/accounts/{bob.account_id}/follow")
    await ada.put("/api/v2/notifications/policy", for_private_mentions="accept")
    async with (
        websocket(instance, ada.token, "user") as hers,
        websocket(instance, eve.token, "user") as eves,
        websocket(instance, None, "public") as everybodys,
    ):
        await bob.post("/api/v1/statuses", status="@ada secret", visibility="direct")
        await bob.post("/api/v1/statuses", status="for followers", visibility="private")
        shown = await bob.post("/api/v1/statuses", status="for all")
        assert (await hers.next()).name == "notification"
        assert "for followers" in (await eves.next()).json["content"]
        assert (await eves.next()).json["id"] == shown["id"]
        assert (await everybodys.next()).json["id"] == shown["id"]


async def test_one_connection_carries_many_streams(instance: Instance) -> None:
    ada = await instance.person("ada")
    async with websocket(instance, ada.token) as socket:
        await socket.ask("subscribe", stream="public:local")
        await socket.ask("subscribe", stream="hashtag", tag="Cats")
        posted = await ada.post("/api/v1/statuses", status="Two #cats")
        heard = [await socket.next(), await socket.next()]
        assert {event.stream for event in heard} == {("public:local",), ("hashtag", "Cats")}
        assert {event.json["id"] for event in heard} == {posted["id"]}

        await socket.ask("unsubscribe", stream=["hashtag", "Cats"])
        await ada.post("/api/v1/statuses", status="Three #cats")
        await ada.post("/api/v1/statuses", status="Nothing")
        assert [(await socket.next()).stream for _ in range(2)] == [("public:local",)] * 2


async def test_a_list_tells_of_its_members(instance: Instance) -> None:
    ada, bob = await instance.person("ada"), await instance.person("bob")
    await ada.post(f"/api/v1/accounts/{bob.account_id}/follow")
    kept = await ada.post("/api/v1/lists", title="Friends")
    other = await ada.post("/api/v1/lists", title="Others", exclusive=True)
    await ada.post(f"/api/v1/lists/{kept['id']}/accounts", account_ids=[str(bob.account_id)])
    async with websocket(instance, ada.token, "list", list=kept["id"]) as socket:
        await socket.ask("subscribe", stream="list", list=other["id"])
        await socket.ask("subscribe", stream="user")
        await ada.post("/api/v1/statuses", status="mine")
        assert (await socket.next()).stream == ("user",)
        await bob.post("/api/v1/statuses", status="hello")
        heard = {(await socket.next()).stream for _ in range(2)}
        assert heard == {("user",), ("list", kept["id"])}


async def test_members_of_an_exclusive_list_are_not_at_home(instance: Instance) -> None:
    ada, bob = await instance.person("ada"), await instance.person("bob")
    await ada.post(f"/api/v1/accounts/{bob.account_id}/follow")
    kept = await ada.post("/api/v1/lists", title="Apart", exclusive=True)
    await ada.post(f"/api/v1/lists/{kept['id']}/accounts", account_ids=[str(bob.account_id)])
    async with websocket(instance, ada.token, "user") as socket:
        await bob.post("/api/v1/statuses", status="apart")
        own = await ada.post("/api/v1/statuses", status="own")
        assert (await socket.next()).json["id"] == own["id"]


async def test_somebody_elses_list_cannot_be_heard(instance: Instance) -> None:
    ada, bob = await instance.person("ada"), await instance.person("bob")
    kept = await ada.post("/api/v1/lists", title="Friends")
    async with websocket(instance, bob.token) as socket:
        await socket.socket.send_json({"type": "subscribe", "stream": "list", "list": kept["id"]})
        assert await socket.frame() == {
            "error": "Not authorized to stream this list",
            "status": 401,
        }


async def test_edits_and_deletions_are_told(instance: Instance) -> None:
    ada, bob = await instance.person("ada"), await instance.person("bob")
    await bob.post(f"/api/v1/accounts/{ada.account_id}/follow")
    async with (
        websocket(instance, bob.token, "user") as home,
        websocket(instance, None, "public:local") as local,
        websocket(instance, None, "public:remote") as remote,
        websocket(instance, None, "hashtag", tag="news") as tagged,
    ):
        posted = await ada.post("/api/v1/statuses", status="Old #news")
        await ada.put(f"/api/v1/statuses/{posted['id']}", status="New #news")
        await ada.delete(f"/api/v1/statuses/{posted['id']}")
        for socket in (home, local, tagged):
            assert (await socket.next()).name == "update"
            changed = await socket.next()
            assert changed.name == "status.update"
            assert "New" in changed.json["content"]
            gone = await socket.next()
            assert (gone.name, gone.payload) == ("delete", posted["id"])
        assert remote.socket.exception() is None
        await remote.ask("subscribe", stream="user")  # nothing came before the answer to this


async def test_a_boost_comes_home_and_goes_again(instance: Instance) -> None:
    ada, bob = await instance.person("ada"), await instance.person("bob")
    eve = await instance.person("eve")
    await eve.post(f"/api/v1/accounts/{bob.account_id}/follow")
    posted = await ada.post("/api/v1/statuses", status="Hello")
    await eve.post(f"/api/v1/statuses/{posted['id']}/favourite")
    async with (
        websocket(instance, eve.token, "user") as home,
        websocket(instance, None, "public") as public,
    ):
        boost = await bob.post(f"/api/v1/statuses/{posted['id']}/reblog")
        heard = await home.next()
        assert heard.json["id"] == boost["id"]
        assert heard.json["favourited"]
        assert heard.json["reblog"]["favourited"]
        await bob.post(f"/api/v1/statuses/{posted['id']}/unreblog")
        assert (await home.next()).payload == boost["id"]
        await ada.delete(f"/api/v1/statuses/{posted['id']}")
        assert (await public.next()).payload == posted["id"]


async def test_whom_one_does_not_want_is_not_heard_in_public(instance: Instance) -> None:
    ada, bob = await instance.person("ada"), await instance.person("bob")
    eve = await instance.person("eve")
    await ada.post(f"/api/v1/accounts/{bob.account_id}/mute")
    await eve.post(f"/api/v1/accounts/{ada.account_id}/block")
    async with (
        websocket(instance, ada.token, "public") as hers,
        websocket(instance, None, "public") as everybodys,
    ):
        await bob.post("/api/v1/statuses", status="muted")
        await eve.post("/api/v1/statuses", status="blocked")
        last = await ada.post("/api/v1/statuses", status="last")
        assert (await hers.next()).json["id"] == last["id"]
        assert [(await everybodys.next()).json["content"] for _ in range(3)] == [
            "<p>muted</p>",
            "<p>blocked</p>",
            "<p>last</p>",
        ]


async def test_each_viewer_sees_quotes_and_polls_as_their_own(instance: Instance) -> None:
    ada, bob = await instance.person("ada"), await instance.person("bob")
    quoted = await ada.post("/api/v1/statuses", status="Original")
    await ada.post(f"/api/v1/accounts/{bob.account_id}/follow")
    eve = await instance.person("eve")
    await ada.post(f"/api/v1/accounts/{eve.account_id}/block")
    poll = {"options": ["yes", "no"], "expires_in": 600}
    async with (
        websocket(instance, ada.token, "public") as hers,
        websocket(instance, eve.token, "public") as eves,
        websocket(instance, bob.token, "public") as bobs,
    ):
        await bob.post("/api/v1/statuses", status="Look", quoted_status_id=quoted["id"])
        seen = [(await socket.next()).json["quote"] for socket in (hers, bobs, eves)]
        assert [one["state"] for one in seen] == ["accepted", "accepted", "unauthorized"]
        assert seen[0]["quoted_status"]["id"] == quoted["id"]
        assert seen[2]["quoted_status"] is None

        asked = await bob.post("/api/v1/statuses", status="Well?", poll=poll)
        assert [(await one.next()).json["poll"]["voted"] for one in (hers, bobs)] == [False, True]
        await eves.next()
        await ada.post(f"/api/v1/polls/{asked['poll']['id']}/votes", choices=[1])
        await bob.put(f"/api/v1/statuses/{asked['id']}", status="Well, well?", poll=poll)
        changed = [(await one.next()).json["poll"] for one in (hers, eves)]
        assert [one["own_votes"] for one in changed] == [[1], []]
        assert [one["votes_count"] for one in changed] == [1, 1]


async def test_what_comes_over_the_stream_is_what_the_api_shows(instance: Instance) -> None:
    ada, bob = await instance.person("ada"), await instance.person("bob")
    await bob.post(f"/api/v1/accounts/{ada.account_id}/follow")
    async with websocket(instance, bob.token, "user") as socket:
        await socket.ask("subscribe", stream="public")
        first = await ada.post("/api/v1/statuses", status="Original #one")
        poll = {"options": ["a", "b"], "expires_in": 600}
        await hears_what_is_shown(bob, socket)
        for more in ({"quoted_status_id": first["id"]}, {"poll": poll}):
            await ada.post("/api/v1/statuses", status="More", **more)
            await hears_what_is_shown(bob, socket)


async def hears_what_is_shown(person: Person, socket: Socket) -> None:
    heard = [await socket.next(), await socket.next()]
    assert {event.stream for event in heard} == {("user",), ("public",)}
    shown = await person.get(f"/api/v1/statuses/{heard[0].json['id']}")
    assert heard[0].json == heard[1].json == shown


async def test_filters_are_applied_for_each_viewer(instance: Instance) -> None:
    ada, bob = await instance.person("ada"), await instance.person("bob")
    async with (
        websocket(instance, bob.token, "user") as socket,
        websocket(instance, bob.token, "public") as bobs,
        websocket(instance, ada.token, "public") as adas,
    ):
        words = [{"keyword": "rain", "whole_word": True}]
        made = await bob.post(
            "/api/v2/filters", title="Weather", context=["public"], keywords_attributes=words
        )
        changed = await socket.next()
        assert (changed.name, changed.payload, changed.stream) == (
            "filters_changed",
            None,
            ("user",),
        )
        posted = await ada.post("/api/v1/statuses", status="More rain")
        heard = (await bobs.next()).json
        assert heard["filtered"][0]["filter"]["id"] == made["id"]
        assert heard["filtered"][0]["keyword_matches"] == ["rain"]
        assert heard == await bob.get(f"/api/v1/statuses/{posted['id']}")
        assert (await adas.next()).json["filtered"] == []


async def test_a_quote_that_is_taken_back_is_told(instance: Instance) -> None:
    ada, bob = await instance.person("ada"), await instance.person("bob")
    quoted = await ada.post("/api/v1/statuses", status="Original")
    async with websocket(instance, None, "public") as socket:
        quote = await bob.post("/api/v1/statuses", status="Look", quoted_status_id=quoted["id"])
        assert (await socket.next()).json["quote"]["state"] == "accepted"
        await ada.post(f"/api/v1/statuses/{quoted['id']}/quotes/{quote['id']}/revoke")
        told = await socket.next()
        assert (told.name, told.json["quote"]["state"]) == ("status.update", "revoked")


async def test_the_end_of_what_was_not_public_is_told_to_its_readers(instance: Instance) -> None:
    ada, bob = await instance.person("ada"), await instance.person("bob")
    eve = await instance.person("eve")
    await eve.post(f"/api/v1/accounts/{bob.account_id}/follow")
    posted = await bob.post("/api/v1/statuses", status="@ada psst", visibility="direct")
    private = await bob.post("/api/v1/statuses", status="Hello", visibility="private")
    async with (
        websocket(instance, ada.token, "user") as adas,
        websocket(instance, eve.token, "user") as eves,
        websocket(instance, None, "public") as public,
    ):
        await bob.delete(f"/api/v1/statuses/{posted['id']}")
        await bob.delete(f"/api/v1/statuses/{private['id']}")
        assert (await adas.next()).payload == posted["id"]
        assert (await eves.next()).payload == private["id"]
        last = await bob.post("/api/v1/statuses", status="Last")
        assert (await eves.next()).json["id"] == last["id"]
        assert (await public.next()).json["id"] == last["id"]


async def test_blocked_domains_are_not_heard_in_public(instance: Instance) -> None:
    ada, far = await instance.person("ada"), await instance.person("far")
    posted = await far.post("/api/v1/statuses", status="From afar")
    db = instance.ctx.db
    await db.execute(
        Command("UPDATE accounts SET domain = 'far.test' WHERE id = $1"), far.account_id
    )
    await ada.post("/api/v1/domain_blocks", domain="far.test")
    async with (
        websocket(instance, ada.token, "public") as adas,
        websocket(instance, None, "public") as everybodys,
    ):
        await db.execute(NOTIFY, STATUSES, f'{{"kind":"new","id":{posted["id"]}}}')
        last = await ada.post("/api/v1/statuses", status="Last")
        assert (await everybodys.next()).json["id"] == posted["id"]
        assert (await adas.next()).json["id"] == last["id"]


async def test_everybody_sees_their_own_reactions(instance: Instance) -> None:
    ada, bob = await instance.person("ada"), await instance.person("bob")
    posted = await ada.post("/api/v1/statuses", status="Old")
    emoji = f"/api/v1/pleroma/statuses/{posted['id']}/reactions/%F0%9F%98%80"
    assert (await instance.request("PUT", emoji, token=bob.token)).status == 200
    async with (
        websocket(instance, ada.token, "public") as hers,
        websocket(instance, bob.token, "public") as his,
        websocket(instance, None, "public") as anybodys,
    ):
        await ada.put(f"/api/v1/statuses/{posted['id']}", status="New")
        told = [(await socket.next()).json for socket in (hers, his, anybodys)]
        mine = [one["emoji_reactions"][0]["me"] for one in told]
        assert mine == [False, True, False]
        assert told[1] == await bob.get(f"/api/v1/statuses/{posted['id']}")


async def test_what_somebody_wrote_goes_when_they_do(instance: Instance) -> None:
    ada, bob = await instance.person("ada"), await instance.person("bob")
    eve = await instance.person("eve")
    await bob.post(f"/api/v1/accounts/{ada.account_id}/follow")
    posted = await ada.post("/api/v1/statuses", status="Hello")
    private = await ada.post("/api/v1/statuses", status="psst", visibility="private")
    async with (
        websocket(instance, bob.token, "user") as home,
        websocket(instance, eve.token, "public") as public,
    ):
        await delete_account(instance.ctx, ada.account_id)
        gone = [await home.next(), await home.next()]
        assert {one.name for one in gone} == {"delete"}
        assert {one.payload for one in gone} == {posted["id"], private["id"]}
        assert (await public.next()).payload == posted["id"]
