"""Translation, with a small server that stands for LibreTranslate."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from fedserver.clock import SystemClock
from fedserver.config import TranslationConfig
from fedserver.context import Context
from fedserver.outgoing import ForbiddenTarget, Outgoing
from storage.push import PUT_PUSH_KEY
from tests.mastodon.conftest import Schema
from tests.mastodon.write_fixtures import Here, form_with_file, picture
from tests.mastodon.write_fixtures import here_fixture as here_fixture


@dataclass
class Service:
    """Shouts instead of translating, and remembers what it was asked."""

    asked: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200
    url: str = ""

    async def languages(self, request: web.Request) -> web.Response:
        known = [{"code": one, "name": one, "targets": ["de", "en", "fr"]} for one in ("de", "en")]
        return web.json_response(known, status=self.status)

    async def translate(self, request: web.Request) -> web.Response:
        body = orjson.loads(await request.read())
        self.asked.append(body)
        texts = [_shout(one) for one in body["q"]]
        texts[0] += "<script>alert(1)</script>"
        answer: dict[str, Any] = {"translatedText": texts}
        if body["source"] == "auto":
            answer["detectedLanguage"] = [{"confidence": 90, "language": "en"} for _ in texts]
        return web.json_response(answer, status=self.status)


def _shout(html: str) -> str:
    """In capitals, but for tags and what is not to be translated."""
    parts = html.replace("<", "\0<").replace(">", ">\0").split("\0")
    return "".join(one if one.startswith(("<", ":")) else one.upper() for one in parts)


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    service, app = Service(), web.Application()
    app.router.add_get("/base/languages", service.languages)
    app.router.add_post("/base/translate", service.translate)
    async with TestServer(app) as server:
        service.url = str(server.make_url("/base/"))
        yield service


def outgoing(*own_services: str) -> Outgoing:
    return Outgoing(
        user_agent="test",
        plain_http=False,
        reachable_addresses=frozenset(),
        host_map={},
        ca_file=None,
        clock=SystemClock(),
        own_services=own_services,
    )


@pytest.fixture
async def ctx(ctx: Context, service: Service) -> AsyncIterator[Context]:
    settings = TranslationConfig(url=service.url, api_key="key")
    async with outgoing(service.url) as out:
        yield replace(ctx, out=out, config=replace(ctx.config, translation=settings))


async def test_all_texts_of_a_post(here: Here, service: Service, schema: Schema) -> None:
    alice = await here.person("alice")
    form = form_with_file("file", picture(), description="a <red> wall & more")
    media = await here.do("POST", "/api/v2/media", alice, data=form)
    post = await here.post(
        alice, "See https://ex.org/x", spoiler_text="walls", media_ids=[media["id"]], language="en"
    )
    path = f"/api/v1/statuses/{post['id']}/translate"
    made = await here.do("POST", path, alice, data={"lang": "de"})
    schema.check("Translation", made)
    assert made["content"].startswith('<p>SEE <a href="https://ex.org/x"')
    assert "script" not in made["content"]
    assert (made["spoiler_text"], made["language"]) == ("WALLS", "de")
    assert (made["provider"], made["detected_source_language"]) == ("LibreTranslate", "en")
    [described] = made["media_attachments"]
    assert described["id"] == media["id"]
    assert described["description"].startswith("A ")
    assert "&" in described["description"]
    [asked] = service.asked
    assert (asked["source"], asked["target"], asked["format"]) == ("en", "de", "html")
    assert asked["api_key"] == "key"


async def test_a_poll_and_custom_emoji(here: Here, service: Service, schema: Schema) -> None:
    alice = await here.person("alice")
    await here.execute(
        "INSERT INTO custom_emojis (id, shortcode, image_blob, updated_at)"
        " VALUES (1, 'blobcat', 'ab.png', now())"
    )
    poll = {"options": ["yes", "no & never"], "expires_in": 3600}
    post = await here.post(alice, "well :blobcat: ok", poll=poll, language="en")
    path = f"/api/v1/statuses/{post['id']}/translate"
    made = await here.do("POST", path, alice, json={"lang": "de-AT"})
    schema.check("Translation", made)
    assert made["content"] == "<p>WELL :blobcat: OK</p>"
    assert made["poll"]["id"] == post["poll"]["id"]
    assert [one["title"] for one in made["poll"]["options"]] == ["YES", "NO & NEVER"]
    assert service.asked[0]["q"][2:] == ["yes", "no &amp; never"]


async def test_what_was_translated_is_kept_until_it_changes(here: Here, service: Service) -> None:
    alice = await here.person("alice")
    post = await here.post(alice, "hello", language="en")
    path = f"/api/v1/statuses/{post['id']}/translate"
    first = await here.do("POST", path, alice, json={"lang": "de"})
    await here.do("POST", f"/api/v1/statuses/{post['id']}/favourite", alice)
    assert await here.do("POST", path, alice, json={"lang": "de"}) == first
    assert len(service.asked) == 1
    await here.do("PUT", f"/api/v1/statuses/{post['id']}", alice, json={"status": "bye"})
    assert (await here.do("POST", path, alice, json={"lang": "de"}))["content"] == "<p>BYE</p>"
    await here.do("POST", path, alice, json={"lang": "fr"})
    assert len(service.asked) == 3


async def test_who_writes_no_language_is_found_out(here: Here, service: Service) -> None:
    alice, author = await here.person("alice"), await here.account("bob")
    status_id = await here.status(author, "<p>hello</p>")
    await here.execute("UPDATE statuses SET language = NULL WHERE id = $1", status_id)
    path = f"/api/v1/statuses/{status_id}/translate"
    made = await here.do("POST", path, alice, json={"lang": "de"})
    assert made["detected_source_language"] == "en"
    assert service.asked[0]["source"] == "auto"


@pytest.mark.parametrize(
    ("fields", "lang"),
    [
        ({"visibility": "private"}, "de"),
        ({"visibility": "direct"}, "de"),
        ({"language": "en"}, "tlh"),
        ({"language": "ja"}, "de"),
        ({"language": "en"}, "en"),
        ({"language": "en"}, None),
    ],
)
async def test_what_may_not_or_cannot_be_translated(
    here: Here, service: Service, fields: dict[str, str], lang: str | None
) -> None:
    alice = await here.person("alice")
    post = await here.post(alice, "hello", **({"language": "en"} | fields))
    path = f"/api/v1/statuses/{post['id']}/translate"
    refused = await here.refusal("POST", path, alice, json={"lang": lang})
    assert refused == (403, "This action is not allowed")
    assert service.asked == []


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (429, "There have been too many requests to the translation service recently."),
        (403, "The server-wide usage quota for the translation service has been exceeded."),
        (500, "Service Unavailable"),
    ],
)
async def test_a_service_that_does_not_serve(
    here: Here, service: Service, status: int, text: str
) -> None:
    alice = await here.person("alice")
    post = await here.post(alice, "hello", language="en")
    await here.do("GET", "/api/v1/instance/translation_languages", alice)
    service.status = status
    path = f"/api/v1/statuses/{post['id']}/translate"
    assert await here.refusal("POST", path, alice, json={"lang": "de"}) == (503, text)
    assert await here.count("translations") == 0


async def test_which_languages(here: Here) -> None:
    alice = await here.person("alice")
    found = await here.do("GET", "/api/v1/instance/translation_languages", alice)
    assert found == {"und": ["de", "en", "fr"], "de": ["en", "fr"], "en": ["de", "fr"]}
    await here.ctx.db.execute(PUT_PUSH_KEY, "public", b"wrapped", here.clock.now())
    instance = await here.do("GET", "/api/v2/instance", alice)
    assert instance["configuration"]["translation"] == {"enabled": True}


async def test_only_the_service_of_the_configuration_is_reached(service: Service) -> None:
    """A peer that names the service's address gets no further than with any private one."""
    async with outgoing(service.url) as out:
        url = f"{service.url}languages"
        with pytest.raises(ForbiddenTarget):
            await out.request("GET", url)
        with pytest.raises(ForbiddenTarget):
            await out.request("GET", "http://127.0.0.1:9/languages", own_service=True)
        assert (await out.request("GET", url, own_service=True)).status == 200
