"""Formulas in MathML as the text that their authors typed (FEP-dc88)."""

import html as entities
import re

_MATH = re.compile(r"<math\b([^<>]{0,500})>", re.IGNORECASE)
_MATH_END = re.compile(r"</math\s{0,9}>", re.IGNORECASE)
_ANNOTATION = re.compile(
    r"<annotation\b[^<>]{0,200}?encoding\s?=\s?[\"']?(application/x-tex|text/plain)\b[^<>]{0,200}>"
    r"([^<]{0,10000})",
    re.IGNORECASE,
)
_TAG = re.compile(r"<[^<>]*>")
_BLOCK = re.compile(r"display\s?=\s?[\"']?block", re.IGNORECASE)
_MAX_FORMULAS = 100


def with_formulas_as_text(html: str) -> str:
    """Replace `<math>` by its TeX annotation (`$…$`, or `$$…$$` for a block), else by its text.

    The input is raw and the output still has to be cleaned: what is put in is escaped text.
    """
    parts: list[str] = []
    position = 0
    for _ in range(_MAX_FORMULAS):
        begin = _MATH.search(html, position)
        end = _MATH_END.search(html, begin.end()) if begin else None
        if begin is None or end is None:
            break
        formula = html[begin.end() : end.start()]
        parts.append(html[position : begin.start()])
        parts.append(entities.escape(_as_text(formula, begin[1]), quote=False))
        position = end.end()
    return "".join(parts) + html[position:]


def _as_text(formula: str, attributes: str) -> str:
    by_encoding = {match[1].lower(): match[2] for match in _ANNOTATION.finditer(formula)}
    tex = by_encoding.get("application/x-tex")
    if tex is not None:
        mark = "$$" if _BLOCK.search(attributes) else "$"
        return f"{mark}{entities.unescape(tex).strip()}{mark}"
    plain = by_encoding.get("text/plain")
    if plain is not None:
        return entities.unescape(plain).strip()
    return " ".join(entities.unescape(_TAG.sub("", formula)).split())
