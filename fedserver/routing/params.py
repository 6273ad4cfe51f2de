"""Request parameters: query, form, multipart and JSON read alike into one msgspec struct.

Keys follow Rails (`media_ids[]`, `poll[options][]`, `fields_attributes[0][name]`), booleans are
`true`, `1`, `on`, blanks are null where a string is not wanted, a lone scalar serves where a list
is wanted. A missing Content-Type is guessed (clients send none).
"""

import os
import re
from dataclasses import dataclass
from functools import cache
from typing import IO, Annotated, Any, Union, get_args, get_origin

import msgspec
import orjson
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from fedserver.errors import Invalid

Id = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]

_KEY_PART = re.compile(r"\[([^\[\]]{0,64})\]")
_TRUE = frozenset({"true", "t", "1", "on", "yes"})
_FALSE = frozenset({"false", "f", "0", "off", "no"})
_MAX_PAIRS = 2_000
_MAX_DEPTH = 5
_MAX_PLAIN_BYTES = 4 * 1024 * 1024
# Parts without a name, unknown charsets, unknown transfer encodings, malformed headers.
_BROKEN_MULTIPART = (ValueError, LookupError, RuntimeError, HttpProcessingError)


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file part of a multipart body: a temporary file, open while the request is answered."""

    filename: str
    content_type: str
    file: IO[bytes]

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return self.file.seek(0, os.SEEK_END)

    @property
    def data(self) -> bytes:
        """All of it, in memory; ask `size` before."""
        self.file.seek(0)
        return self.file.read()


class Params(msgspec.Struct, frozen=True, kw_only=True):
    """Base of every endpoint's parameters."""


async def read_params(request: web.Request, *, files: bool = True) -> dict[str, Any]:
    """Give all parameters of a request as one nested dict; without `files`, no body is large.

    Raises Invalid on a broken body, and what aiohttp raises on one that is too large.
    """
    data = nest(list(request.query.items()))
    if request.can_read_body:
        data |= await _read_body(request, files)
    return data


async def _read_body(request: web.Request, files: bool) -> dict[str, Any]:
    # Only files may be large; what is read whole into memory may not.
    most = min(request.client_max_size, _MAX_PLAIN_BYTES)
    small = request.clone(client_max_size=most)
    if request.content_type == "multipart/form-data":
        return await _read_multipart(request if files else small)
    raw = await small.read()
    if request.content_type == "application/json" or raw[:1] == b"{":
        return _read_json(raw)
    if request.content_type in ("application/x-www-form-urlencoded", "application/octet-stream"):
        return _read_form(raw)
    return {}


def _read_json(raw: bytes) -> dict[str, Any]:
    if not raw.strip():
        return {}
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Invalid(f"The request body is not valid JSON: {error}") from error
    if body is None:
        return {}
    if not isinstance(body, dict):
        raise Invalid("The request body must be a JSON object")
    return body


def _read_form(raw: bytes) -> dict[str, Any]:
    from urllib.parse import parse_qsl

    try:
        pairs = parse_qsl(raw.decode("utf-8"), keep_blank_values=True, max_num_fields=_MAX_PAIRS)
    except ValueError as error:
        raise Invalid("The request body is not a valid form") from error
    return nest(pairs)


async def _read_multipart(request: web.Request) -> dict[str, Any]:
    try:
        form = await request.post()
    except _BROKEN_MULTIPART as error:
        raise Invalid("The request body is not a valid multipart form") from error
    texts = sum(len(value) for value in form.values() if not isinstance(value, web.FileField))
    if texts > _MAX_PLAIN_BYTES:
        raise web.HTTPRequestEntityTooLarge(_MAX_PLAIN_BYTES, texts)
    return nest([(key, _part(value)) for key, value in form.items()])


def _part(value: object) -> object:
    if isinstance(value, web.FileField):
        return UploadedFile(_clean(value.filename), value.content_type, value.file)
    if isinstance(value, bytes | bytearray) and not value:
        return ""  # what a browser sends for a file that nobody chose
    return value


def _clean(filename: str) -> str:
    return filename.replace("\0", "").encode("utf-8", "replace").decode()


