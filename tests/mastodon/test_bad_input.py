"""What no good client sends, to every endpoint of the API: the status and JSON that Mastodon gives
(where it has an answer), and nothing stored by halves.

The endpoints come from the table of routes, so that a new one is asked as well. Everything is sent
to one running instance: what is refused leaves it as it was.
"""

import types
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from urllib.parse import quote

import aiohttp
import msgspec
import orjson
import pytest
import pytest_asyncio

from fedserver.app import all_endpoints
from fedserver.routing import Endpoint, Media
from fedserver.routing.params import Params, UploadedFile
from storage.query import Value
from tests.belongings import filled, kinds_in, make_belongings
from tests.conftest import fresh_database, unused_port
from tests.instances import Instance, Person, start_instance

pytestmark = pytest.mark.asyncio(loop_scope="module")

JSON_TYPE = {"Content-Type": "application/json"}
FORM_TYPE = {"Content-Type": "application/x-www-form-urlencoded"}
Asked = tuple[int, Any]

TABLES = Value(
    """
    SELECT relname::text FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname
    """,
    str,
)


@dataclass(frozen=True, slots=True)
class Scene:
    """An instance where `ada` has one of everything; `bob` and `cyd` have none of hers."""

    instance: Instance
    ada: Person
    bob: Person
    cyd: Person
    ids: dict[str, str]
    media_folder: Path

    async def ask(
        self, one: Endpoint, path: str = "", *, who: Person | None = None, **options: Any
    ) -> Asked:
        """Send a request to an endpoint, with real ids in its path unless another is given."""
        url = self.instance.base_url + (path or filled(one.path, self.ids))
        headers = {"Authorization": f"Bearer {(who or self.ada).token}"}
        headers |= options.pop("headers", {})
        session = self.instance.session
        async with session.request(one.method, url, headers=headers, **options) as answer:
            assert answer.content_type == "application/json", (one.path, answer.status)
            return answer.status, orjson.loads(await answer.read() or b"null")

    async def stored(self) -> tuple[list[str], list[str]]:
        """Give how many rows there are, and which media files."""
        files = self.media_folder.rglob("*")
        db = self.instance.ctx.db
        counts = [
            f"SELECT '{table}: ' || count(*) FROM {table}" for table in await db.values(TABLES)
        ]
        rows = await db.values(Value(" UNION ALL ".join(counts), str))
        return sorted(rows), sorted(one.name for one in files if one.is_file())


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def scene(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    folder = tmp_path_factory.mktemp("bad_input")
    async for dsn in fresh_database(postgres):
        async with start_instance(dsn, folder, unused_port()) as instance:
            ada, bob, cyd = [await instance.person(name) for name in ("ada", "bob", "cyd")]
            ids = await make_belongings(ada, bob, cyd)
            yield Scene(instance, ada, bob, cyd, ids, folder / "media")


def endpoints() -> list[Endpoint]:
    """Give every endpoint that answers with JSON; streams never end."""
    return [
        one
        for one in all_endpoints()
        if one.media is Media.API
        and one.path.startswith("/api/")
        and not one.path.startswith("/api/v1/streaming")
    ]


def struct_of(one: Endpoint) -> type[Params] | None:
    """Give what an endpoint reads from query and body."""
    kinds = (hint for hint in one.hints.values() if isinstance(hint, type))
    return next((hint for hint in kinds if issubclass(hint, Params)), None)


def with_params(*methods: str) -> Iterator[tuple[Endpoint, type[Params]]]:
    for one in endpoints():
        struct = struct_of(one)
        if struct is not None and one.method in methods:
            yield one, struct


# Ids.

NO_IDS = ("9" * 40, "-1", "abc", "1.5", str(2**63), "%00", quote("٣"), "1%0A", "0x10", "1e3")
UNKNOWN_IDS = ("4242", str(2**63 - 1))
# Whoever is not there is not suggested, which is what was wanted; and of every year there is a
# state (both as Mastodon).
NO_MATTER = {
    ("DELETE", "/api/v1/suggestions/{account_id}"),
    ("GET", "/api/v1/annual_reports/{year}/state"),
}


async def test_what_is_no_id_or_nobodys_is_not_found(scene: Scene) -> None:
    wrong, before = [], await scene.stored()
    for one in endpoints():
        for name in (name for name in kinds_in(one.path) if one.hints.get(name) is int):
            for bad in NO_IDS + UNKNOWN_IDS:
                if bad in UNKNOWN_IDS and (one.method, one.path) in NO_MATTER:
                    continue
                path = filled(one.path.replace(f"{{{name}}}", bad), scene.ids)
                status, body = await scene.ask(one, path)
                if status != 404 or "error" not in body:
                    wrong.append((one.method, path, status, body))
    assert wrong == []
    assert await scene.stored() == before


# What belongs to one person alone; the rest may be seen by others.
OWN_KINDS = {
    "list",
    "filter",
    "keyword",
    "filter_status",
    "scheduled",
    "media",
    "notification",
    "notification_request",
    "conversation",
    "interaction_request",
    "featured_tag",
    "requester",
}
# Mastodon neither looks for the group first; it finds nothing to show or to dismiss.
FOREIGN_GROUPS = {"accounts", "dismiss"}


async def test_what_is_anothers_is_not_found(scene: Scene) -> None:
    wrong, asked, before = [], set(), await scene.stored()
    for one in endpoints():
        own = OWN_KINDS & set(kinds_in(one.path).values())
        if "group" in kinds_in(one.path).values() and one.path.split("/")[-1] not in FOREIGN_GROUPS:
            own.add("group")
        asked |= own
        for who in (scene.bob, scene.cyd) if own else ():
            status, body = await scene.ask(one, who=who)
            if (status, body) != (404, {"error": "Record not found"}):
                wrong.append((who.name, one.method, one.path, status, body))
    assert wrong == []
    assert asked == OWN_KINDS | {"group"}
    assert await scene.stored() == before


async def test_another_persons_posts_and_collections_cannot_be_changed(scene: Scene) -> None:
    status, collection, quote_id = (scene.ids[one] for one in ("status", "collection", "quote"))
    attempts = [
        ("PUT", f"/api/v1/statuses/{status}", {"status": "Mine"}, 404),
        ("DELETE", f"/api/v1/statuses/{status}", {}, 404),
        ("PUT", f"/api/v1/statuses/{status}/interaction_policy", {}, 404),
        ("POST", f"/api/v1/statuses/{status}/pin", {}, 422),
        ("POST", f"/api/v1/statuses/{status}/quotes/{quote_id}/revoke", {}, 403),
        ("PATCH", f"/api/v1/collections/{collection}", {"name": "Mine"}, 403),
        ("DELETE", f"/api/v1/collections/{collection}", {}, 403),
        ("POST", f"/api/v1/collections/{collection}/items", {"account_id": "1"}, 403),
    ]
    before = await scene.stored()
    for method, path, body, expected in attempts:
        reply = await scene.instance.request(method, path, token=scene.cyd.token, body=body)
        assert (reply.status, list(reply.body)) == (expected, ["error"]), (method, path, reply)
    assert await scene.stored() == before


async def test_what_was_written_to_others_is_not_found(scene: Scene) -> None:
    private = await scene.ada.post(
        "/api/v1/statuses",
        status=f"@{scene.bob.name} just us",
        visibility="direct",
        poll={"options": ["a", "b"], "expires_in": 3600},
    )
    hidden = {**scene.ids, "status": private["id"], "poll": private["poll"]["id"]}
    wrong, asked, before = [], 0, await scene.stored()
    for one in endpoints():
        if {"status", "poll"} & set(kinds_in(one.path).values()):
            asked += 1
            status, _ = await scene.ask(one, filled(one.path, hidden), who=scene.cyd)
            if status != 404:
                wrong.append((one.method, one.path, status))
    assert wrong == []
    assert asked > 20
    assert await scene.stored() == before


# Types.

OBJECT = {"a": {"b": 1}}
Kind = Any


def choices_of(kind: Kind) -> tuple[Kind, ...]:
    """Give the kinds that a parameter may be of."""
    if get_origin(kind) is Annotated:
        return choices_of(get_args(kind)[0])
    if get_origin(kind) in (Union, types.UnionType):
        return tuple(one for choice in get_args(kind) for one in choices_of(choice))
    return (kind,)


def wrong_values(kind: Kind) -> Sequence[Any]:
    """Give what a parameter of this kind cannot be."""
    choices = choices_of(kind)
    if dict in {get_origin(one) or one for one in choices}:
        return ("abc", 5, ["x"])
    for one in choices:
        if get_origin(one) is list:
            (inner,) = get_args(one)
            if isinstance(inner, type) and issubclass(inner, msgspec.Struct):
                return ("abc", 5, [["x"]], {"a": 5})
            return (OBJECT, [[["x"]]], *([value] for value in wrong_values(inner)))
        if isinstance(one, type) and issubclass(one, msgspec.Struct):
            return ("abc", 5, [OBJECT], True)
    if UploadedFile in choices:
        return ([1], OBJECT, True, {"filename": "a", "content_type": "b", "file": "c"})
    if str in choices:
        return ([1], OBJECT, True, "a\0b", ["x"])
    if get_origin(choices[0]) is Literal:
        return ("nothing of the kind", 5, OBJECT, [1])
    if bool in choices:
        return ("maybe", 2, OBJECT, [True])
    return ("abc", "1.5", 1.5, OBJECT, [[1]], "1\0")


async def test_values_of_a_wrong_type_are_refused(scene: Scene) -> None:
    wrong, asked, before = [], 0, await scene.stored()
    for one, struct in with_params("POST", "PUT", "PATCH", "DELETE"):
        for field in msgspec.structs.fields(struct):
            for bad in wrong_values(field.type):
                asked += 1
                status, body = await scene.ask(one, json={field.encode_name: bad})
                if status != 422 or not body["error"].startswith("Validation failed: "):
                    wrong.append((one.method, one.path, field.encode_name, bad, status, body))
    assert wrong == []
    assert asked > 500
    assert await scene.stored() == before


async def test_wrong_types_in_a_query_are_refused(scene: Scene) -> None:
    wrong, asked = [], 0
    for one, struct in with_params("GET"):
        for field in msgspec.structs.fields(struct):
            if int not in choices_of(field.type):
                continue
            for bad in ("abc", "1.5", "1_0", "%00"):
                asked += 1
                path = f"{filled(one.path, scene.ids)}?{field.encode_name}={bad}"
                status, body = await scene.ask(one, path)
                if status != 422 or not body["error"].startswith("Validation failed: "):
                    wrong.append((path, status, body))
    assert wrong == []
    assert asked > 200


async def test_absurd_limits_are_bent_to_what_is_possible(scene: Scene) -> None:
    for one, struct in with_params("GET"):
        names = {field.encode_name for field in msgspec.structs.fields(struct)}
        for name in {"limit", "offset"} & names:
            for bad in ("1000000", "-1", "0", "9" * 40, ""):
                path = f"{filled(one.path, scene.ids)}?{name}={bad}"
                plain, _ = await scene.ask(one)
                status, body = await scene.ask(one, path)
                assert status == plain, (path, body)
                assert not isinstance(body, list) or len(body) <= 200


# Bodies.


@pytest.mark.parametrize(
    ("headers", "sent"),
    [
        (JSON_TYPE, b"[]"),
        (JSON_TYPE, b'"text"'),
        (JSON_TYPE, b"5"),
        (JSON_TYPE, b"{"),
        (JSON_TYPE, b'{"x":' + b"[" * 100_000),
        (JSON_TYPE, b'{"x":' * 5_000 + b"1" + b"}" * 5_000),
        (JSON_TYPE, b'{"status":"\xff"}'),
        (JSON_TYPE, b'{"status":"\\ud800"}'),
        (FORM_TYPE, b"\xff=1"),
        (FORM_TYPE, b"&".join([b"x=1"] * 3_000)),
        ({"Content-Type": "multipart/form-data"}, b"x"),
        ({"Content-Type": "multipart/form-data; boundary=X"}, b"--X\r\nbroken"),
    ],
    ids=lambda value: repr(value)[:40],
)
async def test_broken_bodies_are_refused_everywhere(
    scene: Scene, headers: dict[str, str], sent: bytes
) -> None:
    before = await scene.stored()
    for one, _ in with_params("POST", "PUT", "PATCH", "DELETE"):
        status, body = await scene.ask(one, data=sent, headers=headers)
        assert (status, "error" in body) == (422, True), (one.method, one.path, status, body)
    assert await scene.stored() == before


@pytest.mark.parametrize("headers", [JSON_TYPE, FORM_TYPE], ids=["json", "form"])
async def test_enormous_bodies_are_too_large_everywhere(
    scene: Scene, headers: dict[str, str]
) -> None:
    start = b'{"status":"' if headers is JSON_TYPE else b"status="
    sent, before = start + b"x" * 4_300_000, await scene.stored()
    for one, _ in with_params("POST", "PUT", "PATCH", "DELETE"):
        status, body = await scene.ask(one, data=sent, headers=headers)
        assert (status, list(body)) == (413, ["error"]), (one.method, one.path)
    assert await scene.stored() == before


async def test_a_file_where_none_is_taken_is_no_way_around_the_limit(scene: Scene) -> None:
    for one, struct in with_params("POST", "PUT", "PATCH", "DELETE"):
        if any(UploadedFile in choices_of(field.type) for field in msgspec.structs.fields(struct)):
            continue
        for options in ({"filename": "a.txt"}, {}):
            form = aiohttp.FormData(default_to_multipart=True)
            form.add_field("status", "x" * 4_300_000, **options)
            status, body = await scene.ask(one, data=form)
            assert (status, list(body)) == (413, ["error"]), (one.method, one.path)
    form = aiohttp.FormData({"grant_type": "x" * 4_300_000}, default_to_multipart=True)
    url = f"{scene.instance.base_url}/oauth/token"
    async with scene.instance.session.post(url, data=form) as answer:
        assert answer.status == 413


async def test_long_texts_beside_files_are_too_large(scene: Scene) -> None:
    before = await scene.stored()
    for one, struct in with_params("POST", "PUT", "PATCH"):
        if any(UploadedFile in choices_of(field.type) for field in msgspec.structs.fields(struct)):
            form = aiohttp.FormData(default_to_multipart=True)
            form.add_field("description", "x" * 4_300_000)
            status, body = await scene.ask(one, data=form)
            assert (status, list(body)) == (413, ["error"]), (one.method, one.path)
    assert await scene.stored() == before


@pytest.mark.parametrize("length", [8_100, 60_000])
@pytest.mark.parametrize(
    ("path", "content_type"),
    [("/api/v1/instance", "application/json"), ("/about", "text/html"), ("/", "text/html")],
)
async def test_long_addresses_are_refused_in_our_form(
    scene: Scene, path: str, content_type: str, length: int
) -> None:
    url = f"{scene.instance.base_url}{path}?x={'x' * length}"
    async with scene.instance.session.get(url) as answer:
        assert (answer.status, answer.content_type) == (414, content_type)
        assert "too long" in await answer.text()


async def test_of_a_key_that_comes_twice_the_last_counts(scene: Scene) -> None:
    sent = {"data": b"status=first&status=second&visibility=nobody&visibility=unlisted"}
    (create,) = [one for one in endpoints() if one.name.endswith("statuses.create_status")]
    status, body = await scene.ask(create, headers=FORM_TYPE, **sent)
    assert (status, body["content"], body["visibility"]) == (200, "<p>second</p>", "unlisted")


# Values that have the right type and are wrong all the same.


@pytest.mark.parametrize(
    ("method", "path", "body", "error"),
    [
        *(
            (method, path, {**text, "scheduled_at": bad}, "Scheduled at is invalid")
            for method, path, text in (
                ("POST", "/api/v1/statuses", {"status": "Later"}),
                ("PUT", "/api/v1/scheduled_statuses/{scheduled}", {}),
            )
            for bad in (
                "tomorrow",
                "2026-02-30T10:00:00Z",
                "99999-01-01T00:00:00Z",
                "12:00",
                10**30,
            )
        ),
        *(
            (
                "POST",
                "/api/v1/accounts/{account}/follow",
                {"languages": bad},
                "Languages is invalid",
            )
            for bad in (
                ["english"],
                ["de", "x"],
                ["e" * 9_000],
                ["de\n"],
                [f"a{n:05}" for n in range(99)],
            )
        ),
        *(
            (method, path, {"name": "Good", "language": bad}, "Language is invalid")
            for method, path in (
                ("POST", "/api/v1/collections"),
                ("PATCH", "/api/v1/collections/{collection}"),
            )
            for bad in ("english", "-", "e" * 9_000, "de ", "٣٣")
        ),
    ],
    ids=lambda value: str(value)[:60],
)
async def test_bad_dates_and_languages_are_refused(
    scene: Scene, method: str, path: str, body: dict[str, Any], error: str
) -> None:
    before = await scene.stored()
    url = path.format_map(scene.ids)
    answer = await scene.instance.request(method, url, token=scene.ada.token, body=body)
    assert (answer.status, answer.body) == (422, {"error": f"Validation failed: {error}"})
    assert await scene.stored() == before


@pytest.mark.parametrize("bad", ["english", "-1", "e" * 9_000, "🙂", ""])
async def test_a_post_in_no_language_is_in_the_authors(scene: Scene, bad: str) -> None:
    posted = await scene.ada.post("/api/v1/statuses", status="Hello", language=bad)
    assert posted["language"] == "en"


# Texts that are too long, by where they are: each place has its own limit.
LONG_TEXTS = [
    ("POST", "/api/v1/statuses", "status"),
    ("POST", "/api/v1/statuses", "spoiler_text"),
    ("PUT", "/api/v1/statuses/{status}", "status"),
    ("POST", "/api/v1/lists", "title"),
    ("PUT", "/api/v1/lists/{list}", "title"),
    ("POST", "/api/v2/filters/{filter}/keywords", "keyword"),
    ("PUT", "/api/v2/filters/{filter}", "title"),
    ("PUT", "/api/v1/filters/{keyword}", "phrase"),
    ("PUT", "/api/v1/media/{media}", "description"),
    ("POST", "/api/v1/accounts/{account}/note", "comment"),
    ("PATCH", "/api/v1/accounts/update_credentials", "display_name"),
    ("PATCH", "/api/v1/accounts/update_credentials", "note"),
    ("PATCH", "/api/v1/accounts/update_credentials", "avatar_description"),
    ("POST", "/api/v1/collections", "name"),
    ("PATCH", "/api/v1/collections/{collection}", "description"),
    ("POST", "/api/v1/featured_tags", "name"),
    ("POST", "/api/v1/domain_blocks", "domain"),
    ("POST", "/api/v1/apps", "client_name"),
    ("POST", "/api/v1/reports", "comment"),
]


@pytest.mark.parametrize(("method", "path", "field"), LONG_TEXTS)
async def test_enormous_texts_are_refused(scene: Scene, method: str, path: str, field: str) -> None:
    body: dict[str, Any] = {"account_id": scene.ids["account"], "redirect_uris": "app://x"}
    body = body if path in ("/api/v1/reports", "/api/v1/apps") else {}
    before, url = await scene.stored(), path.format_map(scene.ids)
    body |= {field: "x" * 200_000}
    answer = await scene.instance.request(method, url, token=scene.ada.token, body=body)
    assert (answer.status, list(answer.body)) == (422, ["error"]), answer.body
    assert await scene.stored() == before
