"""Custom emoji in names and in clean HTML."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup, escape

from fedserver.services.text_in import clean_html
from fedserver.web.emojis import with_emojis

BLOB = {"shortcode": "blob", "url": "https://cdn.example/b.png?a=1&b=2"}
DRAWN = (
    '<img class="emoji" src="https://cdn.example/b.png?a=1&amp;b=2"'
    ' alt=":blob:" title=":blob:" loading="lazy">'
)


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        (":blob:", DRAWN),
        ("Ada :blob:!", f"Ada {DRAWN}!"),
        (":blob::blob:", DRAWN + DRAWN),
        ("<b>:blob:", f"&lt;b&gt;{DRAWN}"),
        ("10:blob:20", "10:blob:20"),
        (":other: :blob", ":other: :blob"),
        ("", ""),
    ],
)
def test_in_plain_text(text: str, drawn: str) -> None:
    assert with_emojis(text, [BLOB]) == drawn


def test_only_in_the_text_of_html() -> None:
    html = '<p title=":blob:"><a href="https://a.example/:blob:?x=>:blob:">a :blob:</a></p>'
    expected = html.replace("a :blob:</a>", f"a {DRAWN}</a>")
    assert with_emojis(Markup(html), [BLOB]) == expected


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:image/png,x", "", None])
def test_pictures_come_from_the_web(url: str | None) -> None:
    assert with_emojis(":blob:", [{"shortcode": "blob", "url": url}]) == ":blob:"


def test_address_of_a_picture_cannot_break_out() -> None:
    evil = {"shortcode": "blob", "url": 'https://a.example/"onerror="alert(1)'}
    assert '"onerror' not in with_emojis(":blob:", [evil])


PIECES = st.lists(
    st.sampled_from(["<", ">", '"', "'", "=", ":blob:", "a", " ", "&", "<p>", "<a href='"]),
    max_size=30,
)


@given(PIECES)
def test_plain_text_stays_text(pieces: list[str]) -> None:
    text = "".join(pieces)
    assert str(with_emojis(text, [BLOB])).replace(DRAWN, ":blob:") == str(escape(text))


@given(PIECES)
def test_html_keeps_its_tags(pieces: list[str]) -> None:
    html = clean_html("".join(pieces))
    drawn = str(with_emojis(Markup(html), [BLOB]))
    assert drawn.replace(DRAWN, ":blob:") == html
