"""What a person goes through, in a browser that keeps to its rules: cookies, forms, policies."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import pytest
from aiohttp import FormData, web

from fedserver.services import users
from tests.browser.chromium import Tab
from tests.conftest import unused_port
from tests.instances import PASSWORD, Instance, Person
from tests.mastodon.write_fixtures import picture

pytestmark = pytest.mark.browser

OOB = "urn:ietf:wg:oauth:2.0:oob"
CUSTOM = "com.example.app.1://callback"

# What a screen reader, a keyboard and a narrow screen need of every page.
_FLAWS = """(() => {
    const flaws = [];
    const all = selector => [...document.querySelectorAll(selector)];
    if (!document.documentElement.lang) flaws.push("no language");
    if (all("h1").length !== 1) flaws.push(all("h1").length + " main headings");
    if (all("main").length !== 1) flaws.push("no main part");
    for (const one of all("img:not([alt])")) flaws.push("no alt: " + one.src);
    for (const one of all("input:not([type=hidden])"))
        if (!one.labels.length) flaws.push("no label: " + one.name);
    for (const one of all("a, button")) {
        const pictures = [...one.querySelectorAll("img")].map(picture => picture.alt).join("");
        if (!(one.innerText + pictures).trim()) flaws.push("no name: " + one.outerHTML);
    }
    for (const one of all("[aria-describedby]"))
        for (const id of one.getAttribute("aria-describedby").trim().split(/ +/))
            if (!document.getElementById(id)) flaws.push("nothing has the id " + id);
    const width = document.documentElement.scrollWidth;
    if (width > innerWidth) flaws.push("as wide as " + width);
    return flaws;
})()"""


async def register(instance: Instance, redirect_uri: str) -> str:
    """Register an application and give the address of its authorize page."""
    answer = await instance.request(
        "POST",
        "/api/v1/apps",
        body={"client_name": "Kite", "redirect_uris": redirect_uri, "scopes": "read write"},
    )
    query = {
        "response_type": "code",
        "client_id": answer.body["client_id"],
        "redirect_uri": redirect_uri,
        "scope": "read write",
    }
    return f"{instance.base_url}/oauth/authorize?{urlencode(query)}"


async def sign_in(tab: Tab, name: str) -> None:
    await tab.fill(email=name, password=PASSWORD)
    await tab.press("button.main")


async def test_from_invitation_to_sign_out(instance: Instance, tab: Tab) -> None:
    invitation = await users.first_admin_invitation(instance.ctx)
    await tab.open(f"{instance.base_url}/auth/sign_up?invitation={invitation}")
    await tab.fill(username="Boss", email="boss@mail.example", password=PASSWORD)
    await tab.press("button.main")
    assert await tab.path() == "/auth/account"
    assert "you are the owner here" in await tab.text()
    await tab.press("form button")
    assert await tab.path() == "/"

    await tab.open(await register(instance, OOB))
    assert await tab.path() == "/auth/sign_in"
    await sign_in(tab, "boss")
    assert await tab.path() == "/oauth/authorize"
    assert "Kite use your account?" in await tab.text()
    await tab.press("button.main")
    assert await tab.path() == "/oauth/authorize/native"
    code = await tab.run("document.querySelector('#oauth-code').textContent")
    assert len(code) == 43

    await tab.open(f"{instance.base_url}/auth/account")
    await tab.press("form button")
    await tab.open(f"{instance.base_url}/auth/account")
    assert await tab.path() == "/auth/sign_in"
    assert tab.console == []


@pytest.mark.parametrize("button", ["button.main", "button:not(.main)"], ids=["allow", "deny"])
async def test_policy_lets_a_form_end_at_an_application(
    instance: Instance, tab: Tab, button: str
) -> None:
    await instance.person("ada")
    await tab.open(await register(instance, CUSTOM))
    await sign_in(tab, "ada")
    await tab.click(button)
    assert await tab.seen(f"{CUSTOM}?")
    assert tab.console == []


@asynccontextmanager
async def another_site(page: str, policy: str = "") -> AsyncIterator[str]:
    """Serve `page` and a way to the application from another origin, and give its address."""

    async def show(_request: web.Request) -> web.Response:
        headers = {"Content-Security-Policy": policy}
        return web.Response(text=page, content_type="text/html", headers=headers)

    async def lead(_request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": f"{CUSTOM}?code=1"})

    async def icon(_request: web.Request) -> web.Response:
        return web.Response(status=204)

    app = web.Application()
    app.router.add_get("/", show)
    app.router.add_post("/lead", lead)
    app.router.add_get("/favicon.ico", icon)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        port = unused_port()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield f"http://localhost:{port}/"
    finally:
        await runner.cleanup()


async def test_this_browser_would_tell_of_a_policy_that_stops_it(tab: Tab) -> None:
    """The test above can fail: `form-action 'self'` stops the redirect, and the console says so."""
    form = "<form method=post action=/lead><button>Go</button></form>"
    async with another_site(form, "form-action 'self'") as site:
        await tab.open(site)
        await tab.click("button")
        assert "form-action" in await tab.complaint()
    assert not any(one.startswith(CUSTOM) for one in tab.requested)


async def test_other_sites_cannot_frame_ours(instance: Instance, tab: Tab) -> None:
    async with another_site(f"<iframe src='{instance.base_url}/auth/sign_in'></iframe>") as site:
        await tab.open(site)
        assert "frame-ancestors" in await tab.complaint()


async def test_a_session_is_out_of_reach_of_scripts(instance: Instance, tab: Tab) -> None:
    await instance.person("ada")
    await tab.open(f"{instance.base_url}/auth/sign_in")
    await sign_in(tab, "ada")
    assert await tab.path() == "/auth/account"
    assert await tab.run("document.cookie") == ""


async def test_every_page_is_whole(instance: Instance, tab: Tab) -> None:
    ada = await instance.person("ada")
    pages = await _write_posts(instance, ada)
    invitation = await users.first_admin_invitation(instance.ctx)
    pages += ["/", "/@ada", "/tags/clocks", f"/auth/sign_up?invitation={invitation}"]
    await tab.resize(320, 640)
    for page in pages:
        await tab.open(instance.base_url + page)
        await _check(tab, page)
    await tab.open(await register(instance, OOB))
    for step in ("sign-in", "authorize", "code"):
        await _check(tab, step)
        if step == "sign-in":
            await sign_in(tab, "ada")
        elif step == "authorize":
            await tab.press("button.main")
    assert tab.console == []


async def test_faults_are_told_beside_their_fields(instance: Instance, tab: Tab) -> None:
    invitation = await users.first_admin_invitation(instance.ctx)
    await tab.open(f"{instance.base_url}/auth/sign_up?invitation={invitation}")
    await tab.run("document.querySelector('form').noValidate = true")
    await tab.fill(username="a b", email="x", password="y")
    await tab.press("button.main")
    await _check(tab, "faults")
    invalid = "document.querySelectorAll('input[aria-invalid]').length"
    assert await tab.run(invalid) == 3
    assert "It is too short" in await tab.text()


async def test_error_page(instance: Instance, tab: Tab) -> None:
    await tab.open(f"{instance.base_url}/@nobody")
    await _check(tab, "error")
    assert "There is nobody of that name here" in await tab.text()
    assert not [said for said in tab.console if not said.startswith("network: ")]


async def _write_posts(instance: Instance, person: Person) -> list[str]:
    media_id = await _upload(instance, person)
    long_word = "x" * 300
    poll = {"options": ["Yes", long_word[:50]], "expires_in": 3600}
    posts: list[dict[str, Any]] = [
        {"status": f"See https://example.org/{long_word} #clocks", "media_ids": [media_id]},
        {"status": long_word, "spoiler_text": "A warning", "sensitive": True},
        {"status": "Do you like #clocks?", "poll": poll},
    ]
    made = [await person.post("/api/v1/statuses", **one) for one in posts]
    return [f"/@{person.name}/{one['id']}" for one in made]


async def _upload(instance: Instance, person: Person) -> str:
    form = FormData()
    form.add_field("file", picture(), filename="a.png", content_type="image/png")
    async with instance.session.post(
        f"{instance.base_url}/api/v2/media",
        data=form,
        headers={"Authorization": f"Bearer {person.token}"},
    ) as answer:
        uploaded = await answer.json()
    identifier: str = uploaded["id"]
    return identifier


async def _check(tab: Tab, page: str) -> None:
    assert await tab.run(_FLAWS) == [], page
