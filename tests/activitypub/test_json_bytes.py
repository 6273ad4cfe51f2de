"""Bounded JSON with one reading."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from activitypub import json_bytes
from activitypub.errors import DocumentError
from tests.activitypub.vocabulary import json_values, texts


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":1,"a":1}',
        b'{"a":{"b":1,"b":2}}',
        b'[{"a":1,"a":2}]',
        b'{"a":[{"b":1,"c":{},"b":2}]}',
        b'{"a":1,"\\u0061":2}',
        b'{"a\\"":1,"a\\"":2}',
        b'{"a\\\\":1,"a\\\\":2}',
        b'{"x":":","a":1,"a":2}',
    ],
)
def test_repeated_keys_are_refused(raw: bytes) -> None:
    with pytest.raises(DocumentError):
        json_bytes.loads(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"{",
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":1e999}',
        b'{"a":01}',
        b"{'a':1}",
        b'{"a":1,}',
        b'{"a":"\xff"}',
        b'{"a":"\\ud800"}',
        b'{"a":"x\\u0000"}',
        b'{"\\u0000":1}',
        b'\xef\xbb\xbf{"a":1}',
        b'{"a":1}{"b":2}',
    ],
)
def test_what_is_not_one_plain_object_is_refused(raw: bytes) -> None:
    with pytest.raises(DocumentError):
        json_bytes.loads(raw)


def test_depth_is_bounded_exactly() -> None:
    assert json_bytes.loads(b'{"a":[{}]}', max_depth=3) == {"a": [{}]}
    with pytest.raises(DocumentError, match="deeply"):
        json_bytes.loads(b'{"a":[{}]}', max_depth=2)


@pytest.mark.parametrize(("open_", "close"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_deep_nesting_is_refused_at_any_depth(open_: bytes, close: bytes) -> None:
    for depth in (40, 900, 100_000):
        raw = b'{"a":' + open_ * depth + b"1" + close * depth + b"}"
        with pytest.raises(DocumentError):
            json_bytes.loads(raw)


def test_size_is_bounded_exactly() -> None:
    assert json_bytes.loads(b'{"a":1}', max_bytes=7) == {"a": 1}
    with pytest.raises(DocumentError, match="larger"):
        json_bytes.loads(b'{"a":1}', max_bytes=6)
    with pytest.raises(DocumentError):
        json_bytes.loads(b'{"a":"' + b"x" * json_bytes.MAX_DOCUMENT_BYTES + b'"}')


def test_an_escaped_backslash_before_u0000_is_no_nul() -> None:
    assert json_bytes.loads(b'{"a":"\\\\u0000"}') == {"a": "\\u0000"}


@given(st.dictionaries(texts, json_values, max_size=5), st.booleans(), st.booleans())
@example({'a"b\\': ":", '\\"': {"::": ['{"x":', "\\"]}}, True, False)
def test_every_object_comes_back(value: dict[str, object], ascii_: bool, spaced: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_, indent=2 if spaced else None)
    assert json_bytes.loads(text.encode()) == value
    assert json_bytes.loads(json_bytes.dumps(value)) == value


@given(st.binary() | st.text('{}[]":,\\au0 ').map(str.encode))
def test_any_bytes_are_parsed_or_refused(raw: bytes) -> None:
    try:
        found = json_bytes.loads(raw)
    except DocumentError:
        return
    assert found == json.loads(raw)


@pytest.mark.parametrize("value", [{"a": object()}, {"a": "\ud800"}, {"a": 2**70}])
def test_what_has_no_json_is_refused(value: dict[str, object]) -> None:
    with pytest.raises(DocumentError):
        json_bytes.dumps(value)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":1,"a" :2}',
        b'{"a":1,"a"\n:2}',
        b'{"a\\\\":1,"b":1,"b":2}',
        b'{"x":"\\":","b":1,"b":2}',
        b'{"a":{"b":1,"b":2}}',
    ],
)
def test_a_repeated_key_cannot_hide_behind_blanks_and_backslashes(raw: bytes) -> None:
    with pytest.raises(DocumentError, match="repeats"):
        json_bytes.loads(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a" : 1, "b":":\\":"}',
        b'{"a\\\\":1}',
        b'{"a":"\\":\\" :"}',
        b'{"a":":x:"}',
        b'{"":{"":[]}}',
    ],
)
def test_colons_and_quotes_in_texts_are_no_keys(raw: bytes) -> None:
    json_bytes.loads(raw)
