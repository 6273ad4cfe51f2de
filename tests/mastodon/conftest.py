"""A server of the read endpoints over a real database, and the published schema to check with."""

import importlib
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import jsonschema  # type: ignore[import-untyped]  # its stubs are a package of their own
import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from fedserver.bytes_cache import BytesCache
from fedserver.clock import FixedClock
from fedserver.config import Config, InstanceConfig
from fedserver.context import Context
from fedserver.domain_rules import DomainRules
from fedserver.ids import IdMaker
from fedserver.rate_limits import RateLimiter
from fedserver.recent import Recent
from fedserver.routing import CONTEXT, all_endpoints, mount
from fedserver.routing.middleware import middlewares
from fedserver.timed_cache import TimedCache
from fedserver.viewer_filters import ViewerFilters
from storage.database import Database
from storage.push import PUT_PUSH_KEY
from tests.mastodon.world import START, World

_MODULES = (
    "account_reads",
    "bookmarks",
    "conversations",
    "custom_emojis",
    "domain_blocks",
    "favourites",
    "filters",
    "filters_v1",
    "grouped_notifications",
    "instance",
    "interaction_requests",
    "lists",
    "notification_requests",
    "notifications",
    "people",
    "relations",
    "scheduling",
    "search",
    "status_reads",
    "timelines",
    "user_domains",
)
_OPENAPI = Path(__file__).parents[3] / "shared" / "mastodon-api" / "openapi.json"
_TIME = re.compile(r"^\d{4}-\d\d-\d\dT")
_API_TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")


@pytest.fixture
def ctx(db: Database) -> Context:
    """Give a context with what reading needs; the network and keys are absent on purpose."""
    clock = FixedClock(START + timedelta(days=1))
    absent = cast(Any, None)
    return Context(
        config=Config(instance=InstanceConfig(domain="here.test", rules=("Be kind",))),
        db=db,
        clock=clock,
        ids=IdMaker(clock, node=0),
        secrets=absent,
        key_pool=absent,
        key_cache=absent,
        out=absent,
        blobs=absent,
        events=absent,
        rate_limiter=RateLimiter(clock, enabled=False),
        entity_cache=BytesCache(4 * 1024 * 1024),
        recent=Recent(clock),
        inbox=absent,
        signer_keys=absent,
        own_keys=TimedCache(clock, keep_s=60, max_entries=100),
        domains=DomainRules("open", "here.test"),
        viewer_filters=ViewerFilters(clock),
    )


@pytest.fixture
async def world(ctx: Context) -> AsyncIterator[World]:
    """Give an empty world behind a real HTTP server."""
    modules = {f"fedserver.mastodon.{name}" for name in _MODULES}
    for name in modules:
        importlib.import_module(name)
    around: list[Any] = list(middlewares(ctx))
    app = web.Application(middlewares=around)
    app[CONTEXT] = ctx
    mount(app, [one for one in all_endpoints() if one.handler.__module__ in modules])
    await ctx.db.execute(PUT_PUSH_KEY, "public", b"wrapped", START)
    async with TestClient(TestServer(app)) as client:
        yield World(ctx, client)


class Schema:
    """The published description of the entities."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._components = document["components"]

    def check(self, name: str, entity: Any, *, absent: frozenset[str] = frozenset()) -> None:
        """Assert that `entity` is a valid `name`, has every documented key but `absent`, and
        writes times in the one form that strict clients read."""
        entity = orjson.loads(orjson.dumps(entity))
        schema = {"$ref": f"#/components/schemas/{name}", "components": self._components}
        jsonschema.Draft202012Validator(schema).validate(entity)
        documented = set(self._components["schemas"][name]["properties"])
        assert documented - set(entity) == absent
        check_times(entity)

    def check_each(self, name: str, entities: list[Any], **options: Any) -> None:
        assert entities, "nothing to check"
        for entity in entities:
            self.check(name, entity, **options)


def check_times(value: Any) -> None:
    """Assert that every time has three decimals and Z."""
    if isinstance(value, dict):
        for inner in value.values():
            check_times(inner)
    elif isinstance(value, list):
        for inner in value:
            check_times(inner)
    elif isinstance(value, str) and _TIME.match(value):
        assert _API_TIME.match(value), value


@pytest.fixture(scope="session")
def schema() -> Schema:
    """Give the schema, where the folder with the shared data is beside this repository."""
    if not _OPENAPI.exists():
        pytest.skip("shared/mastodon-api/openapi.json is not here")
    return Schema(orjson.loads(_OPENAPI.read_bytes()))
