"""Preview cards: from a page that says much, one that says little, and hostile ones."""

from datetime import timedelta
from typing import Any

import orjson
import pytest

from fedserver.services.cards import link_of
from fedserver.services.pages import decoded, read_page
from fedserver.workers.card_worker import MAX_TRIES, TRY_AGAIN_AFTER, look_at_links
from tests.mastodon.origin import Origin
from tests.mastodon.origin import origin_fixture as origin_fixture
from tests.mastodon.origin import proxying_fixture as proxying_fixture
from tests.mastodon.write_fixtures import Here, Person, picture
from tests.mastodon.write_fixtures import here_fixture as here_fixture

PAGE = """<!doctype html><html lang="de-AT"><head><title>Less &amp; less</title>
<meta property="og:title" content="Tom &amp; Jerry"><meta property="og:title" content="second">
<meta property="og:description" content="A   cat
and a mouse"><meta property="og:image" content="/cat.png">
<meta property="og:image:alt" content="A cat"><meta property="og:site_name" content="The Paper">
<meta name="author" content="Ann"><meta property="article:published_time"
content="2026-03-01T10:00:00+01:00"></head><body><p>Much text</body></html>"""


async def with_link(here: Here, person: Person, url: str) -> Any:
    """Post a link, let the worker look at it, and give the card."""
    posted = await here.post(person, f"Look: {url}")
    assert posted["card"] is None
    assert await look_at_links(here.ctx) == 1
    return (await here.do("GET", f"/api/v1/statuses/{posted['id']}", person))["card"]


async def test_a_page_says_what_it_is(proxying: Here, origin: Origin, schema: Any) -> None:
    alice = await proxying.person("alice")
    origin.answers["/page"] = PAGE.encode(), "text/html; charset=utf-8"
    origin.answers["/cat.png"] = picture((800, 400)), "text/plain"
    card = await with_link(proxying, alice, f"{origin.url}/page")
    schema.check("PreviewCard", card)
    assert card["title"] == "Tom & Jerry"
    assert card["description"] == "A cat and a mouse"
    assert (card["language"], card["type"], card["html"]) == ("de", "link", "")
    assert (card["provider_name"], card["provider_url"]) == ("The Paper", origin.url)
    assert card["authors"] == [{"name": "Ann", "url": "", "account": None}]
    assert card["published_at"] == "2026-03-01T09:00:00.000Z"
    assert card["image"].startswith("http://here.test/proxy/")
    assert card["image_description"] == "A cat"
    assert card["blurhash"]
    assert card["width"] / card["height"] == pytest.approx(2.0, abs=0.02)
    image = await proxying.send("GET", card["image"].removeprefix("http://here.test"))
    assert (image.status, image.headers["Content-Type"]) == (200, "image/jpeg")
    assert origin.asked == ["/page", "/cat.png"]


async def test_one_page_is_asked_once_for_many_posts(proxying: Here, origin: Origin) -> None:
    alice = await proxying.person("alice")
    origin.answers["/page"] = b"<title>Hello</title>", "text/html"
    first = await with_link(proxying, alice, f"{origin.url}/page")
    assert await with_link(proxying, alice, f"{origin.url}/page") == first
    assert origin.asked == ["/page"]
    proxying.clock.move(timedelta(days=15))
    origin.answers["/page"] = b"<title>Changed</title>", "text/html"
    assert (await with_link(proxying, alice, f"{origin.url}/page"))["title"] == "Changed"


async def test_an_edit_takes_the_card_along(proxying: Here, origin: Origin) -> None:
    alice = await proxying.person("alice")
    origin.answers["/a"] = b"<title>A</title>", "text/html"
    origin.answers["/b"] = b"<title>B</title>", "text/html"
    posted = await proxying.post(alice, f"{origin.url}/a")
    path = f"/api/v1/statuses/{posted['id']}"
    await look_at_links(proxying.ctx)
    edited = await proxying.do("PUT", path, alice, json={"status": f"{origin.url}/b"})
    assert edited["card"] is None
    await look_at_links(proxying.ctx)
    assert (await proxying.do("GET", path, alice))["card"]["title"] == "B"
    await proxying.do("PUT", path, alice, json={"status": "no link"})
    assert (await proxying.do("GET", path, alice))["card"] is None
    assert await proxying.count("status_cards") == 0


