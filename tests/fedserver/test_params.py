"""Request parameters: every encoding, Rails keys, and what no good client sends."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import given
from hypothesis import strategies as st
from msgspec import field

from fedserver.errors import Invalid
from fedserver.routing.params import Id, Params, UploadedFile, convert, nest, read_params

Client = TestClient[Any, Any]


class Field(Params, frozen=True, kw_only=True):
    name: str | None = None
    value: str | None = None


class Poll(Params, frozen=True, kw_only=True):
    options: list[str]
    expires_in: int
    multiple: bool = False


class Everything(Params, frozen=True, kw_only=True):
    text: str | None = None
    plain: str = ""
    number: int | None = None
    id: Id | None = None
    flag: bool | None = None
    ids: list[Id] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    fields: list[Field] | None = None
    poll: Poll | None = None
    file: UploadedFile | None = None


def fit(**data: Any) -> Everything:
    result = convert(data, Everything)
    assert isinstance(result, Everything)
    return result


@pytest.mark.parametrize(
    ("pairs", "nested"),
    [
        ([("a", "1"), ("a", "2")], {"a": "2"}),
        ([("a[]", "1"), ("a[]", "2")], {"a": ["1", "2"]}),
        ([("a[b]", "1"), ("a[c]", "2")], {"a": {"b": "1", "c": "2"}}),
        ([("a[b][]", "1"), ("a[b][]", "2")], {"a": {"b": ["1", "2"]}}),
        (
            [("a[1][n]", "y"), ("a[0][n]", "x"), ("a[10][n]", "z")],
            {"a": [{"n": "x"}, {"n": "y"}, {"n": "z"}]},
        ),
        # Rails begins a new entry when a key comes again.
        (
            [("a[][n]", "1"), ("a[][v]", "2"), ("a[][n]", "3"), ("a[][v]", "4")],
            {"a": [{"n": "1", "v": "2"}, {"n": "3", "v": "4"}]},
        ),
        (
            [("a[][n][]", "1"), ("a[][n][]", "2"), ("a[][v]", "3")],
            {"a": [{"n": ["1", "2"], "v": "3"}]},
        ),
        ([("a", "1"), ("a[b]", "2")], {"a": {"b": "2"}}),
        ([("a[²]", "1")], {"a": {"²": "1"}}),
        ([("a[", "1")], {"a": "1"}),
        ([("[]", "1")], {"": ["1"]}),
    ],
)
def test_nest(pairs: list[tuple[str, Any]], nested: dict[str, Any]) -> None:
    assert nest(pairs) == nested


@given(st.lists(st.tuples(st.text("ab0[]", max_size=12), st.text(max_size=3)), max_size=20))
def test_nest_takes_anything(pairs: list[tuple[str, str]]) -> None:
    nested = nest(list(pairs))
    assert isinstance(nested, dict)
    orjson.dumps(nested)


def test_nest_is_bounded() -> None:
    nested = nest([("a" + "[b]" * 1000, "1")])
    depth = 0
    while isinstance(nested, dict):
        nested, depth = next(iter(nested.values())), depth + 1
    assert depth < 10
    assert len(nest([(f"k{number}", "1") for number in range(10_000)])) <= 2_000


@pytest.mark.parametrize("text", ["true", "1", "on", "True", "t", "yes"])
def test_true(text: str) -> None:
    assert fit(flag=text).flag is True


@pytest.mark.parametrize("text", ["false", "0", "off", "FALSE", "f", "no"])
def test_false(text: str) -> None:
    assert fit(flag=text).flag is False


def test_blanks_are_nothing_but_where_text_is_wanted() -> None:
    result = fit(text="", number="", flag=" ", ids="", words=[""], plain="")
    assert result == Everything(text="", words=[""], plain="")


def test_nulls() -> None:
    assert fit(text=None, number=None, plain=None, ids=None, words=[None, "a"]) == Everything(
        words=["a"]
    )


def test_lone_scalar_for_a_list() -> None:
    result = fit(ids="7", words="one")
    assert (result.ids, result.words) == ([7], ["one"])


def test_list_in_a_list_for_a_list() -> None:
    assert fit(**nest([("ids[][]", "1"), ("ids[][]", "2")])).ids == [1, 2]


def test_list_given_as_an_object_with_numbers() -> None:
    result = fit(fields={"0": {"name": "a"}, "1": {"name": "b"}})
    assert [one.name for one in result.fields or []] == ["a", "b"]


def test_numbers_as_text_and_text_as_numbers() -> None:
    result = fit(number=" 12 ", id="9223372036854775807", text=5)
    assert (result.number, result.id, result.text) == (12, 2**63 - 1, "5")


def test_unknown_parameters_are_ignored() -> None:
    assert fit(unknown={"a": [1]}) == Everything()


@pytest.mark.parametrize(
    "data",
    [
        {"number": "abc"},
        {"number": "1.5"},
        {"number": "9" * 5000},
        {"number": [1]},
        {"id": "-1"},
        {"id": str(2**63)},
        {"id": "١"},
        {"flag": "maybe"},
        {"flag": 2},
        {"text": ["a"]},
        {"text": {"a": "b"}},
        {"text": True},
        {"ids": ["x"]},
        {"ids": {"a": {"b": 1}}},
        {"poll": "yes"},
        {"poll": {"options": ["a"]}},
        {"poll": {"options": ["a"], "expires_in": "soon"}},
        {"file": "text"},
        {"text": "a\0b"},
        {"words": ["a", "b\0"]},
        {"text": "\ud800"},
        {"fields": [{"name": "\0"}]},
    ],
    ids=lambda data: ascii(data)[:40],
)
def test_refuses(data: dict[str, Any]) -> None:
    with pytest.raises(Invalid, match="^Validation failed: "):
        convert(data, Everything)


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async def read(request: web.Request) -> web.Response:
        try:
            result = convert(await read_params(request), Everything)
        except Invalid as error:
            return web.Response(status=422, text=str(error))
        return web.Response(body=orjson.dumps(result, default=_plain))

    app = web.Application()
    app.router.add_route("*", "/", read)
    async with TestClient(TestServer(app)) as started:
        yield started


def _plain(value: Any) -> Any:
    if hasattr(value, "read"):
        return value.read().decode()
    return {name: getattr(value, name) for name in value.__struct_fields__}


WANTED = {
    "text": "é+&",
    "ids": [1, 2],
    "flag": True,
    "poll": {"options": ["a", "b"], "expires_in": 300, "multiple": False},
}
PAIRS = [
    ("text", "é+&"),
    ("ids[]", "1"),
    ("ids[]", "2"),
    ("flag", "on"),
    ("poll[options][]", "a"),
    ("poll[options][]", "b"),
    ("poll[expires_in]", "300"),
]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("way", ["query", "form", "no type", "multipart", "json", "json no type"])
async def test_every_encoding_reads_alike(client: Client, method: str, way: str) -> None:
    from urllib.parse import urlencode

    encoded = urlencode(PAIRS).encode()
    multipart = aiohttp.FormData(default_to_multipart=True)
    for name, value in PAIRS:
        multipart.add_field(name, value)
    ways: dict[str, dict[str, Any]] = {
        "query": {"params": PAIRS},
        "form": {"data": PAIRS},
        "no type": {"data": encoded, "skip_auto_headers": ["Content-Type"]},
        "multipart": {"data": multipart},
        "json": {"json": WANTED},
        "json no type": {
            "data": orjson.dumps(WANTED),
            "skip_auto_headers": ["Content-Type"],
        },
    }
    answer = await client.request(method, "/", **ways[way])
    assert answer.status == 200, await answer.text()
    result = await answer.json(content_type=None)
    assert {key: result[key] for key in WANTED} == WANTED


async def test_body_and_query_together(client: Client) -> None:
    answer = await client.post("/", params={"text": "query", "number": "1"}, data={"text": "body"})
    result = await answer.json(content_type=None)
    assert (result["text"], result["number"]) == ("body", 1)


async def test_uploaded_file(client: Client) -> None:
    form = aiohttp.FormData()
    form.add_field("file", b"data", filename="a.png", content_type="image/png")
    answer = await client.post("/", data=form)
    file = (await answer.json(content_type=None))["file"]
    assert file == {"filename": "a.png", "content_type": "image/png", "file": "data"}


async def test_a_file_that_nobody_chose_is_nothing(client: Client) -> None:
    body = (
        b'--X\r\nContent-Disposition: form-data; name="text"; filename=""\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n\r\n--X--\r\n"
    )
    answer = await client.post("/", data=body, headers={"Content-Type": MULTIPART})
    assert answer.status == 200, await answer.text()
    assert (await answer.json(content_type=None))["text"] == ""


PART = b'--X\r\nContent-Disposition: form-data; name="text"%s\r\n\r\nhi\r\n--X--\r\n'
MULTIPART = "multipart/form-data; boundary=X"


@pytest.mark.parametrize(
    ("content_type", "sent"),
    [
        ("application/json", b"{"),
        ("application/json", b"[1]"),
        ("application/json", b"[" * 100_000),
        ("application/json", b'{"number":' + b"9" * 5000 + b"}"),
        ("application/json", b'{"text":"\\ud800"}'),
        ("application/json", b'{"text":"\\u0000"}'),
        ("application/json", b'{"text":"\xff"}'),
        ("application/x-www-form-urlencoded", b"\xff"),
        ("application/x-www-form-urlencoded", b"text=%00"),
        ("application/x-www-form-urlencoded", b"&".join([b"a=1"] * 3000)),
        ("multipart/form-data", PART % b""),
        ("multipart/form-data; boundary=Y", PART % b""),
        (MULTIPART, b"--X"),
        (MULTIPART, (PART % b"").replace(b'; name="text"', b"")),
        (MULTIPART, PART % b"\r\nContent-Type: text/plain; charset=nope"),
        (MULTIPART, PART % b"\r\nContent-Transfer-Encoding: nope"),
        (MULTIPART, PART % b"\r\nbad header"),
        (MULTIPART, (PART % b"").replace(b"hi", b"\xff\xfe")),
        (MULTIPART, PART % b'; filename="x"'),
    ],
    ids=lambda value: repr(value)[:50],
)
async def test_broken_bodies(client: Client, content_type: str, sent: bytes) -> None:
    answer = await client.post("/", data=sent, headers={"Content-Type": content_type})
    assert answer.status == 422, await answer.text()


@pytest.mark.parametrize("sent", [b"", b" ", b"null", b"{}"])
async def test_empty_json(client: Client, sent: bytes) -> None:
    answer = await client.post("/", data=sent, headers={"Content-Type": "application/json"})
    assert answer.status == 200
