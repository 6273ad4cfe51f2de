"""Cleaning of what comes from outside: HTML, plain lines, field values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedserver.services.invisible import MAX_STACKED_MARKS
from fedserver.services.text_in import (
    MAX_DEPTH,
    MAX_FALLBACK_CHARS,
    MAX_HTML_CHARS,
    clean_field_value,
    clean_html,
    clean_plain,
    html_to_text,
)

REL = 'rel="nofollow noopener noreferrer" target="_blank"'
MENTION = (
    '<p><span class="h-card" translate="no"><a href="https://a.example/@bob" '
    'class="u-url mention">@<span>bob</span></a></span> hi</p>'
)


def test_mastodons_mention_keeps_its_classes() -> None:
    assert clean_html(MENTION) == MENTION.replace('mention">', f'mention" {REL}>')


@pytest.mark.parametrize(
    "link",
    [
        '<a href="https://a.example/t/x" class="mention hashtag">#x</a>',
        '<a href="https://a.example/t/x" rel="tag ugc">#x</a>',
    ],
)
def test_a_hashtag_link_keeps_rel_tag(link: str) -> None:
    assert 'rel="tag nofollow noopener noreferrer"' in clean_html(link)


def test_rel_of_other_links_is_ours() -> None:
    cleaned = clean_html('<a href="https://a.example/" rel="me opener" target="_top">x</a>')
    assert cleaned == f'<a href="https://a.example/" {REL}>x</a>'


@pytest.mark.parametrize(
    "href",
    [
        "javascript:alert(1)",
        " jAvAsCrIpT:alert(1)",
        "java&#10;script:alert(1)",
        "data:text/html,x",
        "gemini://a.example/",
        "vbscript:x",
        "/local",
        "//other.example/",
        "local",
    ],
)
def test_only_absolute_web_links_stay(href: str) -> None:
    assert clean_html(f'<a href="{href}">x</a>') == "<a>x</a>"


@pytest.mark.parametrize(
    ("dirty", "clean"),
    [
        ("<script>alert(1)</script>x", "x"),
        ("<style>p{}</style>x", "x"),
        ("<svg><text>x</text></svg>y", "y"),
        ("<math><mi>x</mi></math>y", "xy"),
        ("<iframe src='https://x/'>z</iframe>y", "y"),
        ("<p onclick='x' style='y' id='z'>a</p>", "<p>a</p>"),
        ("<b>a</b><font color=red>b</font>", "<b>a</b>b"),
        ("a<!-- <p> -->b", "ab"),
        ("<p>a", "<p>a</p>"),
        ("1 < 2 & 3", "1 &lt; 2 &amp; 3"),
        ("<h1>Title</h1><p>x</p>", "<p><strong>Title</strong></p><p>x</p>"),
        ("<div>a</div><div>b</div>", " a b "),
        ('<img src="https://x/" alt="a &lt;b&gt; cat">', "a &lt;b&gt; cat"),
        ('<img src="https://x/" onerror="alert(1)">', ""),
        ('<ol start="3" reversed><li value="2">x</li></ol>',) * 2,
        ('<ol start="evil"><li>x</li></ol>', "<ol><li>x</li></ol>"),
        ('<p lang="ja" dir="rtl">x</p>',) * 2,
        ('<p dir="up" lang="&quot;">x</p>', "<p>x</p>"),
        (
            '<span class="modal h-card invisible p-name" translate="yes">x</span>',
            '<span class="h-card invisible p-name">x</span>',
        ),
        ("<ruby>漢<rp>(</rp><rt>kan</rt><rp>)</rp></ruby>",) * 2,
        ("a\x00b", "ab"),
        ("a\ud800b", "a?b"),
    ],
)
def test_the_allow_list(dirty: str, clean: str) -> None:
    assert clean_html(dirty).replace('reversed=""', "reversed") == clean


def test_quotes_cannot_leave_an_attribute() -> None:
    cleaned = clean_html("<a href='https://x.example/\" onclick=\"alert(1)'>x</a>")
    assert 'onclick="' not in cleaned


def test_a_link_cannot_pose_as_a_hashtag_through_its_address() -> None:
    cleaned = clean_html('<a href=\'https://x.example/?a= class="hashtag" rel="tag"\'>x</a>')
    assert 'rel="nofollow noopener noreferrer"' in cleaned
    assert 'rel="tag' not in cleaned


def test_deep_nesting_becomes_text() -> None:
    assert clean_html("<blockquote>" * (MAX_DEPTH + 1) + "x") == "<p>x</p>"
    shallow = clean_html("<blockquote>" * MAX_DEPTH + "x")
    assert shallow.count("<blockquote>") == MAX_DEPTH


def test_formatting_that_a_parser_would_repeat_becomes_text() -> None:
    bomb = "".join(f"<b a={number}>" for number in range(1_000)) + "<p>x" * 6_000
    assert len(clean_html(bomb)) < len(bomb)
    assert "<b>" not in clean_html(bomb)


def test_too_many_tags_become_text() -> None:
    cleaned = clean_html("<p>x<p>&lt;" * 100_000)
    assert cleaned.count("<") == 2
    assert "&lt;" in cleaned


def test_too_many_entities_become_text() -> None:
    assert len(clean_html("&" * MAX_HTML_CHARS)) == len("&amp;") * MAX_FALLBACK_CHARS + 7
    assert html_to_text("&lt;b&gt;" * 50_000).startswith("<b><b>")


def test_input_is_cut() -> None:
    assert len(clean_html("x" * (MAX_HTML_CHARS + 5))) == MAX_HTML_CHARS


@given(st.text(alphabet="<>/aphb1img divsrcltx=\"'&;#! -\x00\u202e", max_size=200))
def test_whatever_comes_the_result_is_stable_and_has_no_foreign_tag(text: str) -> None:
    cleaned = clean_html(text)
    assert clean_html(cleaned) == cleaned
    assert "<img" not in cleaned
    assert "<div" not in cleaned
    assert "<h1" not in cleaned


def test_a_field_shows_where_its_link_leads() -> None:
    value = (
        '<p><strong>see</strong> <a href="https://evil.example/" rel="me">'
        '<span class="invisible">https://evil.example/</span>good.example</a></p>'
    )
    assert clean_field_value(value) == (
        f'see <a href="https://evil.example/" {REL}>'
        "<span>https://evil.example/</span>good.example</a>"
    )


def test_a_field_is_one_line() -> None:
    assert clean_field_value("<p>a<br>b\n\nc</p>") == "a b c"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("I <3 you > me", "I <3 you > me"),
        ("<b>Bob</b> &amp; co", "Bob & co"),
        ("&lt;script&gt;x&lt;/script&gt;", "x"),
        ("a\u202egnp.exe", "agnp.exe"),
        ("a\u2066b\u2069c\u200bd\ufeff", "a\u2066b\u2069cd"),
        ("a\x00b\nc\u2028d", "a b c d"),
        ("  many \t blanks ", "many blanks"),
        ("👩\u200d💻", "👩\u200d💻"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("a\u200d\u200d\u200db", "ab"),
        ("a\u2067b", "a\u2067b\u2069"),
        ("a\u2069\u2069b", "ab"),
        ("\u2067" * 20 + "b", "\u2067" * 8 + "b" + "\u2069" * 8),
        ("a\u2067" + "b" * 28 + "cd", "a" + "b" * 28),
        ("\u2067\u2069", ""),
        ("🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",) * 2,
        ("a\U000e0068\U000e0069b", "ab"),
        ("a\ufff0\u00adb", "ab"),
        ("\u200d \u200e", ""),
        ("\u3164", ""),
        ("a\ud800", "a?"),
        ("0123456789012345678901234567890", "012345678901234567890123456789"),
    ],
)
def test_plain_lines(text: str, line: str) -> None:
    assert clean_plain(text, 30) == line


def test_marks_do_not_pile_up() -> None:
    assert clean_plain("x" + "\u0489" * 50, 100) == "x" + "\u0489" * MAX_STACKED_MARKS


def test_a_huge_name_is_cut_before_work_begins() -> None:
    assert clean_plain("<" * 10_000_000, 5) == "<<<<<"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        (MENTION, "@bob hi"),
        ("<p>one</p><p>two<br>three</p>", "one\n\ntwo\nthree"),
        ("<p>one<p>two", "one\n\ntwo"),
        ("<p>one</p>\n\n\n<p>two</p>", "one\n\ntwo"),
        ("<ul><li>a</li><li>b</li></ul>", "a\nb"),
        ("a &lt;b&gt; &amp;amp;", "a <b> &amp;"),
        ("<script>x</script>y", "y"),
        ("<pre>a\n b</pre>", "a\n b"),
        ('<span class="invisible">https://</span><span class="ellipsis">x</span>', "https://x"),
        ("a\x00&#0;b", "a\ufffdb"),
    ],
)
def test_html_as_text(html: str, text: str) -> None:
    assert html_to_text(html) == text
