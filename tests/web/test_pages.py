"""The front page, profiles, posts and static files, as anybody sees them."""

from datetime import timedelta

import pytest

from storage.query import Command
from storage.statuses import UPDATE_STATUS
from tests.web.rows import put_status, set_profile
from tests.web_server import START, Site, shown_text


@pytest.fixture
async def alice(site: Site) -> int:
    return await site.user()


async def test_front_page(site: Site, alice: int) -> None:
    page = await site.get("/")
    assert page.status == 200
    text = shown_text(page.text)
    assert "Test House" in text
    assert site.ctx.config.instance.domain in text
    assert "1 person" in " ".join(text.split())
    assert "style-src 'self'" in page.headers["Content-Security-Policy"]


async def test_front_page_is_kept_for_a_minute(site: Site) -> None:
    assert "0 people" in " ".join(shown_text((await site.get("/")).text).split())
    await site.user()
    assert "0 people" in " ".join(shown_text((await site.get("/")).text).split())
    site.clock.move(timedelta(minutes=1))
    assert "1 person" in " ".join(shown_text((await site.get("/")).text).split())


@pytest.mark.parametrize("path", ["/@alice", "/users/alice", "/@ALICE"])
async def test_profile(site: Site, alice: int, path: str) -> None:
    await set_profile(site, alice, "<p>My <strong>note</strong></p>")
    await put_status(site, alice, "<p>First post</p>")
    await put_status(site, alice, "<p>For followers</p>", visibility="private")
    await put_status(site, alice, "<p>For one</p>", visibility="direct")
    page = await site.get(path)
    assert page.status == 200
    assert "<strong>note</strong>" in page.text
    assert "Alice A." in page.text
    assert "First post" in page.text
    assert "For followers" not in page.text
    assert "For one" not in page.text
    assert '<a href="https://a.example">' in page.text
    assert page.headers["Access-Control-Allow-Origin"] == "*"
    assert 'property="og:title" content="Alice A. (@alice@localhost' in page.text
    assert page.headers["Vary"] == "Accept"


async def test_profile_leads_to_older_posts(site: Site, alice: int) -> None:
    ids = [await put_status(site, alice, f"<p>Number {number}</p>") for number in range(21)]
    page = await site.get("/@alice")
    assert "Number 20<" in page.text
    assert "Number 0<" not in page.text
    assert f'href="?max_id={ids[1]}"' in page.text
    older = await site.get(f"/@alice?max_id={ids[1]}")
    assert "Number 0<" in older.text
    assert 'rel="next' not in older.text


@pytest.mark.parametrize("path", ["/@nobody", "/@alice@elsewhere.example", "/users/a%00b", "/@"])
async def test_no_such_profile(site: Site, alice: int, path: str) -> None:
    answer = await site.get(path)
    assert answer.status == 404
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"


async def test_gone_people_have_no_page(site: Site, alice: int) -> None:
    status_id = await put_status(site, alice)
    await site.ctx.db.execute(Command("UPDATE accounts SET suspended_at = $1"), START)
    assert (await site.get("/@alice")).status == 404
    assert (await site.get(f"/@alice/{status_id}")).status == 404


async def test_names_are_escaped(site: Site, alice: int) -> None:
    await set_profile(site, alice, "", name='"><script>alert(1)</script>')
    status_id = await put_status(site, alice)
    for path in ("/@alice", f"/@alice/{status_id}"):
        assert "<script" not in (await site.get(path)).text


@pytest.mark.parametrize("path", ["/@alice/{id}", "/users/alice/statuses/{id}"])
@pytest.mark.parametrize("visibility", ["public", "unlisted"])
async def test_post(site: Site, alice: int, path: str, visibility: str) -> None:
    status_id = await put_status(site, alice, "<p>Hello <b>you</b></p>", visibility=visibility)
    page = await site.get(path.format(id=status_id))
    assert page.status == 200
    assert "<p>Hello <b>you</b></p>" in page.text
    assert 'property="og:description" content="Hello you"' in page.text
    assert "23 November 2026, 12:00 UTC" in page.text
    assert "0 replies" in " ".join(shown_text(page.text).split())


@pytest.mark.parametrize("visibility", ["private", "direct"])
async def test_hidden_post_looks_like_none(site: Site, alice: int, visibility: str) -> None:
    status_id = await put_status(site, alice, visibility=visibility)
    hidden, none = await site.get(f"/@alice/{status_id}"), await site.get("/@alice/1")
    assert hidden.status == none.status == 404
    assert hidden.text == none.text


async def test_other_paths_to_posts_do_not_lead_there(site: Site, alice: int) -> None:
    await site.user("bob")
    status_id = await put_status(site, alice)
    boost = await put_status(site, alice, "", reblog_of_id=status_id)
    for path in (f"/@bob/{status_id}", f"/@alice/{boost}", "/@alice/x", f"/@alice/{2**63}"):
        assert (await site.get(path)).status == 404


async def test_edited_post_is_shown_at_once(site: Site, alice: int) -> None:
    status_id = await put_status(site, alice)
    assert "Hello" in (await site.get(f"/@alice/{status_id}")).text
    await site.ctx.db.execute(
        UPDATE_STATUS, status_id, alice, "<p>Changed</p>", "", "", False, "en", [], START
    )
    page = await site.get(f"/@alice/{status_id}")
    assert "Changed" in page.text
    assert "edited" in page.text


async def test_warning_hides_the_preview(site: Site, alice: int) -> None:
    status_id = await put_status(site, alice, "<p>The end</p>", spoiler_text="Film")
    page = await site.get(f"/@alice/{status_id}")
    assert 'og:description" content="Film"' in page.text
    assert "<summary>Film</summary>" in page.text


async def test_pages_name_their_activity_documents(site: Site, alice: int) -> None:
    status_id = await put_status(site, alice)
    base = site.ctx.config.base_url
    page = await site.get(f"/@alice/{status_id}")
    link = f'type="application/activity+json" href="{base}/users/alice/statuses/{status_id}"'
    assert link in page.text


async def test_static_files(site: Site) -> None:
    page = await site.get("/")
    styles = page.text.split('rel="stylesheet" href="')[1].split('"')[0]
    first = await site.get(styles)
    assert first.status == 200
    assert first.headers["Content-Type"].startswith("text/css")
    assert "immutable" in first.headers["Cache-Control"]
    assert first.headers["Access-Control-Allow-Origin"] == "*"
    etag = first.headers["ETag"]
    again = await site.get(styles, headers={"If-None-Match": etag})
    assert (again.status, again.text) == (304, "")
    plain = await site.get("/static/fedserver.css")
    assert "immutable" not in plain.headers["Cache-Control"]


@pytest.mark.parametrize("name", ["avatars/missing.png", "headers/missing.png"])
async def test_placeholders(site: Site, name: str) -> None:
    async with site.session.get(f"{site.ctx.config.base_url}/static/{name}") as answer:
        assert answer.status == 200
        assert answer.content_type == "image/png"
        assert (await answer.read()).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "path", ["/static/", "/static/nothing.css", "/static/..%2f__init__.py", "/static/../app.py"]
)
async def test_nothing_else_is_served(site: Site, path: str) -> None:
    assert (await site.get(path)).status == 404


async def test_head(site: Site, alice: int) -> None:
    for path in ("/", "/@alice", "/static/fedserver.css"):
        full, head = await site.get(path), await site.request("HEAD", path)
        assert (head.status, head.text) == (200, "")
        assert head.headers["Content-Length"] == full.headers["Content-Length"]
