"""Every kind of target keeps the contract: a folder, a bucket, and another instance."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from moto.server import ThreadedMotoServer

from fedserver.config import Config, DataConfig, VaultConfig
from fedserver.errors import StartError
from fedserver.survival.vault.targets import MirrorPlace, check_targets
from storage.bucket import BucketPlace
from storage.vault_places import BucketObjects, FolderPlace, Place, PlaceUnavailable
from tests.survival.partners import agree, instances, target

CHUNK = bytes(range(256)) * 40
NAMES = ["log/0000000001-aa/0000000000.genesis", "log/0000000001-aa/0000000001.wal"]


@pytest.fixture(scope="module", name="endpoint")
def endpoint_fixture() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with urlopen(Request(f"http://{host}:{port}/vault", method="PUT")):
        pass
    yield f"http://{host}:{port}"
    server.stop()


def bucket(endpoint: str, **changes: str) -> BucketObjects:
    place = BucketPlace(
        name="vault", endpoint=endpoint, access_key_id="me", secret_access_key="s", prefix="ours/"
    )
    return BucketObjects(replace(place, timeout_s=3, **changes))


@pytest.fixture(params=["folder", "bucket", "mirror"])
async def place(
    request: pytest.FixtureRequest, tmp_path: Path, endpoint: str, postgres: str
) -> AsyncIterator[Place]:
    if request.param == "folder":
        yield FolderPlace(tmp_path)
    elif request.param == "bucket":
        yield bucket(endpoint)
    else:
        async with AsyncExitStack() as stack:
            two = await stack.enter_async_context(instances(postgres, tmp_path, 2))
            await agree(*two)
            yield MirrorPlace(target(*two))


async def test_a_place_keeps_lists_gives_and_deletes(place: Place) -> None:
    assert await place.list("log/") == []
    for name in (*reversed(NAMES), "media/ab/abcd"):
        await place.put(name, CHUNK + name.encode())
    await place.put(NAMES[0], CHUNK + NAMES[0].encode())  # again is nothing
    assert await place.list("log/") == NAMES
    assert await place.list("log/0000000001-aa/") == NAMES
    assert await place.get(NAMES[1]) == CHUNK + NAMES[1].encode()
    with pytest.raises(FileNotFoundError):
        await place.get("log/0000000001-aa/0000000002.wal")
    await place.delete("log/0000000001-aa/0000000002.wal")
    await place.delete(NAMES[0])
    if not isinstance(place, MirrorPlace):  # which keeps it for a fortnight
        assert await place.list("log/") == NAMES[1:]


@pytest.mark.parametrize("name", ["../up", "/etc/passwd", "log/../../up", "", "a//b", ".draft-1"])
async def test_no_name_leads_out_of_the_place(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="not the name"):
        await FolderPlace(tmp_path).put(name, CHUNK)


async def test_a_place_that_is_away_says_so(tmp_path: Path, endpoint: str) -> None:
    for place in (FolderPlace(tmp_path / "not mounted"), bucket(endpoint, name="no-such-bucket")):
        with pytest.raises(PlaceUnavailable):
            await place.put(NAMES[0], CHUNK)
        with pytest.raises(PlaceUnavailable):
            await place.list("log/")


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ("folder:{data}/vault", "inside the data folder"),
        ("folder:vault", "begin with a slash"),
        ("bucket", "has no name"),
        ("ftp://example.org", "is no target"),
    ],
)
def test_a_target_that_would_be_no_help_is_refused(tmp_path: Path, label: str, said: str) -> None:
    config = Config(
        data=DataConfig(folder=tmp_path),
        vault=VaultConfig(targets=(label.format(data=tmp_path),)),
    )
    with pytest.raises(StartError, match=said):
        check_targets(config)
