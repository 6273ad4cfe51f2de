"""Signing in, out and up with a browser."""

from datetime import timedelta

import pytest

from fedserver.rate_limits import LOGINS_PER_ACCOUNT
from fedserver.services import users
from storage.database import Database
from tests.web_server import PASSWORD, Site, forms_of, new_browser, serve, shown_text


@pytest.fixture
async def alice(site: Site) -> int:
    return await site.user()


async def test_sign_in_and_out(site: Site, alice: int) -> None:
    answer = await site.sign_in("alice@mail.example")
    assert (answer.status, answer.location) == (302, "/auth/account")
    page = await site.get("/auth/account")
    assert "@alice@localhost" in shown_text(page.text)
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    gone = await site.submit(page)
    assert gone.location == "/"
    assert (await site.get("/auth/account")).location == "/auth/sign_in"


async def test_signed_out_session_is_dead_on_the_server(site: Site, alice: int) -> None:
    await site.sign_in()
    cookies = {cookie.key: cookie.value for cookie in site.session.cookie_jar}
    await site.submit(await site.get("/auth/account"))
    answer = await site.get("/auth/account", cookies=cookies)
    assert answer.location == "/auth/sign_in"


async def test_session_ends_in_time(site: Site, alice: int) -> None:
    await site.sign_in()
    site.clock.move(timedelta(days=30))
    assert (await site.get("/auth/account")).status == 302


@pytest.mark.parametrize(("login", "password"), [("alice", "wrong"), ("nobody", PASSWORD)])
async def test_wrong_login_does_not_tell_why(
    site: Site, alice: int, login: str, password: str
) -> None:
    answer = await site.sign_in(login, password)
    assert answer.status == 422
    assert "That name, e-mail address or password is not right." in answer.text
    assert password not in answer.text
    assert (await site.get("/auth/account")).status == 302


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "/oauth/authorize",
        "/oauth/authorize?\r\nX: y",
        "/oauth/authorize@evil.example?x",
        "javascript:alert(1)",
    ],
)
async def test_leads_to_own_pages_only(site: Site, alice: int, elsewhere: str) -> None:
    page = await site.get("/auth/sign_in", params={"next": elsewhere})
    answer = await site.submit(page, email="alice", password=PASSWORD)
    assert answer.location == "/auth/account"


async def test_form_needs_its_browser(site: Site, alice: int) -> None:
    fields = forms_of((await site.get("/auth/sign_in")).text)[0][1]
    fields |= {"email": "alice", "password": PASSWORD}
    async with new_browser() as stranger:
        url = site.ctx.config.base_url + "/auth/sign_in"
        async with stranger.post(url, data=fields, allow_redirects=False) as response:
            assert response.status == 403
    for path in ("/auth/sign_in", "/auth/sign_out", "/auth/sign_up", "/oauth/authorize"):
        assert (await site.post(path, data={"email": "alice"})).status == 403


async def test_form_expires(site: Site, alice: int) -> None:
    page = await site.get("/auth/sign_in")
    site.clock.move(timedelta(hours=13))
    answer = await site.submit(page, email="alice", password=PASSWORD)
    assert answer.status == 403


async def test_tries_are_limited(db: Database, free_port: int) -> None:
    async with serve(db, free_port, rate_limits=True) as site:
        await site.user()
        page = await site.get("/auth/sign_in")
        for _ in range(LOGINS_PER_ACCOUNT.limit):
            answer = await site.submit(page, email="alice", password="wrong")
            assert answer.status == 422
        answer = await site.submit(page, email="alice", password=PASSWORD)
        assert answer.status == 429
        assert int(answer.headers["Retry-After"]) > 0
        assert "too many tries" in answer.text


async def test_limit_is_per_client_behind_our_proxy(db: Database, free_port: int) -> None:
    async with serve(db, free_port, rate_limits=True) as site:
        page = await site.get("/auth/sign_in")
        for number in range(LOGINS_PER_ACCOUNT.limit + 1):
            await site.submit(page, email=f"nobody{number}", password="x")
        action, fields = forms_of(page.text)[0]
        fields |= {"email": "nobody", "password": "x"}
        for address, status in (("192.0.2.1", 422), ("127.0.0.1", 429)):
            headers = {"X-Forwarded-For": f"198.51.100.7, {address}"}
            if address == "127.0.0.1":
                headers = {}
            assert (await site.post(action, data=fields, headers=headers)).status == status


async def test_first_admin_signs_up(site: Site) -> None:
    assert "Nobody owns this server yet" in (await site.get("/")).text
    token = await users.first_admin_invitation(site.ctx)
    page = await site.get(f"/auth/sign_up?invitation={token}")
    assert "owner" in page.text
    bad = await site.submit(page, username="a b", email="x", password="y")
    assert bad.status == 422
    for text in ("must contain only letters", "not a valid e-mail", "too short"):
        assert text in bad.text
    assert 'value="a b"' in bad.text
    done = await site.submit(bad, username="Boss", email="boss@mail.example", password=PASSWORD)
    assert (done.status, done.location) == (302, "/auth/account")
    account = await site.get("/auth/account")
    assert "you are the owner" in shown_text(account.text)
    assert (await site.get(f"/auth/sign_up?invitation={token}")).status == 404


@pytest.mark.parametrize("invitation", ["", "nonsense", "x" * 5000])
async def test_sign_up_needs_an_invitation(site: Site, invitation: str) -> None:
    answer = await site.get("/auth/sign_up", params={"invitation": invitation})
    assert answer.status == 404
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"


async def test_pages_one_signs_in_with_are_closed(site: Site) -> None:
    page = await site.get("/auth/sign_in")
    policy = page.headers["Content-Security-Policy"]
    assert "form-action 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert page.headers["Cache-Control"] == "no-store"
    assert "Access-Control-Allow-Origin" not in page.headers
