"""What Mastodon's own web client calls."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from storage.query import Value
from tests.conftest import unused_port
from tests.instances import Instance, Person, start_instance
from tests.push.service import new_app

BROWSERS = "/api/web/push_subscriptions"
SETTINGS = "/api/web/settings"
KEPT = Value("SELECT data FROM web_settings", dict)


@pytest.fixture
async def instance(database_dsn: str, tmp_path: Path) -> AsyncIterator[Instance]:
    async with start_instance(database_dsn, tmp_path, unused_port()) as one:
        yield one


async def ask(who: Person, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    answer = await who.instance.request(method, path, token=who.token, body=body)
    return answer.status, answer.body


async def subscribed(who: Person) -> Any:
    wanted = {"endpoint": "http://localhost:1/push", "keys": new_app().keys}
    status, made = await ask(who, "POST", BROWSERS, {"subscription": wanted})
    assert status == 200
    return made


async def test_a_browser_subscribes_and_says_anew_what_it_wants(instance: Instance) -> None:
    ada = await instance.person("ada")
    made = await subscribed(ada)
    assert made == await ada.get("/api/v1/push/subscription")
    assert (made["policy"], set(made["alerts"].values())) == ("all", {False})
    one = f"{BROWSERS}/{made['id']}"
    wanted = {"data": {"policy": "followed", "alerts": {"mention": True, "poll": True}}}
    status, changed = await ask(ada, "PUT", one, wanted)
    assert (status, changed["policy"]) == (200, "followed")
    status, changed = await ask(ada, "PUT", one, {"data": {"alerts": {"poll": True}}})
    assert [name for name, wants in changed["alerts"].items() if wants] == ["poll"]
    assert changed["policy"] == "all"
    assert await ask(ada, "DELETE", one) == (200, {})
    assert (await ask(ada, "DELETE", one))[0] == 404


async def test_subscriptions_of_others_do_not_exist(instance: Instance) -> None:
    ada, bob = await instance.person("ada"), await instance.person("bob")
    one = f"{BROWSERS}/{(await subscribed(ada))['id']}"
    assert (await ask(bob, "PUT", one, {"data": {"policy": "none"}}))[0] == 404
    assert (await ask(bob, "DELETE", one))[0] == 404
    assert (await ada.get("/api/v1/push/subscription"))["policy"] == "all"


async def test_settings_are_kept_as_they_came_last(instance: Instance) -> None:
    ada = await instance.person("ada")
    for theme in ("dark", "light"):
        changed = await ask(ada, "PATCH", SETTINGS, {"data": {"theme": theme, "columns": [1]}})
        assert changed == (200, {})
    assert await instance.ctx.db.values(KEPT) == [{"theme": "light", "columns": [1]}]
    for bad in ({"a": "x" * 70_000}, {"a": "\0"}):
        assert (await ask(ada, "PATCH", SETTINGS, {"data": bad}))[0] == 422
    assert (await instance.request("PATCH", SETTINGS, body={"data": {}})).status == 401


async def test_a_look_from_elsewhere_goes_on_to_the_page(instance: Instance) -> None:
    answer = await instance.request(
        "GET", "/.well-known/proxy", query={"uri": "https://far.test/1", "x": "y"}
    )
    assert answer.status == 301
    assert answer.headers["Location"] == "/authorize_interaction?uri=https://far.test/1&x=y"
