"""A recovery key made by the browser itself: its words never come to the server."""

import gzip

import pytest

from fedserver.effects.recovery_key import recovery_of
from fedserver.recovery.keys import RecoveryKey
from fedserver.recovery.sealing import open_sealed
from fedserver.recovery.words import words_of
from fedserver.services.kits import kit_of
from tests.browser.chromium import Tab
from tests.browser.test_pages import sign_in
from tests.instances import PASSWORD, Instance, Person
from tests.waiting import until

pytestmark = pytest.mark.browser

_WORDS = (
    "[...document.querySelectorAll('[data-new-words] li')].map(one => one.textContent).join(' ')"
)
_SENT = """[...document.forms].map(form => JSON.stringify([...new FormData(form)])).join(' ')"""


def faults(tab: Tab) -> list[str]:
    """What the console said, but for what the browser would like us to do for password managers."""
    return [one for one in tab.console if not one.startswith("recommendation:")]


async def made_words(tab: Tab) -> str:
    """Press the button that makes a key, and read the words from the page."""
    await tab.click("[data-make]")

    async def shown() -> str:
        return str(await tab.run(_WORDS))

    return await until(shown)


async def key_page(tab: Tab, ada: Person) -> None:
    await tab.open(f"{ada.instance.base_url}/auth/recovery")
    assert "Recovery key" in await tab.text()


async def type_into(tab: Tab, id: str, text: str) -> None:
    await tab.run(f"document.getElementById({id!r}).value = {text!r}; 0")


async def test_a_key_is_made_replaced_and_removed(instance: Instance, tab: Tab) -> None:
    ada = await instance.person("ada")
    await tab.open(f"{instance.base_url}/auth/sign_in")
    await sign_in(tab, "ada")
    await key_page(tab, ada)
    await type_into(tab, "key-current", PASSWORD)
    words = await made_words(tab)
    key = RecoveryKey.from_words(words)
    assert key.words == words
    forms = str(await tab.run(_SENT))
    assert key.public.did in forms
    assert words.split()[0] + " " not in forms
    await tab.press("[data-use]")
    assert "The recovery key is in use" in await tab.text()
    assert (await recovery_of(instance.ctx, ada.account_id)).key == key.public
    assert faults(tab) == []

    await replace_and_remove(instance, tab, ada, words)


async def replace_and_remove(instance: Instance, tab: Tab, ada: Person, words: str) -> None:
    await key_page(tab, ada)
    await type_into(tab, "key-current", PASSWORD)
    await type_into(tab, "key-old", words)
    newer = RecoveryKey.from_words(await made_words(tab))
    await tab.press("[data-use]")
    assert (await recovery_of(instance.ctx, ada.account_id)).key == newer.public

    async def sealed_to_it() -> bool:
        kit = await kit_of(instance.ctx, ada.account_id)
        return kit is not None and kit.did == newer.public.did

    await until(sealed_to_it)
    kit = await kit_of(instance.ctx, ada.account_id)
    assert kit is not None
    assert kit.blob is not None
    packed = open_sealed(await instance.ctx.blobs.read(kit.blob), newer.opening)
    assert b"activitypub/actor.json" in gzip.decompress(packed)

    await key_page(tab, ada)
    await type_into(tab, "remove-current", PASSWORD)
    await type_into(tab, "remove-old", words_of(newer.seed))
    await tab.press("form[data-recovery=remove] button")
    assert "The recovery key is removed" in await tab.text()
    assert (await recovery_of(instance.ctx, ada.account_id)).key is None
    assert faults(tab) == []
