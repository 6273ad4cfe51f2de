"""Links that say where they lead, formulas as text, sources of Markdown and MFM, hashtags."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedserver.services.sources import MAX_SOURCE_CHARS, html_of_source, is_text
from fedserver.services.text_in import clean_field_value, clean_hashtag, clean_html

ATTRIBUTES = ' rel="nofollow noopener noreferrer" target="_blank"'
MFM = "text/x.misskeymarkdown"


def link(href: str, text: str) -> str:
    return f'<a href="{href}">{text}</a>'


def cleaned(html: str) -> str:
    once = clean_html(html)
    assert clean_html(once) == once
    return once.replace(ATTRIBUTES, "")


@pytest.mark.parametrize(
    "text",
    [
        "https://good.example/login",
        "http://good.example",
        "HTTPS://GOOD.EXAMPLE",
        "good.example",
        "good.example/login?next=1",
        "www.good.example",
        "go to https://good.example now",
        "https://good.example@evil.test.example",
        "https:\\\\good.example",
        "https : //good.example",
        '<span class="invisible">https://</span>good.example',
        "<b>good</b>.example",
        "go&#111;d.example",
        "https://evil.example.good.example/",
        "goo\u200bd.example",
        "good.example\u202e",
        "https://xn--/",
    ],
)
def test_a_link_that_names_another_host_shows_its_own(text: str) -> None:
    assert cleaned(link("https://evil.example/x", text)).endswith(" [evil.example]</a>")
    field = clean_field_value(link("https://evil.example/x", text))
    assert field.endswith(" [evil.example]</a>")


@pytest.mark.parametrize(
    ("href", "text"),
    [
        ("https://good.example/a/b", "https://good.example/a/b"),
        ("https://good.example/a/b", "good.example/a…"),
        ("https://www.good.example/", "good.example"),
        ("https://good.example/", "www.good.example"),
        ("https://good.example:8443/", "https://good.example:8443"),
        ("https://xn--bcher-kva.example/", "bücher.example"),
        ("https://evil.example/", "click here"),
        ("https://evil.example/", "3.14"),
        ("https://evil.example/", "#tag"),
        ("https://a.example/@bob", "@<span>bob@good.example</span>"),
        ("https://evil.example/", "see good.example [evil.example]"),
    ],
)
def test_an_honest_link_stays_as_it_is(href: str, text: str) -> None:
    assert cleaned(link(href, text)) == link(href, text)


@pytest.mark.parametrize(
    "href",
    [
        "https://good.example@evil.example/",
        "https://good.example:x@evil.example/",
        " https:\\\\good.example@evil.example/",
        "https://127.1/",
        "https://0x7f000001/",
        "https://good.example:99999/",
        "https:///",
    ],
)
def test_an_address_that_misleads_leads_nowhere(href: str) -> None:
    assert cleaned(link(href, "x")) == "<a>x</a>"


TEX = '<annotation encoding="application/x-tex">x &lt; 1</annotation>'
PLAIN = '<annotation encoding="text/plain">x below 1</annotation>'


@pytest.mark.parametrize(
    ("inner", "text"),
    [
        (f"<math><semantics><mi>x</mi>{PLAIN}{TEX}</semantics></math>", "$x &lt; 1$"),
        (f'<math display="block"><semantics><mi>x</mi>{TEX}</semantics></math>', "$$x &lt; 1$$"),
        (f"<math><semantics><mi>x</mi>{PLAIN}</semantics></math>", "x below 1"),
        ("<math><mi>x</mi><mo>&lt;</mo><mn>1</mn></math>", "x&lt;1"),
        ("<math><script>alert(1)</script></math>", "alert(1)"),
        (
            "<math><annotation encoding='text/plain'>&lt;script>x</annotation></math>",
            "&lt;script&gt;x",
        ),
        ("<math>never closed", ""),
    ],
)
def test_formulas_become_text(inner: str, text: str) -> None:
    assert cleaned(f"<p>{inner}</p>") == f"<p>{text}</p>"


@pytest.mark.parametrize(
    ("source", "media_type", "html"),
    [
        ("a\nb\n\nc", None, "<p>a<br>b</p><p>c</p>"),
        ("<b>x</b> & y", "text/plain", "<p>&lt;b&gt;x&lt;/b&gt; &amp; y</p>"),
        ("*a* **b** ~~c~~", "text/markdown", "<p><em>a</em> <strong>b</strong> <s>c</s></p>"),
        ("# Title", "text/markdown; charset=utf-8", "<p><strong>Title</strong></p>"),
        (
            "<script>alert(1)</script>",
            "text/markdown",
            "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>",
        ),
        ("[x](javascript:alert(1))", "text/markdown", "<p>[x](javascript:alert(1))</p>"),
        (
            "![x](https://a.example/1.png)",
            "text/markdown",
            "<p>!" + link("https://a.example/1.png", "x") + "</p>",
        ),
        (
            "$[x2 $[spin.speed=2s hi] [l](https://a.example/)]",
            MFM,
            "<p>hi " + link("https://a.example/", "l") + "</p>",
        ),
        ("?[quiet](https://a.example/)", MFM, "<p>" + link("https://a.example/", "quiet") + "</p>"),
        ("<center>**mid**</center> <small>s</small>", MFM, "<p><strong>mid</strong> s</p>"),
        ("$[x2 never closed", MFM, "<p>never closed</p>"),
        ("a ] b", MFM, "<p>a ] b</p>"),
        (
            "see https://a.example/x_y_z now",
            MFM,
            "<p>see " + link("https://a.example/x_y_z", "https://a.example/x_y_z") + " now</p>",
        ),
    ],
)
def test_what_was_typed_becomes_html(source: str, media_type: str | None, html: str) -> None:
    assert cleaned(html_of_source(source, media_type)).strip() == html


@pytest.mark.parametrize("href", ["https:\\\\evil.example\\x", "https:evil.example/a b"])
def test_an_address_is_read_as_browsers_do(href: str) -> None:
    assert clean_html(link(href, "good.example")).endswith("good.example [evil.example]</a>")


@pytest.mark.parametrize("hidden", ["&#8238;", "&#x202E;", "\u202e", "&#xfeff;", "&#8288;"])
def test_hidden_characters_go_also_as_entities(hidden: str) -> None:
    assert cleaned(f"<p>a{hidden}b</p>") == "<p>ab</p>"
    assert cleaned("<b>" * 10_000 + f"a{hidden}b") == "<p>ab</p>"
    assert cleaned(link("https://evil.example/", f"good{hidden}.example")).endswith(
        " [evil.example]</a>"
    )


def test_which_media_types_are_text() -> None:
    assert is_text("text/markdown; charset=utf-8")
    assert is_text(MFM)
    assert is_text("text/plain")
    assert not is_text("text/html")
    assert not is_text(None)


@given(
    st.text(alphabet="*_~`[]()<>$!?#\n a1.:/hpst@", max_size=300),
    st.sampled_from([MFM, "text/markdown", None]),
)
def test_whatever_was_typed_no_foreign_markup_comes_of_it(
    source: str, media_type: str | None
) -> None:
    result = cleaned(html_of_source(source, media_type))
    assert set(re.findall(r"</?([a-z0-9]+)", result)) <= set(
        "p br a em strong s code pre blockquote ul ol li".split()
    )


@pytest.mark.parametrize(
    "source", ["[" * MAX_SOURCE_CHARS * 2, "$[x2 " * MAX_SOURCE_CHARS, "> " * MAX_SOURCE_CHARS]
)
def test_a_source_made_to_overload_ends(source: str) -> None:
    assert len(html_of_source(source, MFM)) < 20 * MAX_SOURCE_CHARS


@pytest.mark.parametrize(
    ("name", "hashtag"),
    [
        ("Cats", "Cats"),
        ("cat-food", "catfood"),
        ("c\u200bat\u202e", "cat"),
        ("日本語", "日本語"),
        ("می\u200cخواهم",) * 2,
        ("<b>", "b"),
        ("123", ""),
        ("", ""),
        ("x" * 101, ""),
        ("\ud800x", "x"),
    ],
)
def test_hashtags_hold_what_hashtags_may(name: str, hashtag: str) -> None:
    assert clean_hashtag(name) == hashtag
