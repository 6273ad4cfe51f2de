"""Whatever a client asks of the API: never an error of ours, and answers as they are described."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import requests

from tests.belongings import make_belongings
from tests.conftest import unused_port
from tests.fuzz.api import Described, ask, made_up_requests
from tests.fuzz.documents import run
from tests.instances import Instance, start_instance

_OPENAPI = Path(__file__).parents[3] / "shared" / "mastodon-api" / "openapi.json"
# What is asked changes people until nothing works any more; then others take their place.
_CASES_EACH = 250
# Where what is written differs from what Mastodon's own code answers (and so do we).
UNTRUE = {
    ("GET", "/api/v1/filters"): "is a list, described as a single one",
    ("DELETE", "/api/v2/filters/statuses/{id}"): "is an empty object, described as what went",
    ("GET", "/api/v1/instance/extended_description"): "its time is null where there is no text",
}


@pytest.fixture
def described() -> Described:
    if not _OPENAPI.exists():
        pytest.skip("shared/mastodon-api/openapi.json is not here")
    return Described(orjson.loads(_OPENAPI.read_bytes()), UNTRUE)


@pytest.fixture
async def instance(database_dsn: str, tmp_path: Path) -> AsyncIterator[Instance]:
    async with start_instance(database_dsn, tmp_path, unused_port()) as started:
        yield started


class People:
    """Who asks, with something of everything, for as long as they last."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._made = 0
        self._cases = 0
        self.ids: dict[str, str] = {}
        self.token = ""

    async def come(self) -> None:
        self._made += 1
        names = ("ada", "bob", "cyd")
        people = [await self._instance.person(f"{name}{self._made}") for name in names]
        self.ids.update(await make_belongings(*people))
        self.token = people[0].token
        self._cases = 0

    async def last(self) -> None:
        self._cases += 1
        if self._cases > _CASES_EACH:
            await self.come()


@pytest.mark.fuzz
async def test_whatever_a_client_asks(instance: Instance, described: Described) -> None:
    people = People(instance)
    await people.come()
    loop = asyncio.get_running_loop()

    def there() -> None:
        with requests.Session() as session:

            def check(case: Any) -> None:
                asyncio.run_coroutine_threadsafe(people.last(), loop).result()
                answer = ask(session, instance.base_url, people.token, case)
                described.check(case, answer)

            run(made_up_requests(described, people), check, 250)

    await asyncio.to_thread(there)
