"""Files that are not what they seem, or do not arrive: refused, and nothing stays behind."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from PIL import Image

from fedserver.rate_limits import MEDIA_UPLOADS
from storage.query import Value
from tests.belongings import picture, upload
from tests.conftest import fresh_database, unused_port
from tests.instances import Instance, Person, start_instance
from tests.recordings import recording

pytestmark = pytest.mark.asyncio(loop_scope="module")

UPLOAD = "/api/v2/media"
ATTACHMENTS = Value("SELECT count(*) FROM media_attachments", int)
PLACES = [
    ("POST", "/api/v1/media", "file"),
    ("POST", UPLOAD, "file"),
    ("PUT", "/api/v1/media/{media}", "thumbnail"),
    ("PATCH", "/api/v1/accounts/update_credentials", "avatar"),
    ("PATCH", "/api/v1/accounts/update_credentials", "header"),
    ("PATCH", "/api/v1/profile", "avatar"),
    ("PUT", "/api/v1/profile", "header"),
]
# What the hourly tidying takes away.
DOUBTFUL = Value("SELECT name FROM doubtful_blobs", str)


def noise(kind: str) -> bytes:
    """Give a picture of some size."""
    made = BytesIO()
    Image.effect_noise((60, 60), 80).save(made, kind)
    return made.getvalue()


def half(data: bytes) -> bytes:
    return data[: len(data) // 2]


NO_IMAGES: dict[str, Callable[[], bytes]] = {
    "half a PNG": lambda: half(noise("PNG")),
    "half a JPEG": lambda: half(noise("JPEG")),
    "half a WebP": lambda: half(noise("WEBP")),
    "head alone": lambda: noise("PNG")[:40],
    "no image": lambda: b"<html><script>alert(1)</script></html>",
    "svg": lambda: b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "zeros": lambda: bytes(10_000),
}


@dataclass(frozen=True, slots=True)
class Kept:
    """How many attachments there are, which files, and how ada looks."""

    attachments: int
    files: list[str]
    faces: str


class House:
    """A running instance with ada, and what it has kept."""

    def __init__(self, instance: Instance, ada: Person, media_folder: Path) -> None:
        self.instance = instance
        self.ada = ada
        self._folder = media_folder

    async def kept(self) -> Kept:
        """Give what is stored now."""
        files = sorted(one.name for one in self._folder.rglob("*") if one.is_file())
        me = await self.ada.get("/api/v1/accounts/verify_credentials")
        (attachments,) = await self.instance.ctx.db.values(ATTACHMENTS)
        return Kept(attachments, files, me["avatar"] + me["header"])

    async def send(
        self, method: str, path: str, field: str, data: bytes, declared: str = "image/png"
    ) -> tuple[int, Any]:
        form = aiohttp.FormData()
        form.add_field(field, data, filename="a.png", content_type=declared)
        headers = {"Authorization": f"Bearer {self.ada.token}"}
        url = self.instance.base_url + path
        session = self.instance.session
        async with session.request(method, url, data=form, headers=headers) as answer:
            return answer.status, await answer.json()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def house(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    folder = tmp_path_factory.mktemp("bad_uploads")
    async for dsn in fresh_database(postgres):
        async with start_instance(dsn, folder, unused_port()) as instance:
            yield House(instance, await instance.person("ada"), folder / "media")


@pytest.mark.parametrize(("method", "path", "field"), PLACES)
async def test_what_is_no_whole_image_is_refused_everywhere(
    house: House, method: str, path: str, field: str
) -> None:
    path = path.format(media=await upload(house.ada))
    before = await house.kept()
    for name, data in NO_IMAGES.items():
        status, body = await house.send(method, path, field, data())
        assert status == 422, (name, status, body)
        assert body["error"].startswith("Validation failed: "), (name, body)
    assert await house.kept() == before


@pytest.mark.parametrize("declared", ["video/mp4", "text/html", "application/json", "x"])
async def test_nobody_believes_the_declared_type(house: House, declared: str) -> None:
    status, body = await house.send("POST", UPLOAD, "file", picture(), declared)
    assert (status, body["type"]) == (200, "image")
    assert body["url"].endswith(".png")


async def test_a_cut_recording_is_refused(house: House) -> None:
    whole, before = recording("mp4", "libx264"), await house.kept()
    for data in (half(whole), whole[:64]):
        status, body = await house.send("POST", "/api/v1/media", "file", data, "video/mp4")
        assert (status, list(body)) == (422, ["error"]), body
    after, database = await house.kept(), house.instance.ctx.db
    doubtful = await database.values(DOUBTFUL)
    assert set(after.files) - set(before.files) <= set(doubtful)
    assert after.attachments == before.attachments


@pytest.mark.parametrize("sent", [0.0, 0.5, 0.99])
async def test_an_upload_that_breaks_off_leaves_nothing(house: House, sent: float) -> None:
    """The connection ends in the middle of the body: nobody is left to tell anything."""
    before = await house.kept()
    data = b"--X\r\nContent-Disposition: form-data; name=file; filename=a.png\r\n\r\n" + picture()
    whole = data + b"\r\n--X--\r\n"
    head = (
        f"POST {UPLOAD} HTTP/1.1\r\nHost: {house.instance.domain}\r\n"
        f"Authorization: Bearer {house.ada.token}\r\n"
        "Content-Type: multipart/form-data; boundary=X\r\n"
        f"Content-Length: {len(whole)}\r\n\r\n"
    )
    port = house.instance.ctx.config.server.port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head.encode() + whole[: int(len(whole) * sent)])
    await writer.drain()
    writer.write_eof()
    answer = await reader.read()
    assert answer == b"" or answer.split(b" ", 2)[1] in (b"400", b"422"), answer
    writer.close()
    assert await house.kept() == before
    assert await upload(house.ada)


async def test_too_many_uploads_are_told_when_to_come_again(
    database_dsn: str, tmp_path: Path
) -> None:
    async with start_instance(database_dsn, tmp_path, unused_port(), rate_limits=True) as instance:
        ada = await instance.person("ada")
        # The first request shows whose token it is; until then the address is counted.
        await ada.get("/api/v1/accounts/verify_credentials")
        for _ in range(MEDIA_UPLOADS.limit):
            assert (await instance.request("POST", UPLOAD, token=ada.token)).status == 422
        house = House(instance, ada, tmp_path / "media")
        before = await house.kept()
        refused = await instance.request("POST", UPLOAD, token=ada.token)
        assert (refused.status, refused.body) == (429, {"error": "Too many requests"})
        assert refused.headers["X-RateLimit-Limit"] == str(MEDIA_UPLOADS.limit)
        assert refused.headers["X-RateLimit-Remaining"] == "0"
        assert refused.headers["X-RateLimit-Reset"].endswith("Z")
        assert 0 < int(refused.headers["Retry-After"]) <= MEDIA_UPLOADS.period_s
        status, _ = await house.send("POST", UPLOAD, "file", picture())
        assert status == 429
        assert await house.kept() == before
        # Everything else may still be asked.
        assert await ada.get("/api/v1/timelines/home") == []
