"""Media that lie in a bucket, as clients see them."""

from collections.abc import AsyncIterator
from dataclasses import replace
from urllib.request import Request, urlopen

import pytest
from moto.server import ThreadedMotoServer

from fedserver.context import Context
from fedserver.routing import CONTEXT
from storage.bucket import BlobBucket, BucketPlace
from tests.mastodon.write_fixtures import Here, form_with_file, picture
from tests.mastodon.write_fixtures import here_fixture as here_fixture

SOMEWHERE = {"access_key_id": "someone", "secret_access_key": "secret"}


@pytest.fixture(name="endpoint")
async def endpoint_fixture() -> AsyncIterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with urlopen(Request(f"http://{host}:{port}/media", method="PUT")):
        pass
    yield f"http://{host}:{port}"
    server.stop()


def moved(here: Here, place: BucketPlace) -> Here:
    """Give the same instance with its media in a bucket."""
    ctx: Context = replace(here.ctx, blobs=BlobBucket(place))
    here.client.app._state[CONTEXT] = ctx  # type: ignore[union-attr]  # the server is one of ours
    return Here(ctx, here.client)


async def test_files_come_from_the_bucket_in_ranges(here: Here, endpoint: str) -> None:
    here = moved(here, BucketPlace(name="media", endpoint=endpoint, **SOMEWHERE))
    alice = await here.person("alice")
    media = await here.do("POST", "/api/v2/media", alice, data=form_with_file("file", picture()))
    path = media["url"].removeprefix("http://here.test")
    whole = await here.send("GET", path)
    assert (whole.status, whole.body[:4]) == (200, b"\x89PNG")
    assert whole.headers["Content-Type"] == "image/png"
    assert "immutable" in whole.headers["Cache-Control"]
    assert "sandbox" in whole.headers["Content-Security-Policy"]
    size = len(whole.body)
    for asked, wanted in (("bytes=1-3", b"PNG"), ("bytes=-2", whole.body[-2:])):
        part = await here.send("GET", path, headers={"Range": asked})
        assert (part.status, part.body) == (206, wanted)
    assert part.headers["Content-Range"] == f"bytes {size - 2}-{size - 1}/{size}"
    beyond = await here.send("GET", path, headers={"Range": "bytes=999999-"})
    assert beyond.status == 416
    head = await here.send("HEAD", path)
    assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", str(size))
    assert (await here.send("GET", f"/media/{'0' * 64}.png")).status == 404


async def test_browsers_are_sent_to_the_bucket_where_the_admin_says_so(
    here: Here, endpoint: str
) -> None:
    here = moved(here, BucketPlace(name="media", endpoint=endpoint, presigned=True, **SOMEWHERE))
    alice = await here.person("alice")
    media = await here.do("POST", "/api/v2/media", alice, data=form_with_file("file", picture()))
    path = media["url"].removeprefix("http://here.test")
    sent = await here.send("GET", path, allow_redirects=False)
    assert sent.status == 302
    with urlopen(sent.headers["Location"]) as answer:
        assert answer.read(4) == b"\x89PNG"


async def test_a_bucket_that_is_away_keeps_nothing_by_halves(here: Here) -> None:
    away = BucketPlace(name="media", endpoint="http://127.0.0.1:1", timeout_s=1.0, **SOMEWHERE)
    here = moved(here, away)
    alice = await here.person("alice")
    reply = await here.send("POST", "/api/v2/media", alice, data=form_with_file("file", picture()))
    assert reply.status == 503
    assert await here.count("media_attachments") == 0
    assert await here.count("doubtful_blobs") == 1  # to be looked at, in case it got there
