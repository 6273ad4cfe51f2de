"""Signing in with one-time codes, recovery codes and passkeys."""

import re
from datetime import timedelta
from html import unescape

import orjson
import pyotp
import pytest

from fedserver.rate_limits import LOGINS_PER_ACCOUNT
from fedserver.services import users
from storage.database import Database
from tests.web.authenticator import Authenticator
from tests.web_server import PASSWORD, Answer, Json, Site, forms_of, new_browser, serve, shown_text

_SECRET = re.compile(r'id="secret">([A-Z2-7]+)<')
_RECOVERY = re.compile(r'class="recovery">([0-9a-f]+)<')
_OPTIONS = re.compile(r'data-options="([^"]+)"')


async def submit_to(site: Site, page: Answer, action: str, **filled: str) -> Answer:
    """Send the first form of `page` that leads to `action`."""
    fields = next(fields for to, fields in forms_of(page.text) if to == action)
    return await site.post(action, data=fields | filled)


async def setting(site: Site, action: str, **filled: str) -> Answer:
    page = await site.get("/auth/edit")
    return await submit_to(site, page, f"/auth/edit/{action}", **{"current": PASSWORD} | filled)


async def turn_codes_on(site: Site) -> tuple[pyotp.TOTP, list[str]]:
    page = await setting(site, "codes")
    found = _SECRET.search(page.text)
    assert found, page.text
    assert "<svg" in page.text
    totp = pyotp.TOTP(found[1])
    done = await submit_to(site, page, "/auth/edit/codes/on", code=now_code(site, totp))
    codes = _RECOVERY.findall(done.text)
    assert len(codes) == 10, done.text
    await submit_to(site, await site.get("/auth/account"), "/auth/sign_out")
    site.clock.move(timedelta(minutes=1))
    return totp, codes


def now_code(site: Site, totp: pyotp.TOTP) -> str:
    return str(totp.at(int(site.clock.now().timestamp())))


@pytest.fixture
async def alice(site: Site) -> int:
    account_id = await site.user()
    await site.sign_in()
    return account_id


async def test_codes_are_asked_for(site: Site, alice: int) -> None:
    totp, _ = await turn_codes_on(site)
    step = await site.sign_in()
    assert "One more step" in step.text
    assert (await site.get("/auth/account")).status == 302, "a password alone opens nothing"
    wrong = await site.submit(step, code="000000")
    assert (wrong.status, "not right" in wrong.text) == (422, True)
    code = now_code(site, totp)
    assert (await site.submit(wrong, code=code)).location == "/auth/account"
    again = await site.submit(await site.sign_in(), code=code)
    assert again.status == 422, "a code serves once"
    site.clock.move(timedelta(seconds=30))
    done = await site.submit(again, code=f" {now_code(site, totp)[:3]} {now_code(site, totp)[3:]}")
    assert done.location == "/auth/account"


async def test_recovery_code_serves_once(site: Site, alice: int) -> None:
    _, codes = await turn_codes_on(site)
    step = await site.sign_in()
    assert (await site.submit(step, code=codes[3].upper())).location == "/auth/account"
    assert (await site.submit(await site.sign_in(), code=codes[3])).status == 422
    assert (await site.submit(await site.sign_in(), code=codes[4])).location == "/auth/account"
    assert "8 recovery codes are left" in (await site.get("/auth/edit")).text


async def test_turning_codes_off_takes_the_password(site: Site, alice: int) -> None:
    _, codes = await turn_codes_on(site)
    await site.submit(await site.sign_in(), code=codes[0])
    assert (await setting(site, "codes/off", current="wrong")).status == 422
    assert (await setting(site, "codes/off")).status == 200
    assert (await site.sign_in()).location == "/auth/account"


async def test_admin_helps_who_lost_the_phone(site: Site, alice: int) -> None:
    await turn_codes_on(site)
    await users.reset_password(site.ctx, "alice", PASSWORD)
    assert "One more step" in (await site.sign_in()).text
    await users.reset_password(site.ctx, "alice", PASSWORD, codes_off=True)
    assert (await site.sign_in()).location == "/auth/account"


async def test_wrong_first_code_turns_nothing_on(site: Site, alice: int) -> None:
    page = await setting(site, "codes")
    refused = await submit_to(site, page, "/auth/edit/codes/on", code="123")
    assert refused.status == 422
    assert (await site.sign_in()).location == "/auth/account"


async def test_secret_in_use_is_not_shown_again(site: Site, alice: int) -> None:
    _, codes = await turn_codes_on(site)
    await site.submit(await site.sign_in(), code=codes[0])
    page = await site.get("/auth/edit")
    fields = next(fields for to, fields in forms_of(page.text) if to == "/auth/edit/codes/off")
    answer = await site.post("/auth/edit/codes", data=fields | {"current": PASSWORD})
    assert (answer.status, "on already" in answer.text) == (422, True)