async def test_oembed_fills_gaps_but_its_html_goes_nowhere(proxying: Here, origin: Origin) -> None:
    alice = await proxying.person("alice")
    page = b'<link type="application/json+oembed" href="/o.json"><title>Film</title>'
    origin.answers["/film"] = page, "text/html"
    told = {"type": "video", "html": "<script>evil()</script>", "author_name": "Eve"}
    origin.answers["/o.json"] = orjson.dumps(told), "application/json"
    card = await with_link(proxying, alice, f"{origin.url}/film")
    assert (card["title"], card["type"], card["html"]) == ("Film", "link", "")
    assert card["author_name"] == "Eve"
    assert "evil" not in orjson.dumps(card).decode()


SILENT = [
    (b"", "text/html"),
    (b"\xff\xfe\x00" * 9, "text/html; charset=utf-16"),
    (b"<title></title>", "text/html"),
    (b"%PDF", "application/pdf"),
    (b"<title>x</title>" + b" " * 2_000_000, "text/html"),
    (b"<svg><title>x</title></svg>", "image/svg+xml"),
]


async def test_what_says_nothing_has_no_card(proxying: Here, origin: Origin) -> None:
    alice = await proxying.person("alice")
    for number, (body, content_type) in enumerate(SILENT):
        origin.answers[f"/{number}"] = body, content_type
        assert await with_link(proxying, alice, f"{origin.url}/{number}") is None, content_type
    assert await proxying.count("card_wishes") == 0


async def test_a_page_that_is_away_is_tried_again_and_then_no_more(proxying: Here) -> None:
    alice = await proxying.person("alice")
    posted = await proxying.post(alice, "http://127.0.0.1:1/page")
    for _ in range(MAX_TRIES):
        assert await look_at_links(proxying.ctx) == 1
        proxying.clock.move(TRY_AGAIN_AFTER)
    assert await proxying.count("card_wishes") == 0
    assert (await proxying.do("GET", f"/api/v1/statuses/{posted['id']}", alice))["card"] is None


async def test_a_picture_that_is_none_leaves_the_rest(proxying: Here, origin: Origin) -> None:
    alice = await proxying.person("alice")
    page = b'<title>T</title><meta property="og:image" content="javascript:alert(1)">'
    origin.answers["/page"] = page, "text/html"
    assert (await with_link(proxying, alice, f"{origin.url}/page"))["image"] is None
    origin.answers["/other"] = page.replace(b"javascript:alert(1)", b"/x.svg"), "text/html"
    origin.answers["/x.svg"] = b"<svg/>", "image/png"
    card = await with_link(proxying, alice, f"{origin.url}/other")
    assert (card["title"], card["image"], card["width"]) == ("T", None, 0)


async def test_an_author_is_shown_who_names_the_page_in_turn(
    proxying: Here, origin: Origin, schema: Any
) -> None:
    alice = await proxying.person("alice")
    page = b'<title>T</title><meta name="fediverse:creator" content="@alice@here.test">'
    origin.answers["/claimed"] = origin.answers["/named"] = page, "text/html"
    assert (await with_link(proxying, alice, f"{origin.url}/claimed"))["authors"] == []
    await proxying.execute("UPDATE accounts SET attribution_domains = '{127.0.0.1}'")
    card = await with_link(proxying, alice, f"{origin.url}/named")
    schema.check("PreviewCard", card)
    assert [author["account"]["username"] for author in card["authors"]] == ["alice"]


async def test_whom_a_page_names_learns_that_they_do_not_name_it(
    proxying: Here, origin: Origin, schema: Any
) -> None:
    alice, bob = await proxying.person("alice"), await proxying.person("bob")
    page = b'<title>T</title><meta name="fediverse:creator" content="@alice@here.test">'
    origin.answers["/page"] = page, "text/html"
    text = f'"missing_attribution":false {origin.url}/page'
    posted = await proxying.post(bob, text)
    await look_at_links(proxying.ctx)
    path = f"/api/v1/statuses/{posted['id']}"

    async def card(person: Person) -> Any:
        shown = await proxying.do("GET", path, person)
        schema.check("PreviewCard", shown["card"])
        return shown["card"]

    assert (await card(bob))["missing_attribution"] is False
    assert (await card(alice))["missing_attribution"] is True
    assert '"missing_attribution":false' in (await proxying.do("GET", path, alice))["content"]
    await proxying.do("POST", f"{path}/reblog", alice)
    (boost,) = await proxying.do("GET", f"/api/v1/accounts/{alice.id}/statuses", alice)
    assert boost["reblog"]["card"]["missing_attribution"] is True
    await proxying.execute(
        "UPDATE preview_cards SET url = replace(url, '127.0.0.1', 'a.paper.test')"
    )
    await proxying.do(
        "PATCH",
        "/api/v1/accounts/update_credentials",
        alice,
        json={"attribution_domains": ["per.test"]},
    )
    assert (await card(alice))["missing_attribution"] is True, "another domain with that ending"
    await proxying.do(
        "PATCH",
        "/api/v1/accounts/update_credentials",
        alice,
        json={"attribution_domains": ["paper.test"]},
    )
    for person in (alice, bob):
        shown = await card(person)
        assert shown["missing_attribution"] is False
        assert [author["account"]["username"] for author in shown["authors"]] == ["alice"]


