"""Conversations: made with direct posts, for each person their own view."""

from typing import Any

from fedserver.effects.conversing import converse
from tests.mastodon.conftest import Schema
from tests.mastodon.write_fixtures import Here, Person
from tests.mastodon.write_fixtures import here_fixture as here_fixture
from tests.waiting import until

PATH = "/api/v1/conversations"


async def talk(here: Here, person: Person, text: str, to: Any = None) -> Any:
    """Post something direct."""
    answers = {} if to is None else {"in_reply_to_id": to["id"]}
    return await here.post(person, text, visibility="direct", **answers)


async def of(here: Here, person: Person, **params: Any) -> list[Any]:
    return list(await here.do("GET", PATH, person, params=params))


async def friends(here: Here, *names: str) -> list[Person]:
    """Make people who all follow each other."""
    people = [await here.person(name) for name in names]
    for one in people:
        for other in people:
            if one != other:
                await here.follow(one.id, other.id)
    return people


async def test_both_have_the_conversation(here: Here, schema: Schema) -> None:
    ada, bob = await friends(here, "ada", "bob")
    first = await talk(here, ada, "Hello @bob")
    (hers,) = await of(here, ada)
    (his,) = await of(here, bob)
    schema.check("Conversation", hers)
    assert [one["username"] for one in hers["accounts"]] == ["bob"]
    assert [one["username"] for one in his["accounts"]] == ["ada"]
    assert (hers["unread"], his["unread"]) == (False, True)
    assert hers["last_status"]["id"] == his["last_status"]["id"] == first["id"]
    assert hers["id"] != his["id"]
    answer = await talk(here, bob, "Yes @ada", to=first)
    ((hers,), (his,)) = (await of(here, ada), await of(here, bob))
    assert (hers["unread"], his["unread"]) == (True, False)
    assert hers["last_status"]["id"] == his["last_status"]["id"] == answer["id"]


async def test_other_people_are_another_conversation(here: Here) -> None:
    ada, bob, eve = await friends(here, "ada", "bob", "eve")
    first = await talk(here, ada, "Hello @bob")
    await talk(here, ada, "And @eve, @bob", to=first)
    shown = await of(here, ada)
    assert [sorted(one["username"] for one in talk["accounts"]) for talk in shown] == [
        ["bob", "eve"],
        ["bob"],
    ]
    assert len(await of(here, bob)) == 2
    assert len(await of(here, eve)) == 1


async def test_a_post_to_nobody_is_with_oneself(here: Here) -> None:
    ada = await here.person("ada")
    await talk(here, ada, "Buy milk")
    (mine,) = await of(here, ada)
    assert [one["username"] for one in mine["accounts"]] == ["ada"]
    assert mine["unread"] is False


async def test_only_direct_posts_are(here: Here) -> None:
    ada, bob = await friends(here, "ada", "bob")
    for visibility in ("public", "unlisted", "private"):
        await here.post(ada, "Hello @bob", visibility=visibility)
    assert await of(here, ada) == await of(here, bob) == []


async def test_reading_and_unreading(here: Here, schema: Schema) -> None:
    ada, bob = await friends(here, "ada", "bob")
    await talk(here, ada, "Hello @bob")
    (his,) = await of(here, bob)
    path = f"{PATH}/{his['id']}"
    schema.check("Conversation", await here.do("POST", f"{path}/read", bob))
    assert (await of(here, bob))[0]["unread"] is False
    assert (await here.do("POST", f"{path}/unread", bob))["unread"] is True
    assert (await of(here, bob))[0]["unread"] is True
    for way in ("read", "unread"):
        assert (await here.refusal("POST", f"{path}/{way}", ada))[0] == 404
    assert (await here.refusal("DELETE", path, ada))[0] == 404


async def test_what_is_deleted_comes_back_with_the_next_post(here: Here) -> None:
    ada, bob = await friends(here, "ada", "bob")
    first = await talk(here, ada, "Hello @bob")
    (his,) = await of(here, bob)
    assert await here.do("DELETE", f"{PATH}/{his['id']}", bob) == {}
    assert await of(here, bob) == []
    assert len(await of(here, ada)) == 1
    assert (await here.do("GET", f"/api/v1/statuses/{first['id']}", bob))["id"] == first["id"]
    await talk(here, ada, "Still there @bob", to=first)
    assert len(await of(here, bob)) == 1


