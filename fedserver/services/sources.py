"""What authors typed, where a peer sends no HTML of it: Markdown, MFM and plain text as HTML.

The result still has to be cleaned: it is made of what a peer sent.
"""

import html as entities
import re

from markdown_it import MarkdownIt

MAX_SOURCE_CHARS = 20_000

MARKDOWN = frozenset({"text/markdown", "text/x-markdown"})
MFM = frozenset({"text/x.misskeymarkdown"})
PLAIN = frozenset({"text/plain"})

# No raw HTML, no images and no bare links: a nesting of 20 is enough, and bounds the work.
_MARKDOWN = MarkdownIt("commonmark", {"html": False, "breaks": True, "maxNesting": 20})
_MARKDOWN.enable("strikethrough").disable(["image", "html_block", "html_inline"])
# A function of MFM, such as $[x2 text] or $[spin.speed=2s text]; only the text is kept.
_FUNCTION = re.compile(r"\$\[[a-z0-9_]{1,20}(?:\.[\w.=,#+-]{0,100})? ", re.ASCII)
_MFM_TAG = re.compile(r"</?(?:center|small|plain|i|b|s)>")
_SILENT_LINK = re.compile(r"\?(?=\[[^\[\]]{1,200}\]\()")
_URL = re.compile(r"https?://[^\s<>\"'`()\[\]]{1,2000}")
_BLANK_LINES = re.compile(r"\n[ \t]*\n\s*")
_MAX_FUNCTIONS = 500


def html_of_source(source: str, media_type: str | None) -> str:
    """Return the HTML of what an author typed; of an unknown media type, as plain text."""
    typed = source[:MAX_SOURCE_CHARS].replace("\r\n", "\n").replace("\r", "\n")
    kind = (media_type or "").partition(";")[0].strip().lower()
    if kind in MFM:
        return str(_MARKDOWN.render(_with_links(_without_functions(typed))))
    if kind in MARKDOWN:
        return str(_MARKDOWN.render(_with_links(typed)))
    return _plain(typed)


def is_text(media_type: str | None) -> bool:
    """True if content of this media type is not HTML (ActivityStreams vocabulary: `mediaType`)."""
    kind = (media_type or "").partition(";")[0].strip().lower()
    return kind in MARKDOWN | MFM | PLAIN


def _plain(typed: str) -> str:
    escaped = _URL.sub(_link, entities.escape(typed.strip()))
    paragraphs = [one.replace("\n", "<br>") for one in _BLANK_LINES.split(escaped)]
    return "".join(f"<p>{one}</p>" for one in paragraphs if one)


def _link(match: re.Match[str]) -> str:
    return f'<a href="{match[0]}">{match[0]}</a>'


def _with_links(markdown: str) -> str:
    """Put bare addresses into angle brackets, which makes links of them (CommonMark §6.5)."""
    return re.sub(rf"(?<![<(\[\w]){_URL.pattern}(?=[\s.,;:!?]|$)", r"<\g<0>>", markdown)


def _without_functions(mfm: str) -> str:
    """Reduce MFM to Markdown: functions and tags give way to the text within them."""
    text = _SILENT_LINK.sub("", _MFM_TAG.sub("", mfm))
    parts: list[str] = []
    position = opened = 0
    brackets: list[bool] = []
    while position < len(text):
        function = _FUNCTION.match(text, position) if opened < _MAX_FUNCTIONS else None
        if function is not None:
            brackets.append(True)
            opened += 1
            position = function.end()
            continue
        char = text[position]
        position += 1
        if char == "[":
            brackets.append(False)
        elif char == "]" and brackets and brackets.pop():
            continue
        parts.append(char)
    return "".join(parts)
