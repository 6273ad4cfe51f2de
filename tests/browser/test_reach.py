"""The installed pages, when the server behind them cannot be reached any more."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from activitypub.onions import onion_name
from tests.browser.chromium import Tab
from tests.instances import start_instance
from tests.waiting import until

pytestmark = pytest.mark.browser

ONION = onion_name(Ed25519PrivateKey.generate().public_key().public_bytes_raw())


async def visit(tab: Tab, url: str) -> None:
    """Open the front page and wait until its worker has kept what it needs."""
    await tab.open(url)

    async def is_kept() -> bool:
        return bool(await tab.run("navigator.serviceWorker.controller !== null"))

    await until(is_kept)


async def test_who_comes_in_vain_is_shown_the_other_doors(
    tab: Tab, database_dsn: str, tmp_path: Path, free_port: int
) -> None:
    alternates = ("https://alt.example", f"http://{ONION}")
    async with start_instance(
        database_dsn, tmp_path / "instance", free_port, alternates=alternates
    ) as instance:
        url = instance.base_url
        await visit(tab, f"{url}/")
        assert "Come in with any Mastodon client" in await tab.text()
    for path in ("/", "/@ada", "/auth/account"):
        await tab.open(url + path)
        shown = await tab.text()
        assert "cannot be reached" in shown
        assert "alt.example" in shown
        assert ONION in shown
    links = await tab.run("[...document.querySelectorAll('main a')].map(one => one.href)")
    assert links == [f"{one}/" for one in alternates]
    styled = await tab.run("getComputedStyle(document.querySelector('.card')).borderRadius")
    assert styled == "16px"
    assert tab.console == [] or not any("Content Security" in one for one in tab.console)


async def test_without_other_doors_the_front_page_stays(
    tab: Tab, database_dsn: str, tmp_path: Path, free_port: int
) -> None:
    async with start_instance(database_dsn, tmp_path / "instance", free_port) as instance:
        url = instance.base_url
        await visit(tab, f"{url}/")
    await tab.open(f"{url}/@ada")
    assert "Come in with any Mastodon client" in await tab.text()


async def test_the_page_can_be_installed(
    tab: Tab, database_dsn: str, tmp_path: Path, free_port: int
) -> None:
    async with start_instance(database_dsn, tmp_path / "instance", free_port) as instance:
        await visit(tab, f"{instance.base_url}/")
        found = await tab.send("Page.getAppManifest")
        assert found["url"] == f"{instance.base_url}/manifest.webmanifest"
        assert found["errors"] == []
        wrong = (await tab.send("Page.getInstallabilityErrors"))["installabilityErrors"]
        # The window of a headless browser is one that keeps nothing.
        assert [one["errorId"] for one in wrong] in ([], ["in-incognito"])