async def test_a_deleted_post_leaves_the_one_before_it(here: Here) -> None:
    ada, bob = await friends(here, "ada", "bob")
    first = await talk(here, ada, "One @bob")
    second = await talk(here, ada, "Two @bob", to=first)
    await here.do("DELETE", f"/api/v1/statuses/{second['id']}", ada)
    for person in (ada, bob):
        assert [one["last_status"]["id"] for one in await of(here, person)] == [first["id"]]
    await here.do("DELETE", f"/api/v1/statuses/{first['id']}", ada)
    assert await of(here, ada) == await of(here, bob) == []


async def test_who_is_not_told_has_no_conversation_until_they_accept(here: Here) -> None:
    ada, bob = await here.person("ada"), await here.person("bob")
    await talk(here, bob, "Psst @ada")
    assert (await of(here, ada), len(await of(here, bob))) == ([], 1)
    (request,) = await here.do("GET", "/api/v1/notifications/requests", ada)
    await here.do("POST", f"/api/v1/notifications/requests/{request['id']}/accept", ada)
    (hers,) = await of(here, ada)
    assert hers["unread"] is True
    assert len(await of(here, bob)) == 1
    await here.do("POST", f"/api/v1/accounts/{bob.id}/block", ada)
    assert await of(here, ada) == []


async def test_an_edit_that_names_more_people_tells_them(here: Here) -> None:
    ada, bob, eve = await friends(here, "ada", "bob", "eve")
    post = await talk(here, ada, "Hello @bob")
    changed = {"status": "Hello @bob @eve"}
    await here.do("PUT", f"/api/v1/statuses/{post['id']}", ada, json=changed)
    (hers,) = await of(here, eve)
    assert sorted(one["username"] for one in hers["accounts"]) == ["ada", "bob"]
    assert len(await of(here, bob)) == 1


async def test_pages_go_by_the_last_post(here: Here) -> None:
    ada, bob = await friends(here, "ada", "bob")
    posts = [await talk(here, ada, f"Number {number} @bob") for number in range(5)]
    await talk(here, bob, "Again @ada", to=posts[0])
    order: list[str] = []
    path: str | None = f"{PATH}?limit=2"
    while path:
        reply = await here.send("GET", path, ada)
        order += [one["last_status"]["id"] for one in reply.body]
        link = reply.headers.get("Link", "")
        path = link.split(">")[0].removeprefix("<http://here.test") if "next" in link else None
    assert len(set(order)) == len(order) == 5
    assert order[1:] == [one["id"] for one in reversed(posts[1:])]
    upward = await of(here, ada, min_id=posts[1]["id"], limit=2)
    assert [one["last_status"]["id"] for one in upward] == [posts[3]["id"], posts[2]["id"]]


async def test_each_change_is_signalled(here: Here) -> None:
    ada, bob = await friends(here, "ada", "bob")
    heard: list[str] = []
    async with here.ctx.db.listening(
        ["fedserver_conversations"], lambda _channel, payload: heard.append(payload)
    ):
        await talk(here, ada, "Hello @bob")
        ((hers,), (his,)) = (await of(here, ada), await of(here, bob))
        await here.do("POST", f"{PATH}/{his['id']}/read", bob)

        async def all_heard() -> bool:
            return len(heard) >= 3

        await until(all_heard)
    assert sorted(heard[:2]) == sorted([f"{ada.id}:{hers['id']}", f"{bob.id}:{his['id']}"])
    assert heard[2:] == [f"{bob.id}:{his['id']}"]


async def test_an_older_post_of_ones_own_that_lands_late_reads_nothing(here: Here) -> None:
    ada, bob = await friends(here, "ada", "bob")
    first = await talk(here, ada, "Hello @bob")
    slow = await talk(here, ada, "Are you there @bob", to=first)
    answer = await talk(here, bob, "Yes @ada", to=first)
    # Two transactions at once: the answer, which has the higher id, is committed first.
    await here.execute("DELETE FROM conversation_statuses WHERE status_id = $1", int(slow["id"]))
    async with here.ctx.db.transaction() as tx:
        await converse(here.ctx, tx, [int(slow["id"])])
    (hers,) = await of(here, ada)
    assert (hers["last_status"]["id"], hers["unread"]) == (answer["id"], True)
