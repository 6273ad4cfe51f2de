"""Signing up by oneself: by page and by API, confirming the address, asking an admin."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path

import pytest

import fedserver.mastodon.sign_ups  # noqa: F401 - registers its endpoints
from fedserver.config.house_rules import RegistrationsConfig
from fedserver.config.settings import DataConfig
from fedserver.errors import NotFound
from fedserver.rate_limits import SIGN_UPS
from fedserver.services import sign_ups, users
from fedserver.services.smtp import mail_folder
from fedserver.workers.housekeeping import FORGET_UNCONFIRMED
from fedserver.workers.mail_worker import send_due
from storage.database import Database
from storage.query import Value
from tests.web_server import PASSWORD, Json, Site, serve, shown_text

ACCOUNTS = Value("SELECT count(*) FROM accounts WHERE domain IS NULL", int)
_LINK = re.compile(r"https?://\S+(/auth/\S+)")


@pytest.fixture
async def house(db: Database, free_port: int, tmp_path: Path) -> AsyncIterator[Site]:
    """A house that everybody may enter."""
    async with serve(db, free_port, sections=_open(tmp_path)) as site:
        yield site


@pytest.fixture
async def choosy(db: Database, free_port: int, tmp_path: Path) -> AsyncIterator[Site]:
    """A house whose admins look at each application, of people who are 16 at least."""
    sections = _open(tmp_path, mode="approval", min_age=16)
    async with serve(db, free_port, sections=sections) as site:
        yield site


def _open(folder: Path, **rules: object) -> dict[str, object]:
    return {
        "registrations": RegistrationsConfig(**({"mode": "open"} | rules)),  # type: ignore[arg-type]  # as given
        "data": DataConfig(folder=folder),
    }


async def mails(site: Site) -> list[tuple[str, str]]:
    """Give the recipients and texts of all mails, the newest last."""
    while await send_due(site.ctx):
        pass
    files = sorted(mail_folder(site.ctx.config).glob("*.eml"))
    found = [message_from_bytes(file.read_bytes()) for file in files]
    return [(str(one["To"]), one.get_payload(decode=True).decode()) for one in found]  # type: ignore[union-attr]  # one part


async def link_of(site: Site) -> str:
    """Give the path of the link in the newest mail that has one."""
    links = [found[1] for _, text in await mails(site) if (found := _LINK.search(text))]
    return links[-1]


async def app_token(site: Site, scopes: str = "read write follow push") -> tuple[Json, str]:
    app = await site.app(scopes=scopes)
    fields = {
        "grant_type": "client_credentials",
        "client_id": app["client_id"],
        "client_secret": app["client_secret"],
        "scope": scopes,
    }
    answer = await site.post("/oauth/token", data=fields)
    return app, answer.json["access_token"]


async def sign_up(site: Site, **more: str) -> tuple[int, Json]:
    _, token = await app_token(site)
    fields = {
        "username": "Carol",
        "email": "carol@mail.example",
        "password": PASSWORD,
        "agreement": "true",
        "locale": "en",
    }
    answer = await site.post("/api/v1/accounts", data=fields | more, headers=bearer(token))
    return answer.status, answer.json


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def confirm(site: Site) -> str:
    answer = await site.submit(await site.get(await link_of(site)))
    assert answer.status in (200, 302), answer.text
    return answer.text


async def test_client_signs_somebody_up(house: Site) -> None:
    status, token = await sign_up(house)
    assert status == 200
    assert set(token) == {"access_token", "token_type", "scope", "created_at"}
    waiting = bearer(token["access_token"])
    early = await house.get("/oauth/userinfo", headers=waiting)
    assert (early.status, early.json) == (
        403,
        {"error": "Your login is missing a confirmed e-mail address"},
    )
    checked = await house.get("/api/v1/emails/check_confirmation", headers=waiting)
    assert checked.status == 403
    assert await house.ctx.db.value(ACCOUNTS) == 0, "nobody is there before the address is"
    assert (await house.get("/@carol")).status == 404
    await confirm(house)
    checked = await house.get("/api/v1/emails/check_confirmation", headers=waiting)
    assert (checked.status, checked.json) == (200, {})
    assert await users.authenticate(house.ctx, "carol", PASSWORD) is not None
    again = await house.post("/api/v1/emails/confirmations", headers=waiting)
    assert again.status == 403
    assert "only available while" in again.json["error"]
    assert (await mails(house))[-1][1].startswith("Welcome, carol!")


async def test_page_signs_somebody_up(house: Site) -> None:
    page = await house.get("/auth/sign_up")
    fields = {"username": "carol", "email": "carol@mail.example", "password": PASSWORD}
    refused = await house.submit(page, **fields)
    assert refused.status == 422, "the rules are not agreed to"
    done = await house.submit(page, agreement="1", **fields)
    assert "Look into your mails" in done.text
    path = await link_of(house)
    await house.get(path)
    assert await house.ctx.db.value(ACCOUNTS) == 0, "a scanner of links confirms nothing"
    done = await house.submit(await house.get(path))
    assert done.location == "/auth/sign_in?welcome=1"
    assert "Your account is ready" in (await house.get(done.location)).text
    assert (await house.sign_in("carol")).location == "/auth/account"
    assert (await house.get(path)).status == 404, "a link serves once"


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("username", "", "ERR_BLANK"),
        ("username", "a b", "ERR_INVALID"),
        ("username", "admin", "ERR_RESERVED"),
        ("username", "taken", "ERR_TAKEN"),
        ("email", "nobody", "ERR_INVALID"),
        ("email", "taken@mail.example", "ERR_TAKEN"),
        ("password", "short", "ERR_TOO_SHORT"),
        ("agreement", "false", "ERR_ACCEPTED"),
        ("reason", "x" * 2_001, "ERR_TOO_LONG"),
    ],
)
async def test_what_does_not_fit_is_told_by_field(
    house: Site, field: str, value: str, code: str
) -> None:
    await house.user("taken")
    status, body = await sign_up(house, **{field: value})
    assert status == 422
    assert body["error"].startswith("Validation failed: ")
    assert [one["error"] for one in body["details"][field]] == [code]


async def test_name_and_address_are_kept_for_who_was_first(house: Site) -> None:
    await sign_up(house)
    status, body = await sign_up(house, email="other@mail.example")
    assert (status, set(body["details"])) == (422, {"username"})
    status, body = await sign_up(house, username="other", email="CAROL@mail.example")
    assert (status, set(body["details"])) == (422, {"email"})
    later = house.ctx.clock.now() + timedelta(days=1)
    assert await house.ctx.db.execute(FORGET_UNCONFIRMED, later) == 1
    assert (await sign_up(house))[0] == 200


async def test_wrong_address_is_corrected(house: Site) -> None:
    _, token = await sign_up(house, email="carrol@mail.example")
    first = await link_of(house)
    answer = await house.post(
        "/api/v1/emails/confirmations",
        data={"email": "carol@mail.example"},
        headers=bearer(token["access_token"]),
    )
    assert (answer.status, answer.json) == (200, {})
    assert (await house.get(first)).status == 404, "the first address is no longer it"
    assert (await mails(house))[-1][0] == "carol@mail.example"
    await confirm(house)
    assert await users.authenticate(house.ctx, "carol@mail.example", PASSWORD) is not None


async def test_admin_is_asked(choosy: Site) -> None:
    born = {"date_of_birth": "2001-02-03"}
    status, body = await sign_up(choosy, **born)
    assert [one["error"] for one in body["details"]["reason"]] == ["ERR_BLANK"]
    status, body = await sign_up(choosy, reason="I like it", date_of_birth="2012-11-24")
    assert [one["error"] for one in body["details"]["date_of_birth"]] == ["ERR_BELOW_LIMIT"]
    assert (await sign_up(choosy, reason="I like it", date_of_birth="tomorrow"))[0] == 422
    status, token = await sign_up(choosy, reason="I like it", **born)
    assert status == 200
    assert "An admin looks at" in shown_text(await confirm(choosy))
    early = await choosy.get("/oauth/userinfo", headers=bearer(token["access_token"]))
    assert early.json == {"error": "Your login is currently pending approval"}
    assert await choosy.ctx.db.value(ACCOUNTS) == 0
    done = await sign_ups.approve(choosy.ctx, "carol")
    assert done.account_id == await users.authenticate(choosy.ctx, "carol", PASSWORD)


async def test_admin_says_no(choosy: Site) -> None:
    _, token = await sign_up(choosy, reason="spam", date_of_birth="2001-02-03")
    await confirm(choosy)
    await sign_ups.reject(choosy.ctx, "carol")
    gone = await choosy.get("/oauth/userinfo", headers=bearer(token["access_token"]))
    assert gone.status == 401
    assert "cannot accept it" in (await mails(choosy))[-1][1]
    with pytest.raises(NotFound):
        await sign_ups.approve(choosy.ctx, "carol")


async def test_approved_before_confirmed(choosy: Site) -> None:
    await sign_up(choosy, reason="I like it", date_of_birth="2001-02-03")
    assert (await sign_ups.approve(choosy.ctx, "carol")).account_id is None
    await confirm(choosy)
    assert await users.authenticate(choosy.ctx, "carol", PASSWORD) is not None


async def test_closed_house_takes_who_was_invited(site: Site) -> None:
    status, body = await sign_up(site)
    assert (status, body) == (403, {"error": "This action is not allowed"})
    invitation = await users.invite(site.ctx, "user", site.clock.now() + timedelta(days=7))
    headers = {"Accept": "application/json"}
    shown = await site.get(f"/invite/{invitation}", headers=headers)
    assert shown.json["invite_code"] == invitation
    assert (await site.get("/invite/nonsense", headers=headers)).status == 401
    page = await site.get(f"/invite/{invitation}")
    assert page.location == f"/auth/sign_up?invitation={invitation}"
    assert (await sign_up(site, invite_code=invitation))[0] == 200
    status, _ = await sign_up(site, invite_code=invitation, username="dave", email="d@mail.example")
    assert status == 404, "an invitation is for one person"


async def test_sign_ups_need_an_application(house: Site) -> None:
    assert (await house.post("/api/v1/accounts", data={})).status == 401
    _, token = await app_token(house, scopes="read")
    answer = await house.post("/api/v1/accounts", data={}, headers=bearer(token))
    assert answer.status == 403


async def test_sign_ups_are_limited(db: Database, free_port: int, tmp_path: Path) -> None:
    async with serve(db, free_port, rate_limits=True, sections=_open(tmp_path)) as site:
        _, token = await app_token(site)
        for number in range(SIGN_UPS.limit + 1):
            answer = await site.post("/api/v1/accounts", data={}, headers=bearer(token))
            assert answer.status == (422 if number < SIGN_UPS.limit else 429)


async def test_forgotten_password_is_replaced(house: Site) -> None:
    await house.user("alice")
    await house.sign_in("alice")
    for address in ("nobody@mail.example", "Alice@mail.example"):
        asked = await house.submit(await house.get("/auth/password/new"), email=address)
        assert f"If {address} belongs to somebody here" in shown_text(asked.text)
    assert [to for to, _ in await mails(house)] == ["alice@mail.example"]
    page = await house.get(await link_of(house))
    assert (await house.submit(page, password="short")).status == 422
    done = await house.submit(page, password="another long password")
    assert done.location == "/auth/sign_in"
    assert (await house.get("/auth/account")).status == 302, "signed out everywhere"
    assert await users.authenticate(house.ctx, "alice", PASSWORD) is None
    assert await users.authenticate(house.ctx, "alice", "another long password") is not None
    assert (await house.submit(page, password="a third password")).status == 404
    assert "was replaced through a link" in (await mails(house))[-1][1]


async def test_links_expire(house: Site) -> None:
    await house.user("alice")
    await sign_up(house)
    confirmation = await link_of(house)
    await house.submit(await house.get("/auth/password/new"), email="alice@mail.example")
    reset = await link_of(house)
    house.clock.move(timedelta(hours=6))
    assert (await house.get(reset)).status == 404
    assert (await house.get(confirmation)).status == 200
    house.clock.move(timedelta(hours=43))
    assert (await house.get(confirmation)).status == 404
    await house.submit(await house.get("/auth/confirmation/new"), email="carol@mail.example")
    assert (await house.get(await link_of(house))).status == 200
