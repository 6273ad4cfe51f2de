"""One instance behind several doors: the same under every name, and everything goes on there."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from http.cookies import SimpleCookie
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from PIL import Image

from activitypub.onions import onion_name
from tests.conftest import unused_port
from tests.instances import PASSWORD, Instance, start_instance
from tests.web_server import forms_of


def picture() -> bytes:
    written = BytesIO()
    Image.new("RGB", (8, 8), "red").save(written, "PNG")
    return written.getvalue()


# The same in every process: tests are named by it.
ONION = onion_name(Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key().public_bytes_raw())
ALT = "alt.example"
PAGES = {"Accept": "text/html"}


@pytest.fixture
async def instance(database_dsn: str, tmp_path: Path) -> AsyncIterator[Instance]:
    async with start_instance(
        database_dsn,
        tmp_path / "instance",
        unused_port(),
        alternates=(f"https://{ALT}", f"http://{ONION}"),
    ) as running:
        yield running


class Visitor:
    """A browser that came by one door, with the cookies that it was given there."""

    def __init__(self, instance: Instance, host: str) -> None:
        self.instance = instance
        self.host = host
        self.cookies: dict[str, str] = {}
        self.set_cookies: list[str] = []

    async def ask(
        self, method: str, path: str, **options: Any
    ) -> tuple[int, Mapping[str, str], str]:
        jar = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = {"Host": self.host, **PAGES, "Cookie": jar, **options.pop("headers", {})}
        async with (
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
            session.request(
                method,
                self.instance.address + path,
                headers=headers,
                allow_redirects=False,
                **options,
            ) as answer,
        ):
            for text in answer.headers.getall("Set-Cookie", []):
                self.set_cookies.append(text)
                self.cookies |= {name: one.value for name, one in SimpleCookie(text).items()}
            return answer.status, answer.headers, await answer.text()

    async def submit(self, html: str, **filled: str) -> tuple[int, Mapping[str, str], str]:
        action, fields = forms_of(html)[0]
        return await self.ask("POST", action, data=fields | filled)


@pytest.mark.parametrize("host", [ALT, ONION])
async def test_whatever_the_door_people_and_posts_keep_their_names(
    instance: Instance, host: str
) -> None:
    ada = await instance.person("ada")
    post = await ada.post("/api/v1/statuses", status="here")
    headers = {"Host": host}
    activity = {**headers, "Accept": "application/activity+json"}
    base = instance.base_url
    actor = await instance.request("GET", "/users/ada", headers=activity)
    assert (actor.body["id"], actor.body["inbox"]) == (
        f"{base}/users/ada",
        f"{base}/users/ada/inbox",
    )
    seen = await instance.request("GET", f"/api/v1/statuses/{post['id']}", headers=headers)
    assert (seen.body["uri"], seen.body["url"]) == (post["uri"], post["url"])
    for resource in (f"acct:{ada.acct}", f"acct:ada@{host}", f"https://{host}/@ada"):
        if host == ONION and resource.startswith("https"):
            continue
        query = {"resource": resource}
        found = await instance.request(
            "GET", "/.well-known/webfinger", query=query, headers=headers
        )
        assert found.body["subject"] == f"acct:{ada.acct}"
        links = {one["rel"]: one.get("href") for one in found.body["links"]}
        assert links["self"] == f"{base}/users/ada"
    scheme = "http" if host == ONION else "https"
    url = f"{scheme}://{host}/@ada/{post['id']}"
    pasted = await ada.get("/api/v2/search", q=url, resolve="true")
    assert [one["id"] for one in pasted["statuses"]] == [post["id"]]
    other = {"resource": "acct:ada@elsewhere.example"}
    nobody = await instance.request("GET", "/.well-known/webfinger", query=other, headers=headers)
    assert nobody.status == 404


@pytest.mark.parametrize(("host", "scheme"), [(ALT, "https"), (ONION, "http")])
async def test_what_a_client_fetches_next_comes_from_its_own_door(
    instance: Instance, host: str, scheme: str
) -> None:
    ada = await instance.person("ada")
    door, base = f"{scheme}://{host}", instance.base_url
    headers = {"Host": host}
    about = await instance.request("GET", "/api/v2/instance", headers=headers)
    assert about.body["configuration"]["urls"]["streaming"] == f"ws{door.removeprefix('http')}"
    assert about.body["domain"] == instance.domain
    assert about.body["thumbnail"]["url"].startswith(f"{door}/static/")
    at_home = await instance.request("GET", "/api/v2/instance")
    assert at_home.body["configuration"]["urls"]["streaming"] == f"ws{base.removeprefix('http')}"
    for number in range(3):
        await ada.post("/api/v1/statuses", status=f"number {number}")
    page = await instance.request(
        "GET", "/api/v1/timelines/public", query={"limit": 1}, headers=headers
    )
    assert f"<{door}/api/v1/timelines/public?" in page.headers["Link"]
    assert page.body[0]["account"]["avatar"].startswith(f"{door}/")
    assert page.body[0]["account"]["uri"] == f"{base}/users/ada"
    metadata = await instance.request(
        "GET", "/.well-known/oauth-authorization-server", headers=headers
    )
    assert metadata.body["issuer"] == f"{door}/"
    assert metadata.body["token_endpoint"] == f"{door}/oauth/token"


async def test_pictures_of_posts_and_streams_come_by_the_same_door(instance: Instance) -> None:
    ada = await instance.person("ada")
    form = aiohttp.FormData()
    form.add_field("file", picture(), filename="a.png", content_type="image/png")
    bearer = {"Authorization": f"Bearer {ada.token}"}
    async with instance.session.post(
        f"{instance.address}/api/v2/media", data=form, headers=bearer
    ) as answer:
        media = await answer.json()
    socket = f"{instance.address}/api/v1/streaming?stream=user&access_token={ada.token}"
    async with instance.session.ws_connect(socket, headers={"Host": ALT}) as stream:
        await ada.post("/api/v1/statuses", status="look", media_ids=[media["id"]])
        async with asyncio.timeout(10):
            told = (await stream.receive()).data
    assert f"https://{ALT}/media/" in told
    assert f"{instance.base_url}/media/" not in told
    assert f"{instance.base_url}/users/ada/statuses/" in told


@pytest.mark.parametrize("host", [ALT, ONION])
async def test_signing_in_and_letting_an_app_in_works_at_each_door(
    instance: Instance, host: str
) -> None:
    await instance.person("ada")
    visitor = Visitor(instance, host)
    _, _, form = await visitor.ask("GET", "/auth/sign_in")
    status, headers, _ = await visitor.submit(form, email="ada", password=PASSWORD)
    assert (status, headers["Location"]) == (302, "/auth/account")
    assert all(("Secure" in one) == (host == ALT) for one in visitor.set_cookies)
    assert all(one.startswith("__Host-") == (host == ALT) for one in visitor.set_cookies)
    callback = "https://client.example/back"
    fields = {"client_name": "Client", "redirect_uris": callback, "scopes": "read"}
    registered = await instance.request("POST", "/api/v1/apps", body=fields, headers={"Host": host})
    app = registered.body
    query = urlencode(
        {
            "response_type": "code",
            "client_id": app["client_id"],
            "redirect_uri": callback,
            "scope": "read",
        }
    )
    status, _, page = await visitor.ask("GET", f"/oauth/authorize?{query}")
    assert status == 200
    status, headers, _ = await visitor.submit(page)
    assert headers["Location"].startswith(callback)
    (code,) = parse_qs(urlsplit(headers["Location"]).query)["code"]
    exchange = {
        "grant_type": "authorization_code",
        "client_id": app["client_id"],
        "client_secret": app["client_secret"],
        "redirect_uri": callback,
        "code": code,
    }
    given = await instance.request("POST", "/oauth/token", body=exchange, headers={"Host": host})
    assert given.status == 200
    whose = await instance.request(
        "GET",
        "/api/v1/accounts/verify_credentials",
        token=given.body["access_token"],
        headers={"Host": host},
    )
    assert whose.body["username"] == "ada"


async def test_a_form_of_another_site_is_refused_at_each_door(instance: Instance) -> None:
    await instance.person("ada")
    visitor, stranger = Visitor(instance, ALT), Visitor(instance, ALT)
    await visitor.ask("GET", "/auth/sign_in")
    _, _, form = await stranger.ask("GET", "/auth/sign_in")
    status, _, _ = await visitor.submit(form, email="ada", password=PASSWORD)
    assert status == 403


async def test_pages_point_tor_browser_to_the_onion_door(instance: Instance) -> None:
    ada = await instance.person("ada")
    post = await ada.post("/api/v1/statuses", status="here")
    path = f"/@ada/{post['id']}"
    page = await instance.request("GET", f"{path}?a=b", headers=PAGES)
    assert page.headers["Onion-Location"] == f"http://{ONION}{path}?a=b"
    assert f'href="{instance.base_url}' in page.body
    below = await instance.request("GET", path, headers={**PAGES, "Host": ONION})
    assert "Onion-Location" not in below.headers
    assert f'<link rel="canonical" href="{instance.base_url}' in below.body
    profile = await instance.request("GET", "/@ada", headers={**PAGES, "Host": ONION})
    assert f'href="http://{ONION}{path}"' in profile.body
    api = await instance.request("GET", "/api/v1/instance")
    assert "Onion-Location" not in api.headers


async def test_names_that_are_no_door_are_answered_as_the_domain(instance: Instance) -> None:
    about = await instance.request("GET", "/api/v1/instance", headers={"Host": "evil.example"})
    assert "evil.example" not in str(about.body)
    assert about.body["urls"]["streaming_api"] == f"ws{instance.base_url.removeprefix('http')}"