VIDEOS = [
    b'<meta name="twitter:player" content="https://a.test/embed">',
    b'<meta property="og:video:url" content="https://a.test/film.mp4">',
    b'<link type="application/json+oembed" href="/o.json">',
]


@pytest.mark.parametrize("head", VIDEOS)
async def test_pages_with_a_video_are_found_by_it(
    proxying: Here, origin: Origin, head: bytes
) -> None:
    alice = await proxying.person("alice")
    origin.answers["/film"] = b"<title>Film</title>" + head, "text/html"
    origin.answers["/text"] = b"<title>Text</title>", "text/html"
    origin.answers["/o.json"] = orjson.dumps({"type": "video"}), "application/json"
    film = await proxying.post(alice, f"moon {origin.url}/film")
    await proxying.post(alice, f"moon {origin.url}/text")
    await look_at_links(proxying.ctx)
    for query, found in (("moon has:embed", 1), ("moon has:link", 2), ("moon -has:embed", 1)):
        answer = await proxying.do("GET", "/api/v2/search", alice, params={"q": query})
        assert len(answer["statuses"]) == found, query
        assert (film["id"] in [one["id"] for one in answer["statuses"]]) == ("-" not in query)


@pytest.mark.parametrize(
    ("html", "link"),
    [
        ('<a href="https://a.test/x?a=1&amp;b=2#top">x</a>', "https://a.test/x?a=1&b=2"),
        ('<a class="u-url mention" href="https://a.test/@bob">x</a>', None),
        ('<a href="https://a.test/tags/x" class="mention hashtag" rel="tag">x</a>', None),
        (
            '<a href="https://a.test/t" rel="tag">x</a><a href="https://b.test/">x</a>',
            "https://b.test/",
        ),
        ('<p class="quote-inline">RE: <a href="https://a.test/1">x</a></p>', None),
        ('<a href="https://here.test/@me/1">x</a>', None),
        ('<a href="gemini://a.test/">x</a>', None),
        ("<p>no link</p>", None),
    ],
)
def test_the_first_real_link_counts(html: str, link: str | None) -> None:
    assert link_of(html, "https://here.test") == link


def test_linked_data_is_read_in_its_usual_form() -> None:
    data = {
        "@graph": [
            {"@type": "Thing", "name": "no"},
            {
                "@type": ["NewsArticle"],
                "headline": "News",
                "author": [{"name": "Bea", "url": "/bea"}],
                "publisher": {"name": "Daily"},
                "image": ["https://a.test/i.png"],
                "datePublished": "2026-01-02",
            },
        ]
    }
    script = f'<script type="application/ld+json">{orjson.dumps(data).decode()}</script>'
    page = read_page(script, "https://a.test/x")
    assert (page.title, page.author_name, page.author_url) == ("News", "Bea", "https://a.test/bea")
    assert (page.provider_name, page.image_url) == ("Daily", "https://a.test/i.png")
    assert page.published_at is not None
    for broken in ("[" * 100_000, "{", "null", '{"@type": "Article", "author": 3}'):
        read_page(f'<script type="application/ld+json">{broken}</script>', "https://a.test")


def test_charsets_are_believed_where_they_fit() -> None:
    assert decoded("<p>Größe".encode("latin-1"), "text/html; charset=ISO-8859-1") == "<p>Größe"
    assert decoded("<meta charset='cp1251'>Да".encode("cp1251"), "text/html").endswith("Да")
    assert decoded(b"<meta charset=nonsense>\xff", "text/html").endswith("\ufffd")
    assert decoded(b"abc", "text/html; charset=base64")
