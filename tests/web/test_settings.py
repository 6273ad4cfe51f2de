"""What people change about signing in: password, address, apps, browsers, leaving."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path

import pytest

from fedserver.config.settings import DataConfig
from fedserver.effects.leaving import delete_departed
from fedserver.services import users
from fedserver.services.login_settings import GRACE
from fedserver.services.smtp import mail_folder
from fedserver.workers.mail_worker import send_due
from storage.database import Database
from tests.web.test_second_factor import setting, submit_to
from tests.web_server import PASSWORD, Site, new_browser, serve, shown_text

NEW_PASSWORD = "another long password"


@pytest.fixture
async def site(db: Database, free_port: int, tmp_path: Path) -> AsyncIterator[Site]:
    async with serve(db, free_port, sections={"data": DataConfig(folder=tmp_path)}) as running:
        await running.user()
        await running.sign_in()
        yield running


async def mails_to(site: Site, address: str) -> list[str]:
    while await send_due(site.ctx):
        pass
    found = [
        message_from_bytes(file.read_bytes())
        for file in sorted(mail_folder(site.ctx.config).glob("*.eml"))
    ]
    return [
        one.get_payload(decode=True).decode()  # type: ignore[union-attr]  # mails of one part
        for one in found
        if one["To"] == address
    ]


async def test_password_is_changed(site: Site) -> None:
    async with new_browser() as other_session:
        other = Site(site.ctx, site.clock, other_session)
        await other.sign_in()
        refused = await setting(site, "password", current="wrong", password=NEW_PASSWORD)
        assert (refused.status, "not right" in refused.text) == (422, True)
        assert (await setting(site, "password", password="short")).status == 422
        done = await setting(site, "password", password=NEW_PASSWORD)
        assert (done.status, "The password is changed" in done.text) == (200, True)
        assert (await other.get("/auth/account")).status == 302, "others are signed out"
    assert (await site.get("/auth/account")).status == 200
    assert await users.authenticate(site.ctx, "alice", PASSWORD) is None
    assert await users.authenticate(site.ctx, "alice", NEW_PASSWORD) is not None
    assert "the password was changed" in (await mails_to(site, "alice@mail.example"))[-1]


async def test_address_is_changed_by_who_reads_it(site: Site) -> None:
    await site.user("bob")
    assert "already been taken" in (await setting(site, "email", email="bob@mail.example")).text
    await setting(site, "email", email="alice@new.example")
    assert await users.authenticate(site.ctx, "alice@new.example", PASSWORD) is None
    (text,) = await mails_to(site, "alice@new.example")
    path = re.search(r"(/auth/edit/email\?\S+)", text)
    assert path
    assert (await site.submit(await site.get(path[1]))).location == "/auth/edit"
    assert await users.authenticate(site.ctx, "alice@new.example", PASSWORD) is not None
    assert "is alice@new.example now" in (await mails_to(site, "alice@mail.example"))[-1]
    assert (await site.get(path[1])).status == 404


async def test_apps_are_shown_and_signed_out(site: Site) -> None:
    token = await site.token(await site.app(), "read write")
    headers = {"Authorization": f"Bearer {token}"}
    assert (await site.get("/oauth/userinfo", headers=headers)).status == 403
    page = await site.get("/auth/edit")
    assert "Test" in shown_text(page.text)
    done = await submit_to(site, page, "/auth/edit/applications/revoke")
    assert "No app acts for you" in done.text
    assert (await site.get("/oauth/userinfo", headers=headers)).status == 401
    again = await submit_to(site, page, "/auth/edit/applications/revoke")
    assert again.status == 422


async def test_browsers_are_shown_and_signed_out(site: Site) -> None:
    async with new_browser() as session:
        session.headers["User-Agent"] = "<b>Other</b>"
        other = Site(site.ctx, site.clock, session)
        await other.sign_in()
        page = await site.get("/auth/edit")
        assert "&lt;b&gt;Other&lt;/b&gt;" in page.text
        done = await submit_to(site, page, "/auth/edit/browsers/sign_out")
        assert "The browser is signed out" in done.text
        assert (await other.get("/auth/account")).status == 302
    assert (await site.get("/auth/account")).status == 200


async def test_others_cannot_be_signed_out(site: Site) -> None:
    async with new_browser() as session:
        await site.user("bob")
        bob = Site(site.ctx, site.clock, session)
        await bob.sign_in("bob")
        page = await bob.get("/auth/edit")
        fields = {"form_token": page.text.split('name="form_token" value="')[1].split('"')[0]}
        answer = await bob.post("/auth/edit/browsers/sign_out", data=fields | {"id": "1"})
        assert answer.status == 422
    assert (await site.get("/auth/account")).status == 200


async def test_leaving_takes_its_time(site: Site) -> None:
    assert (await setting(site, "delete", current="wrong")).status == 422
    assert (await setting(site, "delete")).location == "/"
    assert (await site.get("/auth/account")).status == 302
    site.clock.move(GRACE - timedelta(hours=1))
    assert await delete_departed(site.ctx) == 0
    await site.sign_in()
    site.clock.move(timedelta(days=1))
    assert await delete_departed(site.ctx) == 0, "who signed in again stays"


async def test_owner_stays(site: Site) -> None:
    await users.promote(site.ctx, "alice", "owner")
    answer = await setting(site, "delete")
    assert (answer.status, "owner cannot leave" in answer.text) == (422, True)


@pytest.mark.parametrize("action", ["password", "email", "delete", "codes", "passkeys/new"])
async def test_nothing_without_form_and_session(site: Site, action: str) -> None:
    fields = {"current": PASSWORD, "password": NEW_PASSWORD, "email": "x@mail.example"}
    answer = await site.post(f"/auth/edit/{action}", data=fields)
    assert answer.status in (403, 422)
    assert await users.authenticate(site.ctx, "alice", PASSWORD) is not None
    assert await mails_to(site, "x@mail.example") == []
    async with new_browser() as stranger:
        assert (await Site(site.ctx, site.clock, stranger).get("/auth/edit")).status == 302


async def test_password_managers_find_the_way(site: Site) -> None:
    assert (await site.get("/.well-known/change-password")).location == "/auth/edit"
