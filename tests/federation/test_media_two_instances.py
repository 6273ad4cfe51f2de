"""A picture and a film between two real instances: uploaded, converted, seen through the proxy."""

from typing import Any

import aiohttp

from tests.federation.test_two_instances import (  # noqa: F401 - fixtures
    instances,
    people,
    seen_at_home,
)
from tests.instances import Person
from tests.mastodon.write_fixtures import form_with_file, picture
from tests.recordings import recording, streams
from tests.waiting import until


async def sent(person: Person, data: bytes, **fields: str) -> tuple[int, Any]:
    home = person.instance
    async with home.session.post(
        f"{home.base_url}/api/v2/media",
        data=form_with_file("file", data, **fields),
        headers={"Authorization": f"Bearer {person.token}"},
    ) as answer:
        return answer.status, await answer.json()


async def loaded(session: aiohttp.ClientSession, url: str) -> tuple[str, bytes]:
    async with session.get(url) as answer:
        assert answer.status == 200, url
        return answer.content_type, await answer.read()


async def test_both_see_what_one_posted(
    people: tuple[Person, Person],  # noqa: F811
) -> None:
    alice, bob = people
    status, film = await sent(alice, recording("webm", "libvpx-vp9", "libopus"), description="Me")
    assert (status, film["url"]) == (202, None)

    async def converted() -> Any:
        path = f"/api/v1/media/{film['id']}"
        answer = await alice.instance.request("GET", path, token=alice.token)
        assert answer.status in (200, 206)
        return answer.body if answer.status == 200 else None

    ready = await until(converted)
    posted = await alice.post("/api/v1/statuses", status="A film", media_ids=[ready["id"]])
    (shown,) = (await seen_at_home(bob, posted["uri"]))["media_attachments"]
    assert (shown["type"], shown["description"]) == ("video", "Me")
    assert shown["remote_url"] == ready["url"]
    proxy = f"{bob.instance.base_url}/proxy/"
    assert shown["url"].startswith(proxy)
    assert shown["preview_url"].startswith(proxy)
    session = bob.instance.session
    content_type, content = await loaded(session, shown["url"])
    assert (content_type, streams(content)) == ("video/mp4", {"video": "h264", "audio": "aac"})
    assert (await loaded(session, shown["preview_url"]))[0] == "image/jpeg"


async def test_a_picture_comes_through_the_proxy(
    people: tuple[Person, Person],  # noqa: F811
) -> None:
    alice, bob = people
    status, image = await sent(alice, picture((120, 80)))
    assert status == 200
    posted = await alice.post("/api/v1/statuses", status="A picture", media_ids=[image["id"]])
    (shown,) = (await seen_at_home(bob, posted["uri"]))["media_attachments"]
    assert shown["url"].startswith(f"{bob.instance.base_url}/proxy/")
    content_type, content = await loaded(bob.instance.session, shown["url"])
    assert content_type == "image/png"
    assert content.startswith(b"\x89PNG")


async def test_the_same_picture_twice_is_two_attachments(
    people: tuple[Person, Person],  # noqa: F811
) -> None:
    alice, bob = people
    images = [(await sent(alice, picture((60, 60)), description=text))[1] for text in ("1", "2")]
    assert images[0]["url"] == images[1]["url"], "files are kept by their content"
    ids = [one["id"] for one in images]
    posted = await alice.post("/api/v1/statuses", status="Twice", media_ids=ids)
    shown = (await seen_at_home(bob, posted["uri"]))["media_attachments"]
    assert [one["description"] for one in shown] == ["1", "2"]
