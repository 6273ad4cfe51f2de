"""What happens around every request: errors as answers, CORS, ids, limits."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, cast

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer

from activitypub.errors import Untrusted
from fedserver import errors
from fedserver.clock import FixedClock
from fedserver.context import Context
from fedserver.rate_limits import API_PER_ADDRESS, API_PER_TOKEN, APP_REGISTRATIONS
from fedserver.routing import CONTEXT, Endpoint, Media, Params, mount
from fedserver.routing.middleware import middlewares, serve_heads
from fedserver.secrets import CannotUnwrap, new_token, token_hash
from fedserver.services import users
from storage.database import Conflict, Database, StorageError
from storage.oauth import DELETE_TOKENS_OF_ACCOUNT, INSERT_APPLICATION, INSERT_TOKEN
from tests.web_server import PASSWORD, START, make_context

Client = TestClient[Any, Any]
Handler = Callable[..., Awaitable[Any]]
_RESET = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


class Number(Params, frozen=True, kw_only=True):
    n: int = 0


def route(
    handler: Handler,
    method: str = "GET",
    path: str = "/api/v1/thing",
    media: Media = Media.API,
    rate: str = "api",
    **hints: Any,
) -> Endpoint:
    return Endpoint(method, path, handler, (), media, rate, hints)


@asynccontextmanager
async def serving(
    *endpoints: Endpoint, ctx: Context | None = None, **server: Any
) -> AsyncIterator[Client]:
    if ctx is None:
        clock = FixedClock(START)
        ctx = make_context(cast(Any, None), clock, 8080, rate_limits=True, **server)
    around: list[Any] = list(middlewares(ctx, endpoints))
    app = web.Application(middlewares=around, client_max_size=1000)
    app[CONTEXT] = ctx
    mount(app, endpoints)
    serve_heads(app)
    async with TestClient(TestServer(app)) as client:
        yield client
    ctx.key_pool.close()


async def ok() -> dict[str, bool]:
    return {"ok": True}


def failing(error: BaseException) -> Handler:
    async def fail() -> None:
        raise error

    return fail


async def body(answer: ClientResponse) -> Any:
    return await answer.json()


FAILURES: list[tuple[Exception, int, str]] = [
    (errors.NotFound(), 404, "Record not found"),
    (errors.Invalid("Validation failed: Text"), 422, "Validation failed: Text"),
    (errors.Unauthorized(), 401, "The access token is invalid"),
    (errors.Unauthorized("Who?", status=422), 422, "Who?"),
    (errors.Forbidden(), 403, "This action is not allowed"),
    (errors.RateLimited(), 429, "Too many requests"),
    (errors.Refused("a secret reason"), 403, "This action is not allowed"),
    (errors.Unreachable("peer.example", "it is down"), 503, "Remote data could not be fetched"),
    (errors.Denied(403, "no"), 503, "Remote data could not be fetched"),
    (errors.Gone("https://peer.example/1"), 404, "Record not found"),
    (Untrusted("a secret reason"), 503, "Remote data could not be fetched"),
    (Conflict("duplicate key"), 422, "Duplicate record"),
    (StorageError("away"), 503, "The server cannot do this just now. Please try again in a moment"),
    (
        ConnectionResetError(),
        503,
        "The server cannot do this just now. Please try again in a moment",
    ),
    (RuntimeError("a secret reason"), 500, "Something went wrong here. It was written to the log"),
    (CannotUnwrap("secret"), 500, "Something went wrong here. It was written to the log"),
]


@pytest.mark.parametrize(("error", "status", "message"), FAILURES, ids=lambda one: repr(one)[:40])
async def test_errors_as_json(error: Exception, status: int, message: str) -> None:
    async with serving(route(failing(error))) as client:
        answer = await client.get("/api/v1/thing", headers={"Accept": "text/html"})
        assert answer.status == status
        assert answer.content_type == "application/json"
        assert await body(answer) == {"error": message}
        assert ("Retry-After" in answer.headers) == (status in (429, 503))


async def test_details_of_a_validation() -> None:
    details = {"email": [{"error": "ERR_TAKEN", "description": "has already been taken"}]}
    async with serving(route(failing(errors.Invalid("No", details)))) as client:
        answer = await client.get("/api/v1/thing")
        assert await body(answer) == {"error": "No", "details": details}


async def test_retry_after_is_whole_seconds() -> None:
    error = errors.RateLimited(retry_after_s=1.2)
    async with serving(route(failing(error))) as client:
        assert (await client.get("/api/v1/thing")).headers["Retry-After"] == "2"


async def test_unexpected_errors_are_logged_with_the_id(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(route(failing(RuntimeError("boom")))) as client:
        answer = await client.get("/api/v1/thing")
        assert answer.headers["X-Request-Id"] in caplog.text
        assert "boom" in caplog.text
        assert "boom" not in await answer.text()


@pytest.mark.parametrize("status_error", FAILURES[:1] + FAILURES[-2:])
async def test_errors_as_pages(status_error: tuple[Exception, int, str]) -> None:
    error, status, _ = status_error
    async with serving(route(failing(error), path="/page", media=Media.PAGE)) as client:
        answer = await client.get("/page", headers={"Accept": "*/*"})
        assert answer.status == status
        assert answer.content_type == "text/html"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Cache-Control"] == "no-store"


async def test_message_is_escaped_in_a_page() -> None:
    error = errors.NotFound("<script>")
    async with serving(route(failing(error), path="/page", media=Media.PAGE)) as client:
        assert "<script>" not in await (await client.get("/page")).text()


@pytest.mark.parametrize(
    ("path", "accept", "content_type"),
    [
        ("/api/v1/nothing", "text/html", "application/json"),
        ("/oauth/token", "text/html", "application/json"),
        ("/nothing", "text/html,*/*", "text/html"),
        ("/nothing", "*/*", "text/html"),
        ("/nothing", "application/activity+json", "application/json"),
        ("/nothing", "application/json", "application/json"),
        ("/a%00b", "*/*", "text/html"),
    ],
)
async def test_unknown_paths(path: str, accept: str, content_type: str) -> None:
    async with serving() as client:
        answer = await client.get(path, headers={"Accept": accept})
        assert answer.status == 404
        assert answer.content_type == content_type
        if content_type == "application/json":
            assert await body(answer) == {"error": "Record not found"}


async def test_activity_endpoints_answer_json() -> None:
    endpoint = route(failing(errors.NotFound()), path="/users/x", media=Media.ACTIVITY)
    async with serving(endpoint) as client:
        answer = await client.get("/users/x", headers={"Accept": "text/html"})
        assert (answer.status, answer.content_type) == (404, "application/json")


async def test_wrong_method() -> None:
    async with serving(route(ok)) as client:
        answer = await client.put("/api/v1/thing")
        assert answer.status == 405
        assert "GET" in answer.headers["Allow"]
        assert "error" in await body(answer)


async def test_too_large() -> None:
    async def read(params: Number) -> int:
        return params.n

    async with serving(route(read, "POST", params=Number)) as client:
        answer = await client.post("/api/v1/thing", data=b"n=1&x=" + b"x" * 2000)
        assert answer.status == 413
        assert "error" in await body(answer)
        assert await body(await client.post("/api/v1/thing", data=b"n=1")) == 1


async def test_redirects_pass() -> None:
    async with serving(route(failing(web.HTTPFound("/elsewhere")))) as client:
        answer = await client.get("/api/v1/thing", allow_redirects=False)
        assert (answer.status, answer.headers["Location"]) == (302, "/elsewhere")


async def test_head_is_get_without_the_body() -> None:
    async with serving(route(ok)) as client:
        answer = await client.head("/api/v1/thing")
        assert (answer.status, await answer.read()) == (200, b"")
        assert answer.headers["Content-Length"] == str(len(b'{"ok":true}'))


OPEN = ["/api/v1/x", "/oauth/token", "/oauth/revoke", "/oauth/userinfo", "/.well-known/x"]
OPEN += ["/nodeinfo/2.0", "/users/a", "/@a", "/media/x", "/static/x", "/actor"]


@pytest.mark.parametrize("path", OPEN)
async def test_cors(path: str) -> None:
    async with serving() as client:
        answer = await client.get(path, headers={"Origin": "https://client.example"})
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        exposed = answer.headers["Access-Control-Expose-Headers"].split(", ")
        assert {"Link", "X-RateLimit-Reset", "Mastodon-Async-Refresh"} <= set(exposed)
        assert "Access-Control-Allow-Credentials" not in answer.headers
        preflight = await client.options(
            path,
            headers={
                "Origin": "https://client.example",
                "Access-Control-Request-Method": "PATCH",
                "Access-Control-Request-Headers": "authorization,idempotency-key, x-new",
            },
        )
        assert preflight.status == 204
        assert preflight.headers["Access-Control-Allow-Origin"] == "*"
        assert "PATCH" in preflight.headers["Access-Control-Allow-Methods"]
        assert "x-new" in preflight.headers["Access-Control-Allow-Headers"]


@pytest.mark.parametrize("path", ["/auth/sign_in", "/oauth/authorize", "/", "/oauth/authorize/x"])
async def test_no_cors_where_people_sign_in(path: str) -> None:
    async with serving() as client:
        for answer in (await client.get(path), await client.options(path)):
            assert "Access-Control-Allow-Origin" not in answer.headers


async def test_every_answer_has_an_id() -> None:
    async with serving(route(ok)) as client:
        paths = ["/api/v1/thing", "/api/v1/thing", "/nothing"]
        ids = {(await client.get(path)).headers["X-Request-Id"] for path in paths}
        assert len(ids) == 3


async def test_limit_per_address() -> None:
    async with serving(route(ok), route(ok, path="/nodeinfo/2.0")) as client:
        for left in reversed(range(API_PER_ADDRESS.limit)):
            answer = await client.get("/api/v1/thing")
            assert answer.headers["X-RateLimit-Remaining"] == str(left)
        assert answer.headers["X-RateLimit-Limit"] == str(API_PER_ADDRESS.limit)
        assert _RESET.fullmatch(answer.headers["X-RateLimit-Reset"])
        refused = await client.get("/api/v1/thing")
        assert refused.status == 429
        assert await body(refused) == {"error": "Too many requests"}
        assert refused.headers["X-RateLimit-Remaining"] == "0"
        assert 0 < int(refused.headers["Retry-After"]) <= API_PER_ADDRESS.period_s
        assert refused.headers["Access-Control-Allow-Origin"] == "*"
        assert (await client.get("/api/v1/other")).status == 429
        assert (await client.get("/nodeinfo/2.0")).status == 200


async def test_limit_ends_with_its_window() -> None:
    clock = FixedClock(START)
    ctx = make_context(cast(Any, None), clock, 8080, rate_limits=True)
    async with serving(route(ok), ctx=ctx) as client:
        for _ in range(API_PER_ADDRESS.limit + 1):
            answer = await client.get("/api/v1/thing")
        assert answer.status == 429
        clock.move(timedelta(seconds=API_PER_ADDRESS.period_s))
        assert (await client.get("/api/v1/thing")).status == 200


async def test_class_of_an_endpoint() -> None:
    async with serving(route(ok, rate="apps"), route(ok, path="/api/v1/other")) as client:
        for _ in range(APP_REGISTRATIONS.limit):
            answer = await client.get("/api/v1/thing")
        assert answer.headers["X-RateLimit-Limit"] == str(APP_REGISTRATIONS.limit)
        assert (await client.get("/api/v1/thing")).status == 429
        assert (await client.get("/api/v1/other")).status == 200


async def test_limits_switched_off_still_send_headers() -> None:
    clock = FixedClock(START)
    ctx = make_context(cast(Any, None), clock, 8080, rate_limits=False)
    async with serving(route(ok, rate="apps"), ctx=ctx) as client:
        for _ in range(APP_REGISTRATIONS.limit + 2):
            answer = await client.get("/api/v1/thing")
        assert answer.status == 200
        assert answer.headers["X-RateLimit-Remaining"] == "0"


async def test_errors_carry_the_headers_too() -> None:
    async with serving(route(failing(RuntimeError()))) as client:
        for path in ("/api/v1/thing", "/api/v1/nothing"):
            assert "X-RateLimit-Limit" in (await client.get(path)).headers


async def test_address_behind_a_trusted_proxy() -> None:
    async with serving(route(ok, rate="apps")) as client:
        for _ in range(APP_REGISTRATIONS.limit + 1):
            # What the client wrote itself, on the left, does not count.
            forwarded = {"X-Forwarded-For": f"203.0.113.{_}, 198.51.100.1"}
            answer = await client.get("/api/v1/thing", headers=forwarded)
        assert answer.status == 429
        other = {"X-Forwarded-For": "198.51.100.2"}
        assert (await client.get("/api/v1/thing", headers=other)).status == 200


async def test_address_is_not_believed_from_others() -> None:
    async with serving(route(ok, rate="apps"), trusted_proxies=("10.0.0.0/8",)) as client:
        for number in range(APP_REGISTRATIONS.limit + 1):
            forwarded = {"X-Forwarded-For": f"203.0.113.{number}"}
            answer = await client.get("/api/v1/thing", headers=forwarded)
        assert answer.status == 429


async def make_token(ctx: Context, account_id: int) -> str:
    token, application_id = new_token(), ctx.ids.new()
    await ctx.db.execute(
        INSERT_APPLICATION, application_id, new_token(), b"", "App", None, [], "read", START
    )
    await ctx.db.execute(
        INSERT_TOKEN, ctx.ids.new(), token_hash(token), application_id, account_id, "read", START
    )
    return token


async def test_limit_per_token(db: Database) -> None:
    from fedserver.routing import Caller

    async def me(caller: Caller) -> int:
        return caller.account_id

    ctx = make_context(db, FixedClock(START), 8080, rate_limits=True)
    account_id = await users.create_user(ctx, "alice", "a@mail.example", PASSWORD)
    headers = {"Authorization": f"Bearer {await make_token(ctx, account_id)}"}
    async with serving(route(me, caller=Caller), ctx=ctx) as client:
        first = await client.get("/api/v1/thing", headers=headers)
        # Not known yet, it counts for the address; from then on for the token.
        assert first.headers["X-RateLimit-Remaining"] == str(API_PER_ADDRESS.limit - 1)
        for left in reversed(range(API_PER_TOKEN.limit)):
            answer = await client.get("/api/v1/thing", headers=headers)
            assert (answer.status, answer.headers["X-RateLimit-Remaining"]) == (200, str(left))
        assert (await client.get("/api/v1/thing", headers=headers)).status == 429
        assert (await client.get("/api/v1/thing")).status == 401
        second = {"Authorization": f"Bearer {await make_token(ctx, account_id)}"}
        await client.get("/api/v1/thing", headers=second)
        answer = await client.get("/api/v1/thing", headers=second)
        assert (answer.status, answer.headers["X-RateLimit-Limit"]) == (200, "300")


async def test_guessed_tokens_count_for_the_address(db: Database) -> None:
    from fedserver.routing import Caller

    async def me(caller: Caller) -> int:
        return caller.account_id

    ctx = make_context(db, FixedClock(START), 8080, rate_limits=True)
    account_id = await users.create_user(ctx, "alice", "a@mail.example", PASSWORD)
    valid = {"Authorization": f"Bearer {await make_token(ctx, account_id)}"}
    async with serving(route(me, caller=Caller), ctx=ctx) as client:
        assert (await client.get("/api/v1/thing", headers=valid)).status == 200
        for number in range(API_PER_ADDRESS.limit - 1):
            guess = {"Authorization": f"Bearer guess-{number}"}
            assert (await client.get("/api/v1/thing", headers=guess)).status == 401
        guess = {"Authorization": "Bearer one-more"}
        assert (await client.get("/api/v1/thing", headers=guess)).status == 429
        assert (await client.get("/api/v1/thing", headers=valid)).status == 200
        await db.execute(DELETE_TOKENS_OF_ACCOUNT, account_id)
        assert (await client.get("/api/v1/thing", headers=valid)).status == 401
        assert (await client.get("/api/v1/thing", headers=valid)).status == 429


async def test_lost_database_is_503_and_comes_back(db: Database, database_dsn: str) -> None:
    import asyncpg

    from storage.users import OWNER_EXISTS

    ctx = make_context(db, FixedClock(START), 8080, rate_limits=True)

    async def ask() -> bool | None:
        return await ctx.db.value(OWNER_EXISTS)

    async with serving(route(ask), ctx=ctx) as client:
        assert await body(await client.get("/api/v1/thing")) is False
        admin = await asyncpg.connect(database_dsn)
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await admin.close()
        statuses = [(await client.get("/api/v1/thing")).status for _ in range(3)]
        assert set(statuses) <= {200, 503}
        assert statuses[-1] == 200
