"""Uploads and the files they become, over HTTP and a real database."""

import pytest

from tests.mastodon.write_fixtures import Here, form_with_file, picture
from tests.mastodon.write_fixtures import here_fixture as here_fixture

UPLOAD = "/api/v2/media"


@pytest.mark.parametrize("path", ["/api/v1/media", UPLOAD])
async def test_an_image_is_ready_at_once(here: Here, path: str) -> None:
    alice = await here.person("alice")
    form = form_with_file("file", picture((80, 40)), description=" A cat ", focus="-0.25, 7")
    media = await here.do("POST", path, alice, data=form)
    assert media["type"] == "image"
    assert media["description"] == "A cat"
    assert media["blurhash"]
    assert media["meta"]["original"] == {
        "width": 80,
        "height": 40,
        "size": "80x40",
        "aspect": 2.0,
    }
    assert media["meta"]["small"]["width"] > 0
    assert media["meta"]["focus"] == {"x": -0.25, "y": 1.0}
    assert await here.do("GET", f"/api/v1/media/{media['id']}", alice) == media


async def test_the_file_is_served_so_that_nothing_in_it_runs(here: Here) -> None:
    alice = await here.person("alice")
    media = await here.do("POST", UPLOAD, alice, data=form_with_file("file", picture()))
    path = media["url"].removeprefix("http://here.test")
    whole = await here.send("GET", path)
    assert whole.status == 200
    assert whole.body.startswith(b"\x89PNG")
    assert whole.headers["Content-Type"] == "image/png"
    assert "immutable" in whole.headers["Cache-Control"]
    assert whole.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in whole.headers["Content-Security-Policy"]
    assert whole.headers["Access-Control-Allow-Origin"] == "*"
    part = await here.send("GET", path, headers={"Range": "bytes=1-3"})
    assert (part.status, part.body) == (206, b"PNG")
    head = await here.send("HEAD", path)
    assert (head.status, head.body) == (200, b"")
    assert head.headers["Content-Length"] == str(len(whole.body))
    preview = media["preview_url"].removeprefix("http://here.test")
    assert (await here.send("GET", preview)).status == 200


@pytest.mark.parametrize(
    "name", ["x", "..%2f..%2fetc%2fpasswd", "0" * 64 + ".png", "0" * 64 + ".", "incoming"]
)
async def test_other_names_lead_nowhere(here: Here, name: str) -> None:
    reply = await here.send("GET", f"/media/{name}")
    assert (reply.status, reply.body) == (404, {"error": "Record not found"})


@pytest.mark.parametrize(
    ("data", "start"),
    [
        (b"", "Validation failed: File can't be blank"),
        (b"<svg onload='x'/>", "Validation failed: File content type is invalid"),
        (b"\x89PNG\r\n\x1a\nbroken", "Validation failed: File is invalid"),
    ],
)
async def test_what_is_no_image_is_refused(here: Here, data: bytes, start: str) -> None:
    alice = await here.person("alice")
    form = form_with_file("file", data)
    status, error = await here.refusal("POST", UPLOAD, alice, data=form)
    assert status == 422
    assert error.startswith(start)
    assert await here.count("media_attachments") == 0


async def test_an_upload_needs_a_file(here: Here) -> None:
    alice = await here.person("alice")
    for options in ({"data": {"description": "x"}}, {"json": {"file": "x"}}, {}):
        refusal = await here.refusal("POST", UPLOAD, alice, **options)
        assert refusal == (422, "Validation failed: File can't be blank")


@pytest.mark.parametrize(
    ("field", "value"), [("focus", "nan,0"), ("focus", "1"), ("description", "x" * 1501)]
)
async def test_odd_descriptions_are_refused(here: Here, field: str, value: str) -> None:
    alice = await here.person("alice")
    form = form_with_file("file", picture(), **{field: value})
    assert (await here.send("POST", UPLOAD, alice, data=form)).status == 422


async def test_description_and_focus_can_change(here: Here) -> None:
    alice = await here.person("alice")
    media = await here.do("POST", UPLOAD, alice, data=form_with_file("file", picture()))
    path = f"/api/v1/media/{media['id']}"
    changed = await here.do("PUT", path, alice, json={"description": "Red", "focus": "0.1,0.2"})
    assert changed["description"] == "Red"
    assert changed["meta"]["focus"] == {"x": 0.1, "y": 0.2}
    assert changed["meta"]["original"] == media["meta"]["original"]
    same = await here.do("PUT", path, alice, json={})
    assert same == changed
    assert (await here.do("PUT", path, alice, json={"description": ""}))["description"] is None


async def test_a_new_description_shows_in_the_post(here: Here) -> None:
    alice = await here.person("alice")
    media = await here.do("POST", UPLOAD, alice, data=form_with_file("file", picture()))
    posted = await here.post(alice, "x", media_ids=[media["id"]])
    await here.do("PUT", f"/api/v1/media/{media['id']}", alice, json={"description": "Red"})
    shown = await here.do("GET", f"/api/v1/statuses/{posted['id']}", alice)
    assert shown["media_attachments"][0]["description"] == "Red"
    assert shown["edited_at"] is None


async def test_nobody_sees_or_changes_other_peoples_uploads(here: Here) -> None:
    alice, eve = await here.person("alice"), await here.person("eve")
    media = await here.do("POST", UPLOAD, alice, data=form_with_file("file", picture()))
    path = f"/api/v1/media/{media['id']}"
    for method in ("GET", "PUT", "DELETE"):
        assert (await here.send(method, path, eve)).status == 404


async def test_only_what_is_not_posted_can_be_deleted(here: Here) -> None:
    alice = await here.person("alice")
    media = await here.do("POST", UPLOAD, alice, data=form_with_file("file", picture()))
    path = f"/api/v1/media/{media['id']}"
    posted = await here.post(alice, "x", media_ids=[media["id"]])
    refusal = await here.refusal("DELETE", path, alice)
    assert refusal == (422, "Media attachment is currently used by a status")
    await here.do("DELETE", f"/api/v1/statuses/{posted['id']}", alice)
    assert await here.do("DELETE", path, alice) == {}
    assert (await here.send("GET", path, alice)).status == 404
