"""The page of a hashtag."""

import pytest

from storage.query import Command
from tests.web.rows import put_status, set_profile
from tests.web_server import Site, shown_text


@pytest.fixture
async def alice(site: Site) -> int:
    return await site.user()


async def move_to(site: Site, account_id: int, url: str) -> None:
    """Make somebody one of another server, with this address for people."""
    await site.ctx.db.execute(
        Command("UPDATE accounts SET domain = 'remote.example', url = $2 WHERE id = $1"),
        account_id,
        url,
    )


@pytest.mark.parametrize("path", ["/tags/clocks", "/tags/Clocks", "/tags/%23clocks"])
async def test_tag(site: Site, alice: int, path: str) -> None:
    first = await put_status(site, alice, "<p>First</p>", tags=["clocks"])
    await put_status(site, alice, "<p>Second</p>", tags=["clocks", "other"])
    await put_status(site, alice, "<p>Elsewhere</p>", tags=["other"])
    page = await site.get(path)
    assert page.status == 200
    assert page.text.index("Second") < page.text.index("First")
    assert "Elsewhere" not in page.text
    assert f'href="{site.ctx.config.base_url}/@alice/{first}"' in page.text
    assert '<meta name="robots" content="noindex' in page.text
    assert page.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("visibility", ["unlisted", "private", "direct"])
async def test_shows_what_is_public(site: Site, alice: int, visibility: str) -> None:
    await put_status(site, alice, "<p>Hidden</p>", tags=["clocks"], visibility=visibility)
    assert "Hidden" not in (await site.get("/tags/clocks")).text
    await site.sign_in()
    assert "Hidden" not in (await site.get("/tags/clocks")).text


@pytest.mark.parametrize("column", ["suspended_at", "silenced_at", "deleted_at"])
async def test_shows_nothing_of_who_was_put_away(site: Site, alice: int, column: str) -> None:
    await put_status(site, alice, "<p>Hidden</p>", tags=["clocks"])
    await site.ctx.db.execute(Command(f"UPDATE accounts SET {column} = now()"))
    page = await site.get("/tags/clocks")
    assert page.status == 200
    assert "Hidden" not in page.text
    assert "There are no such posts here" in page.text


async def test_leads_to_older_posts(site: Site, alice: int) -> None:
    ids = [
        await put_status(site, alice, f"<p>Number {number}</p>", tags=["clocks"])
        for number in range(21)
    ]
    page = await site.get("/tags/clocks")
    assert "Number 0<" not in page.text
    assert f'href="?max_id={ids[1]}"' in page.text
    assert "Number 0<" in (await site.get(f"/tags/clocks?max_id={ids[1]}")).text


@pytest.mark.parametrize("name", ["日本語", "größe", "हिन्दी"])
async def test_tags_have_any_letters(site: Site, name: str) -> None:
    page = await site.get(f"/tags/{name}")
    assert page.status == 200
    assert f"#{name}" in shown_text(page.text)


@pytest.mark.parametrize("name", ["123", "a b", "<script>", "x" * 5000, "%23", "a%2Fb", "a%00"])
async def test_what_is_no_hashtag_is_not_found(site: Site, name: str) -> None:
    answer = await site.get(f"/tags/{name}")
    assert answer.status == 404
    assert "<script>" not in answer.text


async def test_known_tags_of_others_have_a_page(site: Site, alice: int) -> None:
    await put_status(site, alice, "<p>Plus</p>", tags=["c++"])
    page = await site.get("/tags/c%2B%2B")
    assert page.status == 200
    assert "Plus" in page.text


async def test_posts_of_other_servers_lead_there(site: Site, alice: int) -> None:
    await put_status(site, alice, tags=["clocks"])
    await move_to(site, alice, "https://remote.example/@alice")
    await site.ctx.db.execute(Command("UPDATE statuses SET url = 'https://remote.example/1'"))
    page = await site.get("/tags/clocks")
    assert "@alice@remote.example<" in page.text
    far = 'nofollow noopener noreferrer"'
    assert f'href="https://remote.example/@alice" rel="author {far}' in page.text
    assert f'href="https://remote.example/1" rel="{far}' in page.text


async def test_links_lead_to_the_web_only(site: Site, alice: int) -> None:
    await put_status(site, alice, tags=["clocks"])
    await move_to(site, alice, "javascript:alert(1)")
    await site.ctx.db.execute(Command("UPDATE statuses SET url = 'data:text/html,x'"))
    page = await site.get("/tags/clocks")
    assert page.status == 200
    assert "javascript:" not in page.text
    assert "data:" not in page.text


async def test_emojis_are_drawn(site: Site, alice: int) -> None:
    emojis = [{"shortcode": "blob", "url": "https://remote.example/b.png"}]
    await set_profile(site, alice, "<p>Note :blob:</p>", name="<i>Alice</i> :blob:")
    status_id = await put_status(
        site, alice, "<p>Words :blob:</p>", spoiler_text="Warned :blob:", tags=["clocks"]
    )
    for table in ("accounts", "statuses"):
        await site.ctx.db.execute(Command(f"UPDATE {table} SET emojis = $1"), emojis)
    picture = '<img class="emoji" src="https://remote.example/b.png" alt=":blob:"'
    for path, texts in {
        "/tags/clocks": ("&lt;i&gt;Alice&lt;/i&gt; ", "Words ", "Warned "),
        f"/@alice/{status_id}": ("&lt;i&gt;Alice&lt;/i&gt; ", "Words ", "Warned "),
        "/@alice": ("&lt;i&gt;Alice&lt;/i&gt; ", "Note ", "Words ", "Warned "),
    }.items():
        page = await site.get(path)
        for text in texts:
            assert text + picture in page.text, (path, text)
