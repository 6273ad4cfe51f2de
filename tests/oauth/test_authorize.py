"""The page on which a person lets a client in."""

from typing import Any

import pytest

from tests.web_server import OOB, Answer, Site, authorize_path, forms_of, new_browser, shown_text

CUSTOM_URIS = [
    "https://client.example/callback?server=a%2Fb",
    "icecubesapp://",
    "com.tapbots.Ivory.10217:/request_token",
    "org.joinmastodon.android-auth://callback",
]


@pytest.fixture
async def alice(site: Site) -> int:
    return await site.user()


@pytest.fixture
async def signed_in(site: Site, alice: int) -> None:
    await site.sign_in()


async def test_signing_in_comes_first(site: Site, alice: int) -> None:
    app = await site.app()
    path = authorize_path(app, scope="read write", state="x y")
    first = await site.get(path)
    assert first.status == 302
    assert first.location.startswith("/auth/sign_in?next=%2Foauth%2Fauthorize%3F")
    then = await site.submit(
        await site.get(first.location),
        email="alice@mail.example",
        password="correct horse battery staple",
    )
    assert then.status == 302
    assert then.location.startswith("/oauth/authorize?")
    page = await site.get(then.location)
    assert page.status == 200
    assert "Test" in page.text
    assert forms_of(page.text)[0][1]["state"] == "x y"


async def test_force_login(site: Site, signed_in: None) -> None:
    app = await site.app()
    first = await site.get(authorize_path(app, force_login="true"))
    assert first.location.startswith("/auth/sign_in?")
    assert "force_login" not in first.location
    assert (await site.get(authorize_path(app, force_login="false"))).status == 200


@pytest.mark.parametrize("uri", CUSTOM_URIS)
async def test_leads_back(site: Site, signed_in: None, uri: str) -> None:
    app = await site.app(redirect_uris=uri)
    answer = await site.submit(await site.get(authorize_path(app, state="s&=é")))
    assert answer.status == 302
    assert answer.location.startswith(uri + ("&" if "?" in uri else "?") + "code=")
    assert answer.location_query["state"] == "s&=é"
    assert (await site.exchange(app, answer.location_query["code"])).status == 200


async def test_deny(site: Site, signed_in: None) -> None:
    app = await site.app(redirect_uris="https://client.example/")
    answer = await site.submit(await site.get(authorize_path(app, state="1")), 1)
    assert answer.location.startswith("https://client.example/?")
    assert answer.location_query["error"] == "access_denied"
    assert answer.location_query["state"] == "1"


async def test_out_of_band_shows_the_code(site: Site, signed_in: None) -> None:
    app = await site.app()
    answer = await site.submit(await site.get(authorize_path(app)))
    assert answer.location.startswith("/oauth/authorize/native?code=")
    code = answer.location_query["code"]
    page = await site.get(answer.location)
    assert code in shown_text(page.text)
    assert (await site.exchange(app, code)).status == 200


async def test_code_page_escapes(site: Site, signed_in: None) -> None:
    page = await site.get("/oauth/authorize/native", params={"code": "<script>alert(1)</script>"})
    assert "<script>" not in page.text


async def test_says_what_the_client_wants(site: Site, signed_in: None) -> None:
    app = await site.app(scopes="read write push admin:read:accounts")
    scopes = "read:lists write:media push admin:read:accounts"
    text = shown_text((await site.get(authorize_path(app, scope=scopes))).text)
    for part in ("See your lists", "Upload media", "Receive your notifications", "As an admin"):
        assert part in text


async def test_default_scope_and_encoded_separators(site: Site, signed_in: None) -> None:
    app = await site.app(scopes="read write")
    without = await site.exchange(app, (await _allowed(site, authorize_path(app)))["code"])
    assert without.json["scope"] == "read"
    twice = await site.exchange(
        app, (await _allowed(site, authorize_path(app, scope="read+write")))["code"]
    )
    assert twice.json["scope"] == "read write"


async def _allowed(site: Site, path: str) -> dict[str, str]:
    return (await site.submit(await site.get(path))).location_query


@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": "unknown"},
        {"redirect_uri": "https://evil.example/"},
        {"redirect_uri": OOB + "/"},
        {"redirect_uri": ""},
        {"response_type": "token"},
        {"scope": "read write"},
        {"scope": "everything"},
        {"code_challenge": "short", "code_challenge_method": "S256"},
    ],
    ids=str,
)
async def test_never_leads_away_from_a_wrong_request(
    site: Site, signed_in: None, changed: dict[str, str]
) -> None:
    app = await site.app(scopes="read")
    answer = await site.get(authorize_path(app, **changed))
    assert answer.status == 400
    assert "Location" not in answer.headers
    assert "cannot be let in" in answer.text


async def test_wrong_request_by_post(site: Site, signed_in: None) -> None:
    app = await site.app(scopes="read")
    page = await site.get(authorize_path(app))
    for name, value in (("redirect_uri", "https://evil.example/"), ("scope", "write")):
        answer = await site.submit(page, 0, **{name: value})
        assert answer.status == 400
        assert "Location" not in answer.headers


async def test_form_of_another_browser_or_session(site: Site, signed_in: None) -> None:
    app = await site.app()
    page = await site.get(authorize_path(app))
    action, fields = forms_of(page.text)[0]
    for token in ("", "nonsense"):
        assert (await site.submit(page, form_token=token)).status == 403
    async with new_browser() as stranger:
        url = site.ctx.config.base_url + action
        async with stranger.post(url, data=fields, allow_redirects=False) as response:
            assert response.status == 403
    await site.sign_in()
    answer = await site.submit(page)
    assert answer.status == 403
    assert "out of date" in answer.text


async def test_headers(site: Site, signed_in: None) -> None:
    page = await site.get(authorize_path(await site.app()))
    policy = page.headers["Content-Security-Policy"]
    assert "form-action" not in policy
    assert "default-src 'none'" in policy
    assert page.headers["X-Frame-Options"] == "DENY"
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert "Cross-Origin-Opener-Policy" not in page.headers
    assert "Access-Control-Allow-Origin" not in page.headers


async def test_name_of_a_client_is_escaped(site: Site, signed_in: None) -> None:
    answer = await site.post(
        "/api/v1/apps", data={"client_name": "<b>Bold</b>", "redirect_uris": OOB}
    )
    page: Answer = await site.get(authorize_path(answer.json))
    assert "&lt;b&gt;Bold" in page.text
    assert "<b>Bold" not in page.text


async def test_disabled_user_cannot_go_on(site: Site, alice: int, signed_in: None) -> None:
    from storage.query import Command

    app = await site.app()
    token = await site.token(app)
    await site.ctx.db.execute(
        Command("UPDATE users SET disabled_at = now() WHERE account_id = $1"), alice
    )
    assert (await site.get(authorize_path(app))).status == 302
    headers: dict[str, Any] = {"Authorization": f"Bearer {token}"}
    answer = await site.get("/api/v1/apps/verify_credentials", headers=headers)
    assert answer.status == 403
    assert answer.json == {"error": "Your login is currently disabled"}
