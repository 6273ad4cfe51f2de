"""Peers' media through our proxy, from an origin that means no good."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from fedserver.uris import sign_remote
from fedserver.workers.housekeeping import tidy
from tests.mastodon.origin import MOST, Origin
from tests.mastodon.origin import origin_fixture as origin_fixture
from tests.mastodon.origin import proxying_fixture as proxying_fixture
from tests.mastodon.write_fixtures import Here, picture
from tests.mastodon.write_fixtures import here_fixture as here_fixture
from tests.recordings import recording

SCRIPT = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
BOMB = picture((1, 1)).replace(b"\x00\x00\x00\x01\x00\x00\x00\x01", b"\x00\x00\xff\xff" * 2, 1)


async def through(here: Here, url: str, variant: str = "original", **options: Any) -> Any:
    path = here.ctx.uris.remote_media(url, variant).removeprefix("http://here.test")
    return await here.send("GET", path, **options)


async def test_a_picture_is_fetched_once_and_made_safe(proxying: Here, origin: Origin) -> None:
    origin.answers["/a"] = picture((900, 600), "JPEG") + SCRIPT, "text/html"
    first = await through(proxying, f"{origin.url}/a")
    assert (first.status, first.headers["Content-Type"]) == (200, "image/jpeg")
    assert b"script" not in first.body
    assert "sandbox" in first.headers["Content-Security-Policy"]
    assert first.headers["X-Content-Type-Options"] == "nosniff"
    assert first.headers["Access-Control-Allow-Origin"] == "*"
    small = await through(proxying, f"{origin.url}/a", "small")
    assert 0 < len(small.body) < len(first.body)
    assert (await through(proxying, f"{origin.url}/a")).body == first.body
    assert origin.asked == ["/a", "/a"]


async def test_a_film_stays_as_it_is_and_has_a_preview(proxying: Here, origin: Origin) -> None:
    origin.answers["/film"] = recording("webm", "libvpx-vp9", "libopus"), "image/png"
    film = await through(proxying, f"{origin.url}/film")
    assert (film.status, film.headers["Content-Type"]) == (200, "video/webm")
    part = await through(proxying, f"{origin.url}/film", headers={"Range": "bytes=0-3"})
    assert (part.status, part.body) == (206, b"\x1aE\xdf\xa3")
    still = await through(proxying, f"{origin.url}/film", "small")
    assert (still.status, still.headers["Content-Type"]) == (200, "image/jpeg")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/script", SCRIPT),
        ("/page", b"<html><script>alert(1)</script>"),
        ("/large", picture((90, 90)) + b"\0" * MOST),
        ("/bomb", BOMB),
        ("/missing", None),
        ("/endless", None),
    ],
)
async def test_what_is_no_picture_is_not_given(
    proxying: Here, origin: Origin, path: str, body: bytes | None
) -> None:
    if body is not None:
        origin.answers[path] = body, "image/png"
    for _ in range(2):
        reply = await through(proxying, origin.url + path)
        assert (reply.status, reply.body) == (404, {"error": "Record not found"})
    assert origin.asked == [path]
    assert await proxying.count("doubtful_blobs") == 0


async def test_many_who_look_share_one_fetch(proxying: Here, origin: Origin) -> None:
    origin.answers["/slow"] = picture(), "image/png"
    async with asyncio.TaskGroup() as tasks:
        looks = [tasks.create_task(through(proxying, f"{origin.url}/slow")) for _ in range(5)]
        origin.answered.set()
    assert {look.result().status for look in looks} == {200}
    assert origin.asked == ["/slow"]


async def test_nobody_else_says_what_is_fetched(proxying: Here, origin: Origin) -> None:
    url = f"{origin.url}/a"
    path = proxying.ctx.uris.remote_media(url).removeprefix("http://here.test")
    _, _, signature, variant, named = path.split("/")
    for wrong in (
        f"/proxy/{'A' * 22}/{variant}/{named}",
        f"/proxy/{signature}/small/{named}",
        f"/proxy/{signature}/other/{named}",
        f"/proxy/{signature}/{variant}/{named}AA",
        f"/proxy/{signature}/{variant}/%FF%FE",
        f"/proxy/{sign_remote(b'', url, variant)}/{variant}/{named}",
    ):
        assert (await proxying.send("GET", wrong)).status == 404
    assert origin.asked == []


async def test_private_addresses_stay_out_of_reach(proxying: Here) -> None:
    for url in ("http://127.0.0.1:1/x", "http://169.254.169.254/latest", "http://[::1]/x"):
        assert (await through(proxying, url)).status == 404


async def test_the_cache_keeps_within_its_bounds(proxying: Here, origin: Origin) -> None:
    noise = bytes(range(256)) * 500
    for number in range(10):
        content = recording("wav", None, "pcm_s16le") + noise + bytes([number])
        origin.answers[f"/{number}"] = content[:MOST], "audio/wav"
        assert (await through(proxying, f"{origin.url}/{number}")).status == 200
        proxying.clock.move(timedelta(seconds=1))
    assert await proxying.count("remote_media") == 10
    await tidy(proxying.ctx)
    left = await proxying.count("remote_media")
    assert 0 < left < 10
    proxying.clock.move(timedelta(days=8))
    await tidy(proxying.ctx)
    assert await proxying.count("remote_media") == 0
    assert await proxying.count("doubtful_blobs") == 0
    assert not [path for path in _files(proxying) if path.is_file()]


def _files(here: Here) -> list[Any]:
    root = here.ctx.blobs.path("0" * 64 + ".png")
    assert root is not None
    return list(root.parents[2].rglob("*"))


async def test_clients_are_given_no_address_of_a_peer_to_load(proxying: Here) -> None:
    far = await proxying.account("far", domain="far.test")
    await proxying.execute(
        "UPDATE accounts SET avatar_remote_url = 'https://far.test/a.png', "
        'emojis = \'[{"shortcode": "x", "url": "https://far.test/e.png"}]\''
    )
    shown = await proxying.get(f"/api/v1/accounts/{far}")
    for url in (shown["avatar"], shown["avatar_static"], shown["emojis"][0]["url"]):
        assert url.startswith("http://here.test/proxy/")
