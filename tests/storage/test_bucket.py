"""Blobs in a bucket, against an S3 server that runs here."""

import hashlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import obstore
import pytest
from moto.server import ThreadedMotoServer
from obstore.store import S3Store

from storage.blobs import BlobStore
from storage.bucket import BlobBucket, BucketPlace, BucketUnavailable
from storage.failures import is_temporary

DATA = b"some picture"
NAME = hashlib.sha256(DATA).hexdigest() + ".png"
LARGE = bytes(range(256)) * 100_000


@pytest.fixture(scope="module", name="endpoint")
def endpoint_fixture() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    with urlopen(Request(f"{endpoint}/media", method="PUT")):
        pass
    yield endpoint
    server.stop()


def place(endpoint: str, **changes: Any) -> BucketPlace:
    known: dict[str, Any] = {
        "name": "media",
        "endpoint": endpoint,
        "access_key_id": "someone",
        "secret_access_key": "secret",
        "prefix": "fedserver/",
    }
    return BucketPlace(**(known | changes))


@pytest.fixture(name="blobs")
def blobs_fixture(endpoint: str) -> BlobStore:
    return BlobBucket(place(endpoint))


async def test_a_blob_is_named_by_its_content_and_can_be_removed(blobs: BlobStore) -> None:
    assert await blobs.put(DATA, suffix=".png") == NAME
    assert await blobs.put(DATA, suffix=".png") == NAME
    assert await blobs.read(NAME) == DATA
    assert await blobs.size(NAME) == len(DATA)
    assert await blobs.exists(NAME)
    assert blobs.path(NAME) is None
    assert await blobs.public_url(NAME) is None
    assert await blobs.delete(NAME) is True
    assert await blobs.delete(NAME) is False
    assert not await blobs.exists(NAME)
    for ask in (blobs.read, blobs.size, blobs.open):
        with pytest.raises(FileNotFoundError):
            await ask(NAME)


@pytest.mark.parametrize("kind", ["bytes", "path", "file"])
async def test_large_ones_travel_in_parts(blobs: BlobStore, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "upload"
    content = LARGE + kind.encode()
    path.write_bytes(content)
    moved = BytesIO(content)
    moved.seek(7)  # it is kept whole wherever somebody stopped reading
    given = {"bytes": content, "path": path, "file": moved}[kind]
    name = await blobs.put(given, suffix=".mp4")  # type: ignore[arg-type]  # one of the three
    assert name == hashlib.sha256(content).hexdigest() + ".mp4"
    assert await blobs.read_range(name, 256, 4) == b"\x00\x01\x02\x03"
    with await blobs.open(name) as copy:
        assert copy.read() == content


async def test_names_stand_below_the_prefix_with_their_type(
    blobs: BlobStore, endpoint: str
) -> None:
    await blobs.put(DATA, suffix=".png")
    plain = S3Store(
        "media",
        endpoint=endpoint,
        region="us-east-1",
        access_key_id="x",
        secret_access_key="y",
        client_options={"allow_http": True},
    )
    found = await obstore.get_async(plain, f"fedserver/{NAME}")
    assert found.attributes["Content-Type"] == "image/png"
    assert "immutable" in found.attributes["Cache-Control"]


@pytest.mark.parametrize("name", ["", "x", "../../etc/passwd", "0" * 64, "A" * 64 + ".png"])
async def test_other_names_are_refused(blobs: BlobStore, name: str) -> None:
    for ask in (blobs.read, blobs.delete, blobs.exists, blobs.open):
        with pytest.raises(ValueError, match="name of a blob"):
            await ask(name)


async def test_browsers_may_be_sent_there(endpoint: str) -> None:
    presigned = BlobBucket(place(endpoint, presigned=True))
    await presigned.put(DATA, suffix=".png")
    signed = await presigned.public_url(NAME)
    assert signed is not None
    assert signed.startswith(f"{endpoint}/media/fedserver/{NAME}?")
    assert "X-Amz-Signature=" in signed
    with urlopen(signed) as answer:
        assert answer.read() == DATA
    public = BlobBucket(place(endpoint, public_url="https://files.example/"))
    assert await public.public_url(NAME) == f"https://files.example/fedserver/{NAME}"


async def test_a_service_that_is_away_is_a_passing_trouble() -> None:
    away = BlobBucket(place("http://127.0.0.1:1", timeout_s=1.0))
    with pytest.raises(BucketUnavailable) as failure:
        await away.put(DATA, suffix=".png")
    assert is_temporary(failure.value)
    assert "secret" not in str(failure.value).replace("secret_access_key", "")


def test_what_proves_who_we_are_is_not_shown(endpoint: str) -> None:
    assert "secret'" not in repr(place(endpoint))
