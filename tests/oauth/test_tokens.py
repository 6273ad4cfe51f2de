"""The token and revocation endpoints."""

import base64
import hashlib
from datetime import timedelta
from typing import Any

import pytest

from fedserver.secrets import token_hash
from storage.oauth import TOKEN_BY_HASH
from tests.web_server import OOB, START, Site

VERIFIER = "a-verifier-that-is-long-enough-for-the-standard-0123"
CHALLENGE = (
    base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
)


@pytest.fixture
async def app(site: Site) -> dict[str, Any]:
    await site.user()
    await site.sign_in()
    return await site.app()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_code_becomes_a_token(site: Site, app: dict[str, Any]) -> None:
    answer = await site.exchange(app, await site.code(app, "read write"))
    assert answer.status == 200
    token = answer.json
    assert set(token) == {"access_token", "token_type", "scope", "created_at"}
    assert token["token_type"] == "Bearer"
    assert token["scope"] == "read write"
    assert token["created_at"] == int(START.timestamp())
    assert answer.headers["Cache-Control"] == "no-store"
    row = await site.ctx.db.one(TOKEN_BY_HASH, token_hash(token["access_token"]))
    assert row is not None
    assert (row.confirmed, row.approved, row.disabled, row.suspended) == (True, True, False, False)


async def test_code_serves_once(site: Site, app: dict[str, Any]) -> None:
    code = await site.code(app)
    assert (await site.exchange(app, code)).status == 200
    again = await site.exchange(app, code)
    assert again.status == 400
    assert again.json["error"] == "invalid_grant"


async def test_code_expires(site: Site, app: dict[str, Any]) -> None:
    code = await site.code(app)
    site.clock.move(timedelta(minutes=10))
    assert (await site.exchange(app, code)).json["error"] == "invalid_grant"


async def test_code_belongs_to_its_client(site: Site, app: dict[str, Any]) -> None:
    code = await site.code(app)
    other = await site.app()
    assert (await site.exchange(other, code)).json["error"] == "invalid_grant"
    assert (await site.exchange(app, code)).status == 200


async def test_redirect_uri_must_be_the_same(site: Site, app: dict[str, Any]) -> None:
    code = await site.code(app)
    wrong = await site.exchange(app, code, redirect_uri="https://client.example/")
    assert wrong.json["error"] == "invalid_grant"
    code = await site.code(app)
    assert (await site.exchange(app, code, redirect_uri="")).json["error"] == "invalid_request"


async def test_pkce(site: Site, app: dict[str, Any]) -> None:
    async def exchange(**verifier: str) -> int:
        code = await site.code(app, code_challenge=CHALLENGE, code_challenge_method="S256")
        return (await site.exchange(app, code, **verifier)).status

    assert await exchange(code_verifier=VERIFIER) == 200
    assert await exchange(code_verifier=VERIFIER + "x") == 400
    assert await exchange() == 400


async def test_verifier_without_challenge_is_refused(site: Site, app: dict[str, Any]) -> None:
    answer = await site.exchange(app, await site.code(app), code_verifier=VERIFIER)
    assert answer.json["error"] == "invalid_grant"


async def test_only_s256(site: Site, app: dict[str, Any]) -> None:
    from tests.web_server import authorize_path

    for method in ({}, {"code_challenge_method": "plain"}):
        page = await site.get(authorize_path(app, code_challenge=VERIFIER, **method))
        assert page.status == 400
        assert "S256" in page.text


@pytest.mark.parametrize("way", ["json", "query", "basic", "basic and body", "extra parameters"])
async def test_lenient(site: Site, app: dict[str, Any], way: str) -> None:
    code = await site.code(app)
    grant = {"grant_type": "authorization_code", "code": code, "redirect_uri": OOB}
    client = {"client_id": app["client_id"], "client_secret": app["client_secret"]}
    basic = base64.b64encode(f"{app['client_id']}:{app['client_secret']}".encode()).decode()
    headers = {"Authorization": f"Basic {basic}"}
    ways: dict[str, dict[str, Any]] = {
        "json": {"json": grant | client},
        "query": {"params": grant | client},
        "basic": {"data": grant, "headers": headers},
        "basic and body": {"data": grant | client, "headers": headers},
        "extra parameters": {"data": grant | client | {"scope": "write", "vapid_key": "x"}},
    }
    answer = await site.post("/oauth/token", **ways[way])
    assert answer.status == 200, answer.text
    assert answer.json["scope"] == "read"


async def test_different_credentials_at_once(site: Site, app: dict[str, Any]) -> None:
    other = await site.app()
    basic = base64.b64encode(f"{other['client_id']}:{other['client_secret']}".encode()).decode()
    answer = await site.post(
        "/oauth/token",
        data={
            "grant_type": "client_credentials",
            "client_id": app["client_id"],
            "client_secret": app["client_secret"],
        },
        headers={"Authorization": f"Basic {basic}"},
    )
    assert answer.json["error"] == "invalid_request"


