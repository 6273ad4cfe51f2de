"""How others may show our posts."""

from typing import Any

import pytest

from tests.mastodon.write_fixtures import Here
from tests.mastodon.write_fixtures import here_fixture as here_fixture


async def test_a_public_post_can_be_shown_elsewhere(here: Here, schema: Any) -> None:
    alice = await here.person("alice")
    posted = await here.post(alice, "Hello <b>you</b>")
    for url in (posted["url"], posted["uri"]):
        shown = await here.send("GET", "/api/oembed", params={"url": url, "maxwidth": "300"})
        schema.check("OEmbedResponse", shown.body)
        assert shown.body["width"] == 300
        assert "Hello &lt;b&gt;you" in shown.body["html"]
        assert posted["url"] in shown.body["html"]
    embed = await here.send("GET", f"/api/web/embeds/{posted['id']}")
    assert embed.body == shown.body | {"width": 400}


async def test_a_warning_hides_the_text(here: Here) -> None:
    alice = await here.person("alice")
    posted = await here.post(alice, "The end", spoiler_text="A <spoiler>")
    shown = await here.send("GET", "/api/oembed", params={"url": posted["url"]})
    assert "The end" not in shown.body["html"]
    assert "A &lt;spoiler&gt;" in shown.body["html"]


@pytest.mark.parametrize("visibility", ["private", "direct"])
async def test_what_is_not_public_is_not_shown(here: Here, visibility: str) -> None:
    alice = await here.person("alice")
    posted = await here.post(alice, "x", visibility=visibility)
    shown = await here.send("GET", "/api/oembed", params={"url": posted["url"]})
    assert shown.status == 404
    assert (await here.send("GET", f"/api/web/embeds/{posted['id']}")).status == 404


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://here.test/",
        "https://elsewhere.test/@alice/1",
        "http://here.test.evil/@a/1",
        "http://here.test/@alice/" + "9" * 19,
        "http://here.test/@alice/1/../2",
    ],
)
async def test_other_addresses_are_not_ours(here: Here, url: str) -> None:
    assert (await here.send("GET", "/api/oembed", params={"url": url})).status == 404