@pytest.mark.parametrize("pending", ["", "nonsense", "x" * 5_000])
async def test_second_step_needs_the_first(site: Site, alice: int, pending: str) -> None:
    totp, _ = await turn_codes_on(site)
    step = await site.sign_in()
    answer = await site.submit(step, pending=pending, code=now_code(site, totp))
    assert answer.status == 422
    assert (await site.get("/auth/account")).status == 302


async def test_second_step_expires(site: Site, alice: int) -> None:
    totp, _ = await turn_codes_on(site)
    step = await site.sign_in()
    site.clock.move(timedelta(minutes=11))
    assert (await site.submit(step, code=now_code(site, totp))).status == 422


async def test_codes_are_not_guessed(db: Database, free_port: int) -> None:
    async with serve(db, free_port, rate_limits=True) as site:
        await site.user()
        await site.sign_in()
        totp, _ = await turn_codes_on(site)
        step = await site.sign_in()
        for _ in range(LOGINS_PER_ACCOUNT.limit):
            assert (await site.submit(step, code="000000")).status == 422
        assert (await site.submit(step, code=now_code(site, totp))).status == 429


def options_of(page: Answer) -> Json:
    found = _OPTIONS.search(page.text)
    assert found, page.text
    options: Json = orjson.loads(unescape(found[1]))
    return options


async def add_passkey(site: Site, device: Authenticator) -> Answer:
    page = await setting(site, "passkeys/new")
    credential = device.create(options_of(page))
    return await submit_to(site, page, "/auth/edit/passkeys", credential=credential, name="Phone")


async def sign_in_with(site: Site, device: Authenticator) -> Answer:
    page = await site.get("/auth/passkey")
    return await site.submit(page, credential=device.get(options_of(page)))


async def test_passkey_signs_in(site: Site, alice: int) -> None:
    device = Authenticator(site.ctx.config.base_url)
    added = await add_passkey(site, device)
    assert "Phone" in shown_text(added.text)
    page = await site.get("/auth/passkey")
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    await submit_to(site, await site.get("/auth/account"), "/auth/sign_out")
    assert (await sign_in_with(site, device)).location == "/auth/account"
    assert "@alice@" in shown_text((await site.get("/auth/account")).text)
    await setting(site, "passkeys/remove")
    assert (await sign_in_with(site, device)).status == 422


async def test_passkey_replaces_the_code(site: Site, alice: int) -> None:
    device = Authenticator(site.ctx.config.base_url)
    await add_passkey(site, device)
    await turn_codes_on(site)
    assert (await sign_in_with(site, device)).location == "/auth/account"


@pytest.mark.parametrize("fault", ["origin", "domain", "unverified", "stranger", "copied"])
async def test_passkey_that_is_not_right(site: Site, alice: int, fault: str) -> None:
    device = Authenticator(site.ctx.config.base_url)
    await add_passkey(site, device)
    assert (await sign_in_with(site, device)).status == 302
    if fault == "origin":
        device.origin = "http://evil.example"
    elif fault == "domain":
        device.rp_id = "evil.example"
    elif fault == "unverified":
        device.flags = 1
    elif fault == "stranger":
        device = Authenticator(site.ctx.config.base_url)
    else:
        device.count = -1 + device.count  # an older copy of the device counts on from where it was
    assert (await sign_in_with(site, device)).status == 422


async def test_challenge_is_for_one_browser_and_soon_over(site: Site, alice: int) -> None:
    device = Authenticator(site.ctx.config.base_url)
    await add_passkey(site, device)
    page = await site.get("/auth/passkey")
    credential = device.get(options_of(page))
    async with new_browser() as stranger:
        other = Site(site.ctx, site.clock, stranger)
        await other.get("/auth/sign_in")
        refused = await other.submit(await other.get("/auth/passkey"), credential=credential)
        assert refused.status == 422
    site.clock.move(timedelta(minutes=6))
    assert (await site.submit(page, credential=credential)).status == 422


@pytest.mark.parametrize(
    "credential", ["", "{}", "null", "[1]", '{"id":"x","rawId":"x"}', "x" * 99]
)
async def test_broken_credentials(site: Site, alice: int, credential: str) -> None:
    page = await site.get("/auth/passkey")
    assert (await site.submit(page, credential=credential)).status == 422
    made = await setting(site, "passkeys/new")
    answer = await submit_to(site, made, "/auth/edit/passkeys", credential=credential, name="x")
    assert answer.status == 422