@pytest.mark.parametrize("field", ["client_id", "client_secret"])
@pytest.mark.parametrize("value", ["", "wrong"])
async def test_unknown_client(site: Site, app: dict[str, Any], field: str, value: str) -> None:
    answer = await site.exchange(app, "code", **{field: value})
    assert answer.status == 401
    assert answer.json["error"] == "invalid_client"
    assert answer.json["error_description"].startswith(
        "Client authentication failed due to unknown"
    )


async def test_broken_basic(site: Site) -> None:
    for value in ("!!!", base64.b64encode(b"\xff\xfe").decode()):
        answer = await site.post("/oauth/token", headers={"Authorization": f"Basic {value}"})
        assert answer.status == 401


async def test_client_credentials(site: Site, app: dict[str, Any]) -> None:
    async def ask(**more: str) -> Any:
        fields = {
            "grant_type": "client_credentials",
            "client_id": app["client_id"],
            "client_secret": app["client_secret"],
        }
        return await site.post("/oauth/token", data=fields | more)

    assert (await ask()).json["scope"] == "read"
    assert (await ask(scope="write:media read")).json["scope"] == "write:media read"
    refused = await ask(scope="admin:read")
    assert (refused.status, refused.json["error"]) == (400, "invalid_scope")


@pytest.mark.parametrize("grant_type", ["password", "refresh_token", "implicit"])
async def test_other_grants(site: Site, app: dict[str, Any], grant_type: str) -> None:
    answer = await site.exchange(
        app, "x", grant_type=grant_type, username="alice", password="correct"
    )
    assert (answer.status, answer.json["error"]) == (400, "unsupported_grant_type")


async def test_malformed_bodies_are_oauth_errors(site: Site) -> None:
    for options in (
        {"data": b"{", "headers": {"Content-Type": "application/json"}},
        {"json": {"client_id": ["x"]}},
        {"data": {"client_id": "a\0"}},
    ):
        answer = await site.post("/oauth/token", **options)
        assert answer.status == 400
        assert set(answer.json) == {"error", "error_description"}
        assert answer.json["error"] == "invalid_request"


async def test_revoke(site: Site, app: dict[str, Any]) -> None:
    token = await site.token(app)
    path = "/api/v1/apps/verify_credentials"
    assert (await site.get(path, headers=bearer(token))).status == 200
    client = {"client_id": app["client_id"], "client_secret": app["client_secret"]}
    answer = await site.post("/oauth/revoke", data=client | {"token": token})
    assert (answer.status, answer.json) == (200, {})
    assert (await site.get(path, headers=bearer(token))).status == 401
    again = await site.post("/oauth/revoke", data=client | {"token": token})
    assert again.status == 200


async def test_revoke_of_another_client(site: Site, app: dict[str, Any]) -> None:
    token = await site.token(app)
    other = await site.app()
    for client in (other, {"client_id": "x", "client_secret": "y"}):
        fields = {"client_id": client["client_id"], "client_secret": client["client_secret"]}
        answer = await site.post("/oauth/revoke", data=fields | {"token": token})
        assert answer.status == 403
        assert answer.json["error"] == "unauthorized_client"
    path = "/api/v1/apps/verify_credentials"
    assert (await site.get(path, headers=bearer(token))).status == 200


async def test_userinfo(site: Site, app: dict[str, Any]) -> None:
    base = site.ctx.config.base_url
    profile = await site.app(scopes="profile")
    token = await site.token(profile, "profile")
    for method in ("GET", "POST"):
        answer = await site.request(method, "/oauth/userinfo", headers=bearer(token))
        assert answer.json == {
            "iss": f"{base}/",
            "sub": f"{base}/users/alice",
            "name": "",
            "preferred_username": "alice",
            "profile": f"{base}/@alice",
            "picture": f"{base}/static/avatars/missing.png",
        }
    narrow = await site.get("/oauth/userinfo", headers=bearer(await site.token(app)))
    assert narrow.status == 403
    assert narrow.json == {"error": "This action is outside the authorized scopes"}


async def test_metadata(site: Site) -> None:
    base = site.ctx.config.base_url
    document = (await site.get("/.well-known/oauth-authorization-server")).json
    assert document["issuer"] == f"{base}/"
    for name in ("authorization", "token", "revocation", "userinfo", "app_registration"):
        assert document[f"{name}_endpoint"].startswith(base)
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["grant_types_supported"] == ["authorization_code", "client_credentials"]
    assert len(document["scopes_supported"]) == len(set(document["scopes_supported"])) == 47
