"""Registration of applications, in all the ways that clients send it."""

import json
from typing import Any

import pytest

from storage.oauth import APPLICATION_BY_CLIENT_ID
from tests.web_server import OOB, Site

CUSTOM = ["icecubesapp://", "com.tapbots.Ivory.10217:/request_token"]


def app_fields(**more: Any) -> dict[str, Any]:
    return {"client_name": "Client", "redirect_uris": OOB} | more


async def register(site: Site, fields: dict[str, Any]) -> dict[str, Any]:
    answer = await site.post("/api/v1/apps", json=fields)
    assert answer.status == 200, answer.text
    registered: dict[str, Any] = answer.json
    return registered


async def test_gives_every_key(site: Site) -> None:
    app = await register(site, app_fields(website="https://client.example", scopes="read write"))
    assert set(app) == {
        *("id", "name", "website", "scopes", "redirect_uri", "redirect_uris", "vapid_key"),
        *("client_id", "client_secret", "client_secret_expires_at"),
    }
    assert app["scopes"] == ["read", "write"]
    assert app["redirect_uris"] == [OOB]
    assert app["redirect_uri"] == OOB
    assert app["website"] == "https://client.example"
    assert app["client_secret_expires_at"] == 0
    assert app["id"].isdigit()


async def test_secret_is_kept_as_a_hash(site: Site) -> None:
    app = await register(site, app_fields())
    row = await site.ctx.db.one(APPLICATION_BY_CLIENT_ID, app["client_id"])
    assert row is not None
    assert app["client_secret"].encode() not in row.secret_hash
    assert len(row.secret_hash) == 32


@pytest.mark.parametrize("way", ["form", "json", "query", "no type", "multipart"])
async def test_takes_every_encoding(site: Site, way: str) -> None:
    from urllib.parse import urlencode

    import aiohttp

    fields = {"client_name": "Client", "redirect_uris": OOB, "scopes": "read+write"}
    path, options = "/api/v1/apps", dict[str, Any]()
    if way == "form":
        options = {"data": fields}
    elif way == "json":
        options = {"json": fields}
    elif way == "query":
        path += "?" + urlencode(fields)
    elif way == "no type":
        options = {"data": urlencode(fields).encode(), "skip_auto_headers": ["Content-Type"]}
    else:
        form = aiohttp.FormData(fields)
        form._is_multipart = True
        options = {"data": form}
    answer = await site.post(path, **options)
    assert answer.status == 200, answer.text
    assert answer.json["scopes"] == ["read", "write"]


@pytest.mark.parametrize(
    "given", [CUSTOM, "\n".join(CUSTOM), "\r\n".join(CUSTOM)], ids=["list", "lines", "crlf"]
)
async def test_several_redirect_uris(site: Site, given: Any) -> None:
    app = await register(site, app_fields(redirect_uris=given))
    assert app["redirect_uris"] == CUSTOM
    assert app["redirect_uri"] == "\n".join(CUSTOM)


async def test_redirect_uris_with_brackets(site: Site) -> None:
    fields = [("client_name", "C"), *(("redirect_uris[]", uri) for uri in CUSTOM)]
    answer = await site.post("/api/v1/apps", data=fields)
    assert answer.json["redirect_uris"] == CUSTOM


async def test_scopes_default_to_read(site: Site) -> None:
    assert (await register(site, app_fields()))["scopes"] == ["read"]


@pytest.mark.parametrize(
    "fields",
    [
        {"client_name": ""},
        {"client_name": "x" * 61},
        {"redirect_uris": ""},
        {"redirect_uris": "no-scheme"},
        {"redirect_uris": "javascript:alert(1)"},
        {"redirect_uris": "data:text/html,hi"},
        {"redirect_uris": "https://client.example/#fragment"},
        {"redirect_uris": "https://client.example/" + "x" * 2000},
        {"scopes": "read everything"},
        {"website": "javascript:alert(1)"},
        {"website": "http://[broken"},
        {"client_name": "a\0b"},
        {"client_name": ["a"]},
    ],
    ids=lambda fields: json.dumps(fields)[:40],
)
async def test_refuses(site: Site, fields: dict[str, Any]) -> None:
    answer = await site.post("/api/v1/apps", json=app_fields(**fields))
    assert answer.status == 422
    assert answer.json["error"].startswith("Validation failed: ")


async def test_verify_credentials(site: Site) -> None:
    app = await site.app(scopes="read")
    issued = await site.post(
        "/oauth/token",
        json={
            "grant_type": "client_credentials",
            "client_id": app["client_id"],
            "client_secret": app["client_secret"],
        },
    )
    headers = {"Authorization": f"Bearer {issued.json['access_token']}"}
    answer = await site.get("/api/v1/apps/verify_credentials", headers=headers)
    assert answer.status == 200
    secret_keys = {"client_id", "client_secret", "client_secret_expires_at"}
    assert answer.json == {key: app[key] for key in app if key not in secret_keys}


async def test_verify_credentials_needs_a_token(site: Site) -> None:
    for headers in ({}, {"Authorization": "Bearer nonsense"}):
        answer = await site.get("/api/v1/apps/verify_credentials", headers=headers)
        assert answer.status == 401
        assert answer.json == {"error": "The access token is invalid"}
