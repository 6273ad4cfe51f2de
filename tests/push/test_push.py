"""Notifications pushed to a real push service, and read by the app behind it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec
from mastodon import Mastodon

from fedserver.services import grants
from fedserver.services.push_messages import decode
from fedserver.services.push_titles import TITLES, push_title
from fedserver.workers.push_worker import PAUSES, next_push
from storage.oauth import APPLICATION_BY_ID
from storage.query import Value
from storage.sign_ups import SET_LOCALE
from tests.conftest import unused_port
from tests.instances import Instance, Person, start_instance
from tests.push.service import App, PushService, new_app, push_service
from tests.waiting import until

SUBSCRIPTION = "/api/v1/push/subscription"
_WAITING = Value("SELECT attempts::int FROM push_deliveries", int)
_DUE_IN = Value("SELECT extract(epoch FROM due_at - now())::float8 FROM push_deliveries", float)


@dataclass(frozen=True)
class Scene:
    """Ada, whose app has subscribed or will, and Bob, who gives occasion."""

    instance: Instance
    service: PushService
    ada: Person
    bob: Person
    app: App

    async def subscribe(self, *alerts: str, standard: bool = True, **data: Any) -> Any:
        wanted = {"endpoint": self.service.endpoint(), "keys": self.app.keys}
        return await self.ada.post(
            SUBSCRIPTION,
            subscription={**wanted, "standard": standard},
            data={"alerts": dict.fromkeys(alerts, True), **data},
        )

    async def has_subscription(self) -> bool:
        answer = await self.instance.request("GET", SUBSCRIPTION, token=self.ada.token)
        return answer.status == 200

    async def until_dropped(self) -> None:
        async def dropped() -> bool:
            return not await self.has_subscription()

        await until(dropped)


@pytest.fixture
async def scene(database_dsn: str, tmp_path: Path) -> AsyncIterator[Scene]:
    port = unused_port()
    async with (
        push_service(port) as service,
        start_instance(database_dsn, tmp_path, unused_port(), peers=(port,)) as instance,
    ):
        ada, bob = await instance.person("ada"), await instance.person("bob")
        yield Scene(instance, service, ada, bob, new_app())


@pytest.mark.parametrize("standard", [True, False])
async def test_a_mention_reaches_the_app(scene: Scene, standard: bool) -> None:
    made = await scene.subscribe("mention", standard=standard)
    assert made["standard"] is standard
    posted = await scene.bob.post("/api/v1/statuses", status=f"@ada <b> &amp; {'word ' * 40}")
    message = await scene.service.next()
    told = await scene.ada.get("/api/v1/notifications")
    assert told[0]["status"]["id"] == posted["id"]
    pushed = scene.app.read(message)
    body = pushed.pop("body")
    assert body.startswith("@ada <b> &amp; word")
    assert len(body) == 140
    assert pushed == {
        "access_token": scene.ada.token,
        "preferred_locale": "en",
        "notification_id": int(told[0]["id"]),
        "notification_type": "mention",
        "icon": told[0]["account"]["avatar_static"],
        "title": "bob mentioned you",
    }
    public, claims = message.vapid()
    assert public == made["server_key"]
    assert claims["aud"] == f"http://localhost:{scene.service.port}"
    assert claims["sub"]
    left = claims["exp"] - datetime.now(UTC).timestamp()
    assert 0 < left <= 24 * 3_600
    assert (message.headers["TTL"], message.headers["Urgency"]) == ("172800", "normal")


async def test_the_title_is_in_the_receivers_language(scene: Scene) -> None:
    await scene.instance.ctx.db.execute(SET_LOCALE, scene.ada.account_id, "de-AT")
    await scene.subscribe("mention")
    await scene.bob.post("/api/v1/statuses", status="@ada hallo")
    assert scene.app.read(await scene.service.next())["title"] == "bob hat dich erwähnt"


def test_every_language_has_every_title() -> None:
    for language, titles in TITLES.items():
        assert titles.keys() == TITLES["en"].keys(), language
        for kind, title in titles.items():
            assert title.count("{}") == TITLES["en"][kind].count("{}"), (language, kind)
    assert push_title("pt-BR", "follow", "{bob}") == "{bob} followed you"
    assert push_title("fr_CA", "follow", "bob") == "bob vous suit"
    assert push_title("ja", "new kind", "bob") == "bob"


async def test_what_is_said_of_our_key_is_true_everywhere(scene: Scene) -> None:
    key = (await scene.subscribe())["server_key"]
    ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), decode(key))
    instance = await scene.ada.get("/api/v2/instance")
    assert instance["configuration"]["vapid"]["public_key"] == key
    made = await scene.ada.post("/api/v1/apps", client_name="a", redirect_uris="app://a")
    assert made["vapid_key"] == key


async def test_only_what_was_asked_for_is_pushed(scene: Scene) -> None:
    await scene.subscribe("follow", "favourite", policy="followed")
    posted = await scene.ada.post("/api/v1/statuses", status="Hello")
    await scene.bob.post("/api/v1/statuses", status="@ada no mention is pushed")
    await scene.bob.post(f"/api/v1/accounts/{scene.ada.account_id}/follow")  # not followed yet
    await scene.ada.post(f"/api/v1/accounts/{scene.bob.account_id}/follow")
    await scene.bob.post(f"/api/v1/statuses/{posted['id']}/favourite")
    first = scene.app.read(await scene.service.next())
    assert (first["notification_type"], first["body"]) == ("favourite", "Hello")

    changed = await scene.ada.put(
        SUBSCRIPTION, data={"alerts": {"mention": "1", "admin.report": False}, "policy": "follower"}
    )
    assert [name for name, on in changed["alerts"].items() if on] == ["mention"]
    assert changed["policy"] == "follower"
    eve = await scene.instance.person("eve")
    await eve.post("/api/v1/statuses", status="@ada by no follower")
    await scene.bob.post("/api/v1/statuses", status="@ada by a follower", spoiler_text="CW")
    assert scene.app.read(await scene.service.next())["body"] == "CW"
    await scene.ada.put(SUBSCRIPTION, policy="none")
    await scene.bob.post("/api/v1/statuses", status="@ada nothing")
    assert await scene.instance.ctx.db.values(_WAITING) == []


async def test_a_subscription_that_is_gone_is_dropped(scene: Scene) -> None:
    await scene.subscribe("mention")
    scene.service.answers.append(web.Response(status=410))
    await scene.bob.post("/api/v1/statuses", status="@ada")
    await scene.until_dropped()


async def test_a_subscription_that_leads_where_we_may_not_go_is_dropped(scene: Scene) -> None:
    keys = scene.app.keys
    hidden = {"endpoint": f"http://127.0.0.1:{unused_port()}/x", "keys": keys, "standard": True}
    await scene.ada.post(SUBSCRIPTION, subscription=hidden, data={"alerts": {"mention": True}})
    await scene.bob.post("/api/v1/statuses", status="@ada")
    await scene.until_dropped()


async def test_a_service_that_is_busy_gets_it_later(scene: Scene) -> None:
    await scene.subscribe("mention")
    busy = web.Response(status=429, headers={"Retry-After": "900"})
    scene.service.answers.append(busy)
    await scene.bob.post("/api/v1/statuses", status="@ada")
    await scene.service.next()

    async def postponed() -> bool:
        return (await scene.instance.ctx.db.value(_DUE_IN) or 0) > 800

    await until(postponed)
    await scene.bob.post("/api/v1/statuses", status="@ada again")
    assert await scene.instance.ctx.db.values(_WAITING) == [1, 0]
    assert await scene.has_subscription()


def test_trying_again_ends() -> None:
    now = datetime(2026, 11, 20, tzinfo=UTC)
    assert next_push(1, now, None) == now + PAUSES[0]
    assert next_push(2, now, "3600") == now + timedelta(hours=1)
    assert next_push(3, now, "nonsense") == now + PAUSES[2]
    assert next_push(len(PAUSES) + 1, now, None) is None


async def test_a_revoked_token_takes_its_subscription_along(scene: Scene) -> None:
    await scene.subscribe("mention")
    ctx = scene.instance.ctx
    application = await ctx.db.one(APPLICATION_BY_ID, scene.instance.application_id)
    assert application is not None
    await grants.revoke(ctx, application, scene.ada.token)
    await scene.bob.post("/api/v1/statuses", status="@ada")
    assert await ctx.db.values(Value("SELECT id FROM push_subscriptions", int)) == []
    assert await ctx.db.values(_WAITING) == []


async def test_a_subscription_is_replaced_shown_and_ended(scene: Scene) -> None:
    first = await scene.subscribe("mention")
    second = await scene.subscribe("poll", standard=False)
    assert first["id"] != second["id"]
    assert await scene.ada.get(SUBSCRIPTION) == second
    assert await scene.ada.delete(SUBSCRIPTION) == {}
    assert not await scene.has_subscription()
    answer = await scene.instance.request(
        "PUT", SUBSCRIPTION, token=scene.ada.token, body={"data": {"policy": "all"}}
    )
    assert answer.status == 404


async def test_what_cannot_be_used_is_refused(scene: Scene) -> None:
    good = {"endpoint": scene.service.endpoint(), "keys": scene.app.keys}
    for bad in (
        {},
        {**good, "endpoint": ""},
        {**good, "endpoint": "ftp://localhost/x"},
        {**good, "endpoint": "http://[x"},
        {**good, "endpoint": "https://push.example/" + "x" * 3_000},
        {**good, "keys": {}},
        {**good, "keys": {**scene.app.keys, "auth": "short"}},
        {**good, "keys": {**scene.app.keys, "p256dh": "BA" * 43}},
        {**good, "keys": {**scene.app.keys, "p256dh": "é"}},
    ):
        answer = await scene.instance.request(
            "POST", SUBSCRIPTION, token=scene.ada.token, body={"subscription": bad}
        )
        assert answer.status == 422, (bad, answer)
    assert not await scene.has_subscription()


def test_the_sample_of_the_standard_is_read() -> None:
    """RFC 8291, appendix A: the app of these tests reads as it should."""
    number = int.from_bytes(decode("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"), "big")
    app = App(ec.derive_private_key(number, ec.SECP256R1()), decode("BTBZMqHH6r4Tts7J_aSIgg"))
    body = decode(
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInm"
        "YWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQe"
        "xSgSxsj_Qulcy4a-fN"
    )
    assert app.read_standard(body) == b"When I grow up, I want to be a watermelon"


async def test_mastodon_py_subscribes_and_decrypts(scene: Scene) -> None:
    client = Mastodon(access_token=scene.ada.token, api_base_url=scene.instance.base_url)
    private, public = client.push_subscription_generate_keys()
    made = await asyncio.to_thread(
        client.push_subscription_set, scene.service.endpoint(), public, mention_events=True
    )
    assert made["alerts"]["mention"]
    assert not made["alerts"]["reblog"]
    await scene.bob.post("/api/v1/statuses", status="@ada hello")
    message = await scene.service.next()
    pushed = client.push_subscription_decrypt_push(
        message.body, private, message.headers["Encryption"], message.headers["Crypto-Key"]
    )
    assert (pushed["title"], pushed["body"]) == ("bob mentioned you", "@ada hello")
    changed = await asyncio.to_thread(client.push_subscription_update, poll_events=True)
    assert changed["alerts"]["poll"]
    await asyncio.to_thread(client.push_subscription_delete)
    assert not await scene.has_subscription()
