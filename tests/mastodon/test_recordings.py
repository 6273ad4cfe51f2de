"""Videos, sounds and animations: uploaded, converted by the worker, posted and served."""

from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from typing import Any

from fedserver.services.attachments import CLAIM_FOR, MAX_TRIES
from fedserver.workers.housekeeping import tidy
from fedserver.workers.media_worker import convert_due
from storage.processing import CLAIM_MEDIA_WORK
from storage.query import Value
from storage.recovery import FREE_MEDIA
from tests.mastodon.write_fixtures import Here, Person, form_with_file, picture
from tests.mastodon.write_fixtures import here_fixture as here_fixture
from tests.recordings import animation, recording, streams

UPLOAD = "/api/v2/media"


async def sent(here: Here, person: Person, data: bytes, **fields: str) -> Any:
    """Upload what is not ready at once."""
    reply = await here.send("POST", UPLOAD, person, data=form_with_file("file", data, **fields))
    assert reply.status == 202, reply
    assert reply.body["url"] is None
    return reply.body


async def ready(here: Here, person: Person, media_id: str) -> Any:
    """Let the worker do its work, and give the attachment."""
    assert await convert_due(here.ctx) == 1
    return await here.do("GET", f"/api/v1/media/{media_id}", person)


async def served(here: Here, url: str) -> Any:
    return await here.send("GET", url.removeprefix("http://here.test"))


# What is uploaded, what it becomes, how it is served, and what is in it then.
TYPES: list[tuple[Callable[[], bytes], str, str, dict[str, str]]] = [
    (
        lambda: recording("mp4", "libx264", "aac"),
        "video",
        "video/mp4",
        {"video": "h264", "audio": "aac"},
    ),
    (
        lambda: recording("webm", "libvpx-vp9", "libopus"),
        "video",
        "video/mp4",
        {"video": "h264", "audio": "aac"},
    ),
    (
        lambda: recording("mov", "mpeg4", "pcm_s16le"),
        "video",
        "video/mp4",
        {"video": "h264", "audio": "aac"},
    ),
    (lambda: recording("mp4", "libx264"), "gifv", "video/mp4", {"video": "h264"}),
    (lambda: animation(), "gifv", "video/mp4", {"video": "h264"}),
    (
        lambda: recording("mp3", None, "libmp3lame"),
        "audio",
        "audio/mpeg",
        {"audio": "mp3float"},
    ),
    (lambda: recording("ogg", None, "libopus"), "audio", "audio/mpeg", {"audio": "mp3float"}),
    (lambda: recording("flac", None, "flac"), "audio", "audio/mpeg", {"audio": "mp3float"}),
    (lambda: recording("wav", None, "pcm_s16le"), "audio", "audio/mpeg", {"audio": "mp3float"}),
    (lambda: recording("ipod", None, "aac"), "audio", "audio/mp4", {"audio": "aac"}),
    (lambda: recording("adts", None, "aac"), "audio", "audio/mp4", {"audio": "aac"}),
]


async def test_each_type_becomes_what_browsers_play(here: Here) -> None:
    alice = await here.person("alice")
    for make, type, content_type, codecs in TYPES:
        waiting = await sent(here, alice, make())
        media = await ready(here, alice, waiting["id"])
        assert media["type"] == type, content_type
        await check_played(here, media, content_type, codecs)


async def check_played(here: Here, media: Any, content_type: str, codecs: dict[str, str]) -> None:
    sounds = media["type"] == "audio"
    assert (media["blurhash"] is None) == sounds
    original = media["meta"]["original"]
    assert 0.2 < original["duration"] < 0.8
    assert original["bitrate"] > 0
    file = await served(here, media["url"])
    assert (file.status, file.headers["Content-Type"]) == (200, content_type)
    assert streams(file.body) == codecs
    for secret in (b"52.51", b"at home"):
        assert secret not in file.body
    if not sounds:
        assert file.body.find(b"moov") < file.body.find(b"mdat")
        assert original["width"] > 0 < media["meta"]["small"]["height"]
        assert int(original["frame_rate"].split("/")[0]) > 0
        assert (await served(here, media["preview_url"])).headers["Content-Type"] == "image/jpeg"


async def test_while_it_is_converted_it_cannot_be_posted(here: Here) -> None:
    alice = await here.person("alice")
    waiting = await sent(here, alice, recording("mp4", "libx264", "aac"), description="A film")
    path = f"/api/v1/media/{waiting['id']}"
    assert (await here.send("GET", path, alice)).status == 206
    refusal = await here.refusal(
        "POST", "/api/v1/statuses", alice, json={"status": "x", "media_ids": [waiting["id"]]}
    )
    assert refusal[0] == 422
    assert "have not finished processing" in refusal[1]
    await ready(here, alice, waiting["id"])
    posted = await here.post(alice, "x", media_ids=[waiting["id"]])
    assert posted["media_attachments"][0]["description"] == "A film"
    assert posted["media_attachments"][0]["type"] == "video"


async def test_the_old_endpoint_waits(here: Here) -> None:
    alice = await here.person("alice")
    form = form_with_file("file", recording("mp4", "libx264", "aac"))
    media = await here.do("POST", "/api/v1/media", alice, data=form)
    assert media["url"]
    assert media["meta"]["original"]["width"] == 64


