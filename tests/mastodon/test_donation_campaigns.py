"""Donation campaigns, with a small server that has one."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from fedserver.config import DonationsConfig
from fedserver.context import Context
from tests.mastodon.test_translations import outgoing
from tests.mastodon.write_fixtures import Here
from tests.mastodon.write_fixtures import here_fixture as here_fixture

PATH = "/api/v1/donation_campaigns"
CAMPAIGN = {"id": "winter", "title": "Keep us warm"}


@dataclass
class Campaigns:
    asked: list[dict[str, str]] = field(default_factory=list)
    status: int = 200
    text: str = '{"id": "winter", "title": "Keep us warm"}'
    url: str = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(dict(request.query))
        return web.Response(status=self.status, text=self.text)


@pytest.fixture
async def campaigns() -> AsyncIterator[Campaigns]:
    campaigns, app = Campaigns(), web.Application()
    app.router.add_get("/campaigns", campaigns.answer)
    async with TestServer(app) as server:
        campaigns.url = str(server.make_url("/campaigns"))
        yield campaigns


@pytest.fixture
async def ctx(
    ctx: Context, campaigns: Campaigns, request: pytest.FixtureRequest
) -> AsyncIterator[Context]:
    named = getattr(request, "param", True)
    url = campaigns.url if named else ""
    settings = DonationsConfig(campaigns_url=url, environment="tests")
    async with outgoing(campaigns.url) as out:
        yield replace(ctx, out=out, config=replace(ctx.config, donations=settings))


async def test_the_campaign_is_shown_and_kept(here: Here, campaigns: Campaigns) -> None:
    alice = await here.person("alice")
    for _ in range(2):
        assert await here.do("GET", PATH, alice) == CAMPAIGN
    (asked,) = campaigns.asked
    assert 0 <= int(asked.pop("seed")) < 100
    assert asked == {"locale": "en", "platform": "web", "environment": "tests"}
    assert await here.do("GET", f"{PATH}?lang=de", alice) == CAMPAIGN
    assert campaigns.asked[1]["locale"] == "de"
    assert (await here.send("GET", PATH)).status == 401


@pytest.mark.parametrize(
    ("status", "text"), [(404, "{}"), (500, ""), (200, "<html>"), (200, "[]"), (200, "{}")]
)
async def test_no_campaign_is_no_content(
    here: Here, campaigns: Campaigns, status: int, text: str
) -> None:
    campaigns.status, campaigns.text = status, text
    assert (await here.send("GET", PATH, await here.person("alice"))).status == 204


@pytest.mark.parametrize("ctx", [False], indirect=True)
async def test_where_no_server_is_named_nobody_is_asked(here: Here, campaigns: Campaigns) -> None:
    assert (await here.send("GET", PATH, await here.person("alice"))).status == 204
    assert campaigns.asked == []
