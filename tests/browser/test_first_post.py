"""From the invitation to a first post that others read, and a passkey, in a browser."""

import pytest

from fedserver.services import users
from tests.browser.chromium import Tab
from tests.instances import PASSWORD, Instance

pytestmark = pytest.mark.browser


async def test_from_invitation_to_a_first_post(instance: Instance, tab: Tab) -> None:
    invitation = await users.first_admin_invitation(instance.ctx)
    await tab.open(f"{instance.base_url}/auth/sign_up?invitation={invitation}")
    await tab.fill(username="boss", email="boss@mail.example", password=PASSWORD)
    await tab.press("button.main")

    await tab.open(f"{instance.base_url}/share?text=Read%20this&url=https://example.org/a")
    assert await tab.run("document.querySelector('#text').value") == (
        "Read this https://example.org/a"
    )
    await tab.run("document.querySelector('#text').value += ' <b>now</b> #kites'")
    await tab.press("button.main")
    assert (await tab.path()).startswith("/@boss/")
    assert "<b>now</b> #kites" in await tab.text()

    await tab.press("a[href$='/tags/kites']")
    assert await tab.path() == "/tags/kites"
    assert "Read this" in await tab.text()
    await tab.open(f"{instance.base_url}/@boss")
    assert "Read this" in await tab.text()
    assert tab.console == []


async def test_a_link_alone_posts_nothing(instance: Instance, tab: Tab) -> None:
    ada = await instance.person("ada")
    await tab.open(f"{instance.base_url}/share?text=Mine")
    assert await tab.path() == "/auth/sign_in"
    await tab.fill(email="ada", password=PASSWORD)
    await tab.press("button.main")
    assert await tab.path() == "/share"
    assert await ada.get(f"/api/v1/accounts/{ada.account_id}/statuses") == []
    await tab.run("document.querySelector('#visibility').value = 'private'")
    await tab.press("button.main")
    (post,) = await ada.get(f"/api/v1/accounts/{ada.account_id}/statuses")
    assert (post["content"], post["visibility"]) == ("<p>Mine</p>", "private")


async def test_a_passkey_of_the_browser_signs_in(instance: Instance, tab: Tab) -> None:
    await instance.person("ada")
    await add_device(tab)
    await tab.open(f"{instance.base_url}/auth/sign_in")
    await tab.fill(email="ada", password=PASSWORD)
    await tab.press("button.main")
    await tab.open(f"{instance.base_url}/auth/edit")
    await tab.run(f"document.querySelector('#passkey-current').value = '{PASSWORD}'")
    await tab.press("form[action='/auth/edit/passkeys/new'] button")
    await tab.fill(name="Laptop")
    await tab.press("button.main")
    assert await tab.path() == "/auth/edit/passkeys"
    assert "Laptop" in await tab.text()

    await tab.open(f"{instance.base_url}/auth/account")
    await tab.press("form[action='/auth/sign_out'] button")
    await tab.open(f"{instance.base_url}/auth/passkey")
    await tab.press("button.main")
    assert await tab.path() == "/auth/account"
    assert "@ada@" in await tab.text()
    # Chromium would like a field for the name in each form with a password; that is no fault.
    assert not [said for said in tab.console if not said.startswith("recommendation: ")]


async def add_device(tab: Tab) -> None:
    """Give the browser something that keeps passkeys and knows its owner's finger."""
    await tab.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
    }
    await tab.send("WebAuthn.addVirtualAuthenticator", options=options)
