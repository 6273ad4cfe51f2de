"""From what a file or the environment says to a value of the field's type."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType, NoneType, UnionType
from typing import Any, Literal, get_args, get_origin

_WORDS = {"true": True, "yes": True, "on": True, "1": True}
_WORDS |= {"false": False, "no": False, "off": False, "0": False}
_EXPECTED: dict[Any, str] = {
    str: 'a text in quotes, such as "text"',
    int: "a whole number, such as 10",
    float: "a number, such as 2.5",
    bool: "true or false",
    Path: 'a path in quotes, such as "folder/file"',
    tuple: 'a list of texts, such as ["one", "two"]',
    Mapping: 'a table of texts, such as { "name" = "value" }',
}


class WrongValue(ValueError):
    """A value that its field cannot take; the text says what it can."""


def convert(hint: Any, raw: object) -> Any:
    """Give the value of type `hint` that `raw`, a TOML value, stands for. Raises WrongValue."""
    hint = _plain(hint)
    if get_origin(hint) is Literal:
        return _choice(hint, raw)
    kind = get_origin(hint) or hint
    if kind is tuple and _all_texts(raw, list):
        return tuple(raw)  # type: ignore[arg-type]  # _all_texts has seen that it is a list
    if kind is Mapping and isinstance(raw, dict) and _all_texts(list(raw.values()), list):
        return MappingProxyType(dict(raw))
    if kind is Path and isinstance(raw, str) and raw:
        return Path(raw)
    if kind is float and type(raw) in (int, float):
        return float(raw)  # type: ignore[arg-type]  # one of the two types above
    if type(raw) is kind:
        return raw
    raise WrongValue(f"needs {_EXPECTED[kind]}, not {_shown(raw)}")


def from_text(hint: Any, text: str) -> Any:
    """Give the value of type `hint` that the text of an environment variable stands for.

    Lists are separated by commas, tables are `name=value` separated by commas; both may also be
    written as in TOML. Raises WrongValue.
    """
    hint = _plain(hint)
    kind = get_origin(hint) or hint
    if kind is bool:
        return convert(hint, _WORDS.get(text.strip().lower(), text))
    if kind in (int, float):
        return convert(hint, _number(text))
    if kind is tuple:
        return convert(hint, _toml(text) if text.startswith("[") else _parts(text))
    if kind is Mapping:
        return convert(hint, _toml(text) if text.startswith("{") else _pairs(text))
    return convert(hint, text)


def _plain(hint: Any) -> Any:
    """Take the None off: it means "left out", and cannot be written."""
    if get_origin(hint) is UnionType:
        return next(one for one in get_args(hint) if one is not NoneType)
    return hint


def _choice(hint: Any, raw: object) -> object:
    if raw in get_args(hint):
        return raw
    choices = ", ".join(f'"{one}"' for one in get_args(hint))
    raise WrongValue(f"needs one of {choices}, not {_shown(raw)}")


def _all_texts(raw: object, kind: type[list[Any]]) -> bool:
    return isinstance(raw, kind) and all(isinstance(one, str) for one in raw)


def _number(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _pairs(text: str) -> object:
    pairs = [part.partition("=") for part in _parts(text)]
    if not all(sign for _, sign, _ in pairs):
        return text
    return {name.strip(): value.strip() for name, _, value in pairs}


def _toml(text: str) -> object:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _shown(raw: object) -> str:
    text = f'"{raw}"' if isinstance(raw, str) else str(raw)
    return text if len(text) <= 60 else f"{text[:57]}..."
