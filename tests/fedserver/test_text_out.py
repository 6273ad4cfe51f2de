"""What our people write: mentions, hashtags, links, their HTML, and the length of it all."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedserver.services import text_out
from fedserver.services.text_in import clean_html
from fedserver.services.text_out import MentionTarget, emoji_shortcodes, length, render, scan

BOB = MentionTarget("https://home.example/@bob", "bob", "bob")
EVE = MentionTarget("https://far.example/@Eve", "Eve", "Eve@far.example")


def html(text: str) -> str:
    mentions: dict[tuple[str, str | None], MentionTarget] = {
        ("bob", None): BOB,
        ("eve", "far.example"): EVE,
    }
    return render(
        text,
        mentions=mentions,
        hashtag_url=lambda name: f"https://home.example/tags/{name}",
        local_domain="home.example",
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("@bob", [("bob", None)]),
        ("hi @bob!", [("bob", None)]),
        ("(@bob)", [("bob", None)]),
        ("@bob.", [("bob", None)]),
        ("@a.b-c_d.", [("a.b-c_d", None)]),
        ("@bob@far.example.", [("bob", "far.example")]),
        ("@bob@far.example:3000 x", [("bob", "far.example:3000")]),
        ("@bob@far.example: x", [("bob", "far.example")]),
        ("@bob@localhost:8081", [("bob", "localhost:8081")]),
        ("@bob@bücher.example", [("bob", "bücher.example")]),
        ("@bob and @BOB", [("bob", None)]),
        ("@bob@far.example @bob", [("bob", "far.example"), ("bob", None)]),
        ("猫@bob", []),
        ("bob@far.example", []),
        ("mailto:x=@bob", []),
        ("https://far.example/@bob", []),
        ("far.example/@bob", []),
        ("@", []),
        ("@ bob", []),
        ("@-bob", []),
        ("@" + "a" * 101, []),
    ],
)
def test_mentions(text: str, found: list[tuple[str, str | None]]) -> None:
    assert list(scan(text).mentions) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("#cats", ["cats"]),
        ("#Cats #cats #CATS", ["Cats"]),
        ("＃猫", ["猫"]),
        ("#größe_1.", ["größe_1"]),
        ("#हिन्दी", ["हिन्दी"]),
        ("#می\u200cخواهم", ["می\u200cخواهم"]),
        ("#col·lecció", ["col·lecció"]),
        ("#col·", ["col"]),
        ("#2026", []),
        ("#2026a", ["2026a"]),
        ("#_", []),
        ("#·a", []),
        ("a#b", []),
        ("/#b", []),
        ("https://a.example/#b", []),
        ("#", []),
        ("##b", ["b"]),
        ("#" + "a" * 100, ["a" * 100]),
        ("#" + "a" * 101, []),
    ],
)
def test_hashtags(text: str, found: list[str]) -> None:
    assert list(scan(text).hashtags) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("https://a.example", ["https://a.example"]),
        ("see https://a.example.", ["https://a.example"]),
        ("see https://a.example/x?y=1&z=#f, ok", ["https://a.example/x?y=1&z=#f"]),
        ("(https://a.example/x)", ["https://a.example/x"]),
        ("https://a.example/Foo_(bar)", ["https://a.example/Foo_(bar)"]),
        ("(https://a.example/Foo_(bar)).", ["https://a.example/Foo_(bar)"]),
        ('"https://a.example/x"', ["https://a.example/x"]),
        ("https://a.example/x…", ["https://a.example/x"]),
        ("https://a.example/猫/é", ["https://a.example/猫/é"]),
        ("https://bücher.example/", ["https://bücher.example/"]),
        ("http://localhost:8080/@a", ["http://localhost:8080/@a"]),
        ("http://localhost.evil.example/", ["http://localhost.evil.example/"]),
        ("http://[::1]:8080/x", ["http://[::1]:8080/x"]),
        ("HTTPS://A.example/", ["HTTPS://A.example/"]),
        ("猫https://a.example/", ["https://a.example/"]),
        ("https://user@a.example/", []),
        ("https://a:b@a.example/", []),
        ("xhttps://a.example/", []),
        ("https://word/", []),
        ("https://", []),
        ("a.example", []),
        ("javascript:alert(1)", []),
    ],
)
def test_links(text: str, found: list[str]) -> None:
    assert list(scan(text).links) == found


def test_paragraphs_and_line_breaks() -> None:
    assert html("\n a\nb\r\nc\n\n\n\nd \n") == "<p>a<br>b<br>c</p><p>d</p>"
    assert html(" \n ") == ""


def test_text_is_escaped() -> None:
    assert html("<b> & \x00x") == "<p>&lt;b&gt; &amp; x</p>"


def test_a_mention_in_mastodons_markup() -> None:
    assert html("@Bob") == (
        '<p><span class="h-card" translate="no"><a href="https://home.example/@bob" '
        'class="u-url mention">@<span>bob</span></a></span></p>'
    )
    assert html("@bob@home.example") == html("@bob")
    assert ">@<span>Eve</span>" in html("@eve@FAR.example")


def test_an_unknown_mention_stays_text() -> None:
    assert html("@nobody@far.example") == "<p>@nobody@far.example</p>"


def test_namesakes_are_told_apart() -> None:
    other = MentionTarget("https://far.example/@bob", "bob", "bob@far.example")
    shown = render(
        "@bob @bob@far.example",
        mentions={("bob", None): BOB, ("bob", "far.example"): other},
        hashtag_url=str,
        local_domain="home.example",
    )
    assert "@<span>bob</span>" in shown
    assert "@<span>bob@far.example</span>" in shown


def test_a_hashtag_in_mastodons_markup() -> None:
    assert html("#Cats") == (
        '<p><a href="https://home.example/tags/Cats" class="mention hashtag" rel="tag">'
        "#<span>Cats</span></a></p>"
    )


def test_links_in_mastodons_markup() -> None:
    start = '<p><a href="{0}" rel="nofollow noopener" target="_blank" translate="no">'
    short = "https://www.a.example/x?a=1&b=2"
    assert html(short) == (
        start.format(short.replace("&", "&amp;")) + '<span class="invisible">https://www.</span>'
        '<span class="">a.example/x?a=1&amp;b=2</span><span class="invisible"></span></a></p>'
    )
    long = "https://a.example/" + "x" * 30
    assert html(long) == (
        start.format(long) + '<span class="invisible">https://</span>'
        f'<span class="ellipsis">a.example/{"x" * 20}</span>'
        f'<span class="invisible">{"x" * 10}</span></a></p>'
    )


@given(st.text(alphabet="<>&\"'@#:/.abhtps \n()[]\x00é猫\u200d", max_size=120))
def test_what_we_render_survives_our_own_cleaning(text: str) -> None:
    rendered = html(text)
    assert clean_html(rendered).count("<a ") == rendered.count("<a ")
    assert clean_html(rendered).count("<p>") == rendered.count("<p>")


@pytest.mark.parametrize(
    ("text", "counted"),
    [
        ("", 0),
        ("hello", 5),
        ("https://a.example/" + "x" * 200, 23),
        ("(https://a.example/x)", 25),
        ("@bob@far.example hi", 7),
        ("@bob hi", 7),
        ("#cats", 5),
        ("a\r\nb", 3),
        ("e\u0301", 1),
        ("👩\u200d👩\u200d👧\u200d👦", 1),
        ("👍🏽", 1),
        ("🇩🇪🇫🇷", 2),
        ("❤\ufe0f", 1),
        ("猫犬", 2),
        ("\u0301", 1),
    ],
)
def test_length_as_mastodon_counts(text: str, counted: int) -> None:
    assert length(text) == counted


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (":blob_cat: and :blob_cat:", ("blob_cat",)),
        (":a:", ()),
        ("12:30:45", ()),
        (":ab::cd:", ()),
        ("(:ab:)", ("ab",)),
        ("猫:ab:", ()),
    ],
)
def test_emoji_shortcodes(text: str, found: tuple[str, ...]) -> None:
    assert emoji_shortcodes(text) == found


ADVERSARIAL = [
    "@",
    "#",
    "@a",
    "@a@",
    "@a@b",
    "@a.",
    "#1",
    "#a·",
    "https://",
    "https://-",
    "https://a.",
    "https://a.b/(",
    "https://a.b/)",
    "https://a.b/?",
    "https://a.b ",
    ":ab",
    "a",
    ")",
    "🇩",
]


@pytest.mark.parametrize("piece", ADVERSARIAL)
def test_the_work_grows_with_the_text_and_not_faster(piece: str) -> None:
    def work(size: int) -> int:
        text = (piece * size)[:size]
        return _lines_run(lambda: (scan(text), length(text), html(text)))

    assert work(20_000) <= 2.2 * work(10_000) + 1_000


@pytest.mark.parametrize("piece", ADVERSARIAL)
def test_a_trigger_looks_ahead_within_bounds(piece: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The patterns run outside of Python's lines: count the characters that they consume."""
    text = (piece * 100_000)[:100_000]
    consumed = 0

    class Counting:
        def __init__(self, pattern: Any) -> None:
            self._pattern = pattern

        def match(self, text: str, start: int = 0) -> Any:
            nonlocal consumed
            found = self._pattern.match(text, start)
            consumed += len(found[0]) if found else 1
            return found

    for name in ("_MENTION", "_HOST", "_LINK_TAIL"):
        monkeypatch.setattr(text_out, name, Counting(getattr(text_out, name)))
    scan(text)
    assert consumed <= 2 * len(text)


def _lines_run(call: Callable[[], object]) -> int:
    count = 0

    def trace(frame: FrameType, _event: str, _argument: object) -> Any:
        nonlocal count
        if not frame.f_code.co_filename.endswith("text_out.py"):
            return None
        count += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return count
