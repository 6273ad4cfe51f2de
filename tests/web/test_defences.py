"""What somebody else may try with the pages that one signs in with."""

from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from yarl import URL

from fedserver.config import Config, InstanceConfig
from fedserver.rate_limits import LOGINS_PER_ACCOUNT
from fedserver.routing import Media, all_endpoints
from fedserver.services import users
from fedserver.web.cookies import Purpose, remove_cookie, set_cookie
from storage.database import Database
from tests.web.rows import put_status
from tests.web_server import PASSWORD, Site, serve

# Mail programs send it, which have no cookie; the link itself is the permission (RFC 8058).
PRESSED_IN_MAILS = {"/email_subscriptions/end"}
FORMS = [
    one.path
    for one in all_endpoints()
    if one.media is Media.PAGE and one.method == "POST" and one.path not in PRESSED_IN_MAILS
]


@pytest.fixture
async def alice(site: Site) -> int:
    return await site.user()


def cookies_of(site: Site) -> dict[str, str]:
    return {cookie.key: cookie.value for cookie in site.session.cookie_jar}


def session_cookie(site: Site) -> str:
    return next(name for name in cookies_of(site) if "session" in name)


def test_there_are_forms_to_check() -> None:
    assert set(FORMS) >= {
        "/auth/sign_in",
        "/auth/sign_out",
        "/auth/sign_up",
        "/oauth/authorize",
    }


@pytest.mark.parametrize("path", FORMS)
async def test_every_form_needs_its_token(site: Site, alice: int, path: str) -> None:
    await site.sign_in()
    invitation = await users.first_admin_invitation(site.ctx)
    fields = {"invitation": str(invitation), "email": "alice", "password": PASSWORD}
    for token in ({}, {"form_token": ""}, {"form_token": "x.y.z"}):
        assert (await site.post(path, data=fields | token)).status == 403
        assert (await site.post(path, json=fields | token)).status == 403
    assert (await site.get("/auth/account")).status == 200


async def test_form_of_another_purpose_is_no_token(site: Site, alice: int) -> None:
    await site.sign_in()
    signed = site.ctx.secrets.sign_value("x", purpose="something else")
    assert (await site.post("/auth/sign_out", data={"form_token": signed})).status == 403


async def test_a_planted_session_is_not_taken_over(site: Site, alice: int) -> None:
    await site.sign_in()
    name = session_cookie(site)
    here = URL(site.ctx.config.base_url)
    site.session.cookie_jar.update_cookies({name: "planted"}, here)
    assert (await site.get("/auth/account")).status == 302
    await site.sign_in()
    assert cookies_of(site)[name] != "planted"
    assert (await site.get("/auth/account", cookies={name: "planted"})).status == 302


async def test_signing_in_again_ends_the_session_before(site: Site, alice: int) -> None:
    await site.sign_in()
    name = session_cookie(site)
    before = cookies_of(site)[name]
    await site.sign_in()
    assert cookies_of(site)[name] != before
    assert (await site.get("/auth/account", cookies={name: before})).status == 302


@pytest.mark.parametrize("purpose", ["session", "browser"])
async def test_cookies_of_a_public_server(site: Site, purpose: str) -> None:
    ctx = replace(site.ctx, config=Config(instance=InstanceConfig(domain="social.example")))
    request, response = make_mocked_request("GET", "/"), web.Response()
    set_cookie(ctx, request, response, cast(Purpose, purpose), "value", max_age_s=60)
    cookie = response.cookies[f"__Host-fedserver-{purpose}"]
    assert cookie["secure"]
    assert cookie["httponly"]
    assert (cookie["samesite"], cookie["path"], cookie["domain"]) == ("Lax", "/", "")
    remove_cookie(ctx, request, response, cast(Purpose, purpose))
    assert response.cookies[f"__Host-fedserver-{purpose}"]["max-age"] == "0"


async def test_headers_of_every_page(site: Site, alice: int) -> None:
    status_id = await put_status(site, alice)
    invitation = await users.first_admin_invitation(site.ctx)
    paths = [
        *("/", "/@alice", f"/@alice/{status_id}", "/tags/clocks", "/@nobody", "/auth/sign_in"),
        *(f"/auth/sign_up?invitation={invitation}", "/auth/account", "/oauth/authorize"),
    ]
    for path in paths:
        page = await site.get(path)
        assert page.headers["X-Frame-Options"] == "DENY", path
        assert page.headers["X-Content-Type-Options"] == "nosniff", path
        assert page.headers["Referrer-Policy"] == "no-referrer", path
        # It would cut a web client off from the pop-up that it signs in with.
        assert "Cross-Origin-Opener-Policy" not in page.headers, path
        if page.text:
            policy = page.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy, path
            assert "frame-ancestors 'none'" in policy, path
            # Only the front page has one of ours: it keeps the way to other doors.
            scripts = [rule for rule in policy.split("; ") if rule.startswith("script-src")]
            assert scripts == (["script-src 'self'"] if path == "/" else []), path


@pytest.mark.parametrize("code", ["", "Your account is locked. Call 555 0100", "x" * 44])
async def test_code_page_shows_codes_only(site: Site, alice: int, code: str) -> None:
    await site.sign_in()
    page = await site.get("/oauth/authorize/native", params={"code": code})
    assert page.status == 404
    assert code == "" or code not in page.text


async def test_long_names_do_not_fill_the_counters(db: Database, free_port: int) -> None:
    async with serve(db, free_port, rate_limits=True) as site:
        page = await site.get("/auth/sign_in")
        for number in range(LOGINS_PER_ACCOUNT.limit):
            login = "a" * 400 + str(number)
            assert (await site.submit(page, email=login, password="x")).status == 422
        site.clock.move(timedelta(minutes=5))  # the window of the address is over
        assert (await site.submit(page, email="b", password="x")).status == 422
        assert (await site.submit(page, email="a" * 500, password="x")).status == 429