async def test_a_chosen_thumbnail_stays(here: Here) -> None:
    alice = await here.person("alice")
    form = form_with_file("file", recording("mp3", None, "libmp3lame"))
    form.add_field("thumbnail", picture((300, 200)), filename="cover.png")
    reply = await here.send("POST", UPLOAD, alice, data=form)
    media = await ready(here, alice, reply.body["id"])
    assert media["meta"]["small"]["size"] == "300x200"
    assert media["meta"]["colors"]["background"] == "#c81e1e"
    assert media["preview_url"]
    form = form_with_file("thumbnail", picture((90, 90)))
    changed = await here.do("PUT", f"/api/v1/media/{media['id']}", alice, data=form)
    assert changed["meta"]["small"]["size"] == "90x90"
    assert changed["preview_url"] != media["preview_url"]
    assert changed["meta"]["original"] == media["meta"]["original"]


async def test_what_a_killed_worker_left_is_taken_up(here: Here) -> None:
    alice = await here.person("alice")
    waiting = await sent(here, alice, recording("mp4", "libx264", "aac"))
    now = here.clock.now()
    # Somebody took it and was killed.
    assert await here.ctx.db.fetch(CLAIM_MEDIA_WORK, now, now + CLAIM_FOR, 1)
    assert await convert_due(here.ctx) == 0
    here.clock.move(CLAIM_FOR)
    assert (await ready(here, alice, waiting["id"]))["url"]


async def test_what_a_killed_worker_left_is_free_at_the_start(here: Here) -> None:
    alice = await here.person("alice")
    waiting = await sent(here, alice, recording("mp4", "libx264", "aac"))
    now = here.clock.now()
    assert await here.ctx.db.fetch(CLAIM_MEDIA_WORK, now, now + CLAIM_FOR, 1)
    assert await here.ctx.db.execute(FREE_MEDIA) == 1
    assert (await ready(here, alice, waiting["id"]))["url"]


async def test_what_kills_its_workers_is_given_up(here: Here) -> None:
    alice = await here.person("alice")
    waiting = await sent(here, alice, recording("mp4", "libx264", "aac"))
    for _ in range(MAX_TRIES):
        now = here.clock.now()
        assert await here.ctx.db.fetch(CLAIM_MEDIA_WORK, now, now + CLAIM_FOR, 1)
        here.clock.move(CLAIM_FOR)
    assert await convert_due(here.ctx) == 1
    assert (await here.send("GET", f"/api/v1/media/{waiting['id']}", alice)).status == 422


BROKEN: list[Callable[[], bytes]] = [
    lambda: b"\x00\x00\x00\x20ftypisom" + b"\0" * 200,
    lambda: b"\x1aE\xdf\xa3" + b"nonsense" * 50,
    lambda: b"OggS" + b"\0" * 300,
    lambda: recording("mp4", "libx264", "aac")[:400],
    lambda: recording("mp4", "libx264", rate=200),
    lambda: b"\xff\xfb" + b"#EXTM3U\nfile:///etc/passwd\n" * 9,
]


async def test_what_cannot_be_played_fails_and_leaves_nothing(here: Here) -> None:
    alice = await here.person("alice")
    for make in BROKEN:
        waiting = await sent(here, alice, make())
        assert await convert_due(here.ctx) == 1
        refusal = await here.refusal("GET", f"/api/v1/media/{waiting['id']}", alice)
        assert refusal[0] == 422
        assert refusal[1].startswith("Validation failed: ")
    form = form_with_file("file", BROKEN[0]())
    assert (await here.send("POST", "/api/v1/media", alice, data=form)).status == 422
    assert await here.count("media_attachments") == len(BROKEN)
    here.clock.move(timedelta(days=2))
    await tidy(here.ctx)
    assert await here.count("media_attachments") == 0
    assert await here.count("doubtful_blobs") == 0


async def test_ranges_and_unlooked_uploads(here: Here) -> None:
    alice = await here.person("alice")
    waiting = await sent(here, alice, recording("mp4", "libx264", "aac"))
    source = await here.ctx.db.value(Value("SELECT source_blob FROM media_attachments", str))
    assert (await here.send("GET", f"/media/{source}")).status == 404
    media = await ready(here, alice, waiting["id"])
    path = media["url"].removeprefix("http://here.test")
    part = await here.send("GET", path, headers={"Range": "bytes=4-7"})
    assert (part.status, part.body) == (206, b"ftyp")
    end = await here.send("GET", path, headers={"Range": "bytes=-8"})
    assert (end.status, len(end.body)) == (206, 8)
    beyond = await here.send("GET", path, headers={"Range": "bytes=99999999-"})
    assert beyond.status == 416


async def test_files_go_with_their_post(here: Here) -> None:
    alice = await here.person("alice")
    kept = await here.do("POST", UPLOAD, alice, data=form_with_file("file", picture((50, 50))))
    gone = await here.do("POST", UPLOAD, alice, data=form_with_file("file", picture((70, 70))))
    await here.post(alice, "stays", media_ids=[kept["id"]])
    posted = await here.post(alice, "goes", media_ids=[gone["id"]])
    await here.do("DELETE", f"/api/v1/statuses/{posted['id']}?delete_media=true", alice)
    here.clock.move(timedelta(days=2))
    await tidy(here.ctx)
    assert (await served(here, kept["url"])).status == 200
    assert (await served(here, gone["url"])).status == 404


async def test_a_gif_that_stands_still_is_an_image(here: Here) -> None:
    alice = await here.person("alice")
    still = BytesIO(picture((40, 40), "GIF")).getvalue()
    media = await here.do("POST", UPLOAD, alice, data=form_with_file("file", still))
    assert media["type"] == "image"
