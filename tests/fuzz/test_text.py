"""Whatever text comes: cleaning ends, never raises, and leaves only what the allow-list has."""

import re

import pytest
from hypothesis import strategies as st

from fedserver.services.sources import html_of_source
from fedserver.services.text_in import (
    clean_field_value,
    clean_hashtag,
    clean_html,
    clean_plain,
    html_to_text,
)
from tests.fuzz.documents import run

ALLOWED = frozenset(
    "p br span a del s pre blockquote code b strong u i em ul ol li ruby rt rp".split()
)
ATTRIBUTES = frozenset("lang dir href rel class translate target start reversed value".split())
TAG = re.compile(r"<(/?)([^\s>/]*)([^>]*)>")
ATTRIBUTE = re.compile(r' ([a-z]+)(?:="([^"]*)")?')
HIDDEN = re.compile("[\u202a-\u202e\u2060-\u2064\ufeff\x00-\x08]")

PIECES = st.sampled_from(
    """
    <p> </p> <a href="https://a.example/"> <a href='javascript:x'> </a> <b <b> <svg> <math> </math>
    <annotation encoding="application/x-tex"> <mtext> <mglyph> <style> <!-- --> <![CDATA[ ]]> <img
    src=x onerror=alert(1)> <h1> <table> <td> <template> <noscript> </noscript> <title> <plaintext>
    <iframe srcdoc=" <form> <button formaction= <a href="https://good.example@evil.example/">
    class="mention" class="invisible modal" style="x:y" id=a &lt; &#60; &amp;lt; &#x0; &#8238;
    https://good.example " ' > < = / javascript&colon;x data:text/html, \u202e \u2067 \u2069 \u200d
    <ruby> <rt> <ol start=-1 reversed> <li value=1> `` ** _ ~~ $[x2 ] ](https://a.example) # >
    """.split()
)
MARKUP = st.lists(PIECES | st.text(max_size=8), max_size=25).map("".join) | st.lists(
    PIECES, max_size=25
).map(" ".join)


def check_html(html: str) -> None:
    assert html == html.encode().decode()
    assert HIDDEN.search(html) is None
    for closing, name, rest in TAG.findall(html):
        assert name in ALLOWED, html
        attributes = dict(ATTRIBUTE.findall(rest))
        assert not closing or not rest
        assert attributes.keys() <= ATTRIBUTES, html
        assert re.match(r"https?:|$", attributes.get("href", ""), re.IGNORECASE), html
    assert "<" not in TAG.sub("", html)


def check(markup: str) -> None:
    for clean in (clean_html, clean_field_value):
        cleaned = clean(markup)
        check_html(cleaned)
        assert clean_html(clean_html(cleaned)) == clean_html(cleaned)
    for media_type in (None, "text/markdown", "text/x.misskeymarkdown"):
        check_html(clean_html(html_of_source(markup, media_type)))
    html_to_text(markup)
    line = clean_plain(markup, 50)
    assert len(line) <= 50
    assert HIDDEN.search(line) is None
    assert sum(line.count(mark) for mark in "\u2066\u2067\u2068") == line.count("\u2069")
    assert re.fullmatch(r"[\w\u00b7\u30fb\u200c]*", clean_hashtag(markup))


@pytest.mark.fuzz
def test_no_markup_gets_through() -> None:
    run(MARKUP, check, 300)


@pytest.mark.fuzz
def test_no_text_gets_through() -> None:
    run(st.text(max_size=100), check, 200)