def nest(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Turn Rails keys into lists and dicts: `a[b][]=1` gives {"a": {"b": [1]}}."""
    result: dict[str, Any] = {}
    for key, value in pairs[:_MAX_PAIRS]:
        name, _, rest = key.partition("[")
        parts = _KEY_PART.findall("[" + rest) if rest else []
        _put(result, name, parts[:_MAX_DEPTH], value)
    return {name: _lists(value) for name, value in result.items()}


def _put(into: dict[str, Any], name: str, parts: list[str], value: Any) -> None:
    if not parts:
        into[name] = value
        return
    inner = into.setdefault(name, {})
    if not isinstance(inner, dict):
        inner = into[name] = {}
    head, *tail = parts
    if head == "" and not tail:
        inner.setdefault("", []).append(value)
    else:
        _put(inner, head or _index(inner, tail), tail, value)


def _index(entries: dict[str, Any], rest: list[str]) -> str:
    """Where `a[][b]` goes: into the last entry, or a new one if the last has its `b` already."""
    last = str(len(entries) - 1)
    entry = entries.get(last)
    repeated = not isinstance(entry, dict) or (rest[0] in entry and rest[1:2] != [""])
    return str(len(entries)) if repeated else last


def _lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if set(value) == {""}:
        return value[""]
    inner = {key: _lists(item) for key, item in value.items()}
    if inner and all(key.isascii() and key.isdigit() for key in inner):
        return [inner[key] for key in sorted(inner, key=int)]
    return inner


def convert(data: dict[str, Any], struct: type[Params]) -> Params:
    """Make `struct` of `data`. Raises Invalid naming the parameter that does not fit."""
    try:
        return msgspec.convert(_fit_struct(data, struct), struct, strict=False, dec_hook=_hook)
    except msgspec.ValidationError as error:
        raise Invalid(f"Validation failed: {error}") from error


def _hook(kind: type, value: object) -> object:
    if kind is UploadedFile and isinstance(value, UploadedFile):
        return value
    raise msgspec.ValidationError(f"Expected a {kind.__name__}")


@cache
def takes_files(struct: type[Params]) -> bool:
    """Say whether one of the parameters may be a file."""
    return any(UploadedFile in _choices(kind) for kind in _fields(struct).values())


@cache
def _fields(struct: type[msgspec.Struct]) -> dict[str, Any]:
    return {field.encode_name: field.type for field in msgspec.structs.fields(struct)}


def _fit_struct(data: dict[str, Any], struct: type[msgspec.Struct]) -> dict[str, Any]:
    fields = _fields(struct)
    fitted = {name: _fit(value, fields[name]) for name, value in data.items() if name in fields}
    return {name: value for name, value in fitted.items() if value is not _ABSENT}


_ABSENT = object()


def _fit(value: Any, wanted: Any) -> Any:
    """Bend `value` towards `wanted`, as Rails would; msgspec then checks it."""
    if isinstance(value, str):
        _check_text(value)
    choices = _choices(wanted)
    if value is None:
        return None if type(None) in choices else _ABSENT
    for choice in choices:
        if get_origin(choice) is list:
            return _fit_list(value, get_args(choice)[0])
        if isinstance(choice, type) and issubclass(choice, msgspec.Struct):
            return _fit_struct(value, choice) if isinstance(value, dict) else value
    if isinstance(value, str) and str not in choices:
        return _fit_text(value, choices)
    if str in choices and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value


def _check_text(text: str) -> None:
    """Raise Invalid for what no database can keep as text."""
    if "\0" in text or not (text.isascii() or _encodable(text)):
        raise Invalid("Validation failed: a text has characters that are not allowed")


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _choices(wanted: Any) -> tuple[Any, ...]:
    if get_origin(wanted) is Annotated:
        return _choices(get_args(wanted)[0])
    if get_origin(wanted) is Union or type(wanted).__name__ == "UnionType":
        return tuple(part for choice in get_args(wanted) for part in _choices(choice))
    return (wanted,)


def _fit_list(value: Any, item: Any) -> list[Any]:
    items = value if isinstance(value, list) else [value]
    if isinstance(value, dict):
        items = list(value.values())
    if get_origin(item) is not list:  # Mastodon.py writes id[][] where it means id[]
        items = [one for entry in items for one in (entry if isinstance(entry, list) else [entry])]
    fitted = (_fit(entry, item) for entry in items)
    return [entry for entry in fitted if entry is not _ABSENT and entry is not None]


def _fit_text(text: str, choices: tuple[Any, ...]) -> Any:
    if text.strip() == "":
        return None if type(None) in choices else _ABSENT
    if bool in choices and text.lower() in _TRUE:
        return True
    if bool in choices and text.lower() in _FALSE:
        return False
    return text.strip() if int in choices else text
