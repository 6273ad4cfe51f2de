"""Characters that nobody sees: those that text needs stay, those that serve to mislead go.

Unicode TR36 (security considerations) and UAX #9 (bidirectional text) say what each of them does.
"""

import re
import unicodedata

MAX_STACKED_MARKS = 6
MAX_ISOLATES = 8

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# In HTML the line ends and tabs stay.
_HTML_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029]")
# Bidirectional embeddings and overrides; soft hyphen, zero-width space, word joiner, invisible
# operators, deprecated format characters, byte order mark, Hangul fillers, interlinear marks.
_HIDDEN = re.compile(
    "[\u00ad\u115f\u1160\u180e\u200b\u202a-\u202e\u2060-\u2065\u206a-\u206f\u3164\ufeff\uffa0"
    "\ufff0-\ufffb\U0001d173-\U0001d17a]"
)
# In HTML a soft hyphen and a zero-width space say where a long word may break.
_HTML_HIDDEN = re.compile(
    "[\u115f\u1160\u180e\u202a-\u202e\u2060-\u2065\u206a-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb"
    "\U0001d173-\U0001d17a]"
)
# Tag characters are the letters of a subdivision's flag, and otherwise a text that nobody sees.
_FLAG_OR_TAGS = re.compile(
    "(\U0001f3f4[\U000e0020-\U000e007e]{2,6}\U000e007f)|[\U000e0000-\U000e0fff]+"
)
_JOINER = re.compile("[\u200c\u200d]+")
_ISOLATE = re.compile("[\u2066-\u2069]")
_ISOLATE_END = "\u2069"
_UNSEEN = "\u200c\u200d\u200e\u200f\u061c\u2066\u2067\u2068\u2069 "


def visible_line(text: str) -> str:
    """Return `text` without what hides in it; controls become blanks.

    The joiners stay where they join something (Persian words, emoji sequences), marks of
    direction stay, isolates stay in pairs, so that nothing behind the text changes direction.
    """
    if text.isascii():
        return _CONTROL.sub(" ", text)
    seen = _only_flags(_HIDDEN.sub("", _CONTROL.sub(" ", text)))
    return _in_pairs(_without_stacked_marks(_JOINER.sub(_needed_joiner, seen)))


def visible_html(html: str) -> str:
    """Return markup without what hides in it; isolates end with their paragraph anyway."""
    kept = _HTML_CONTROL.sub("", html)
    return kept if kept.isascii() else _only_flags(_HTML_HIDDEN.sub("", kept))


def says_nothing(line: str) -> bool:
    """True if there is nothing to see in a line that `visible_line` gave."""
    return not line.strip(_UNSEEN)


def cut_line(line: str, max_chars: int) -> str:
    """Cut a line that `visible_line` gave; isolates still come in pairs."""
    if len(line) <= max_chars:
        return line
    cut = line[:max_chars].rstrip()
    if _ISOLATE.search(cut) is None:
        return cut
    # Where the closing ones have no room the direction is left to the reader's program.
    balanced = _in_pairs(cut)
    return balanced if len(balanced) <= max_chars else " ".join(_ISOLATE.sub("", cut).split())


def _without_stacked_marks(text: str) -> str:
    """Bound the combining marks on one letter, which otherwise write over other lines."""
    if text.isascii():
        return text
    kept: list[str] = []
    run = 0
    for char in text:
        run = run + 1 if unicodedata.category(char) in {"Mn", "Me"} else 0
        if run <= MAX_STACKED_MARKS:
            kept.append(char)
    return "".join(kept)


def _only_flags(text: str) -> str:
    return _FLAG_OR_TAGS.sub(lambda match: match[1] or "", text)


def _needed_joiner(match: re.Match[str]) -> str:
    """One joiner, where neither neighbour is a Latin letter, a blank or the end."""
    text, start, end = match.string, match.start(), match.end()
    if start == 0 or end == len(text):
        return ""
    return match[0][0] if text[start - 1] > "\u024f" and text[end] > "\u024f" else ""


def _in_pairs(text: str) -> str:
    if _ISOLATE.search(text) is None:
        return text
    kept: list[str] = []
    depth = 0
    for char in text:
        if "\u2066" <= char <= "\u2068":
            if depth == MAX_ISOLATES:
                continue
            depth += 1
        elif char == _ISOLATE_END:
            if depth == 0:
                continue
            depth -= 1
        kept.append(char)
    return "".join(kept) + _ISOLATE_END * depth
