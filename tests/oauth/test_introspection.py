"""What a token is, for its application and for who holds it."""

import base64

from tests.web_server import Json, Site, authorize_path


async def introspect(site: Site, app: Json, token: str) -> Json:
    pair = f"{app['client_id']}:{app['client_secret']}".encode()
    headers = {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
    answer = await site.post("/oauth/introspect", data={"token": token}, headers=headers)
    assert answer.status == 200, answer.text
    shown: Json = answer.json
    return shown


async def test_token_is_shown_to_its_application(site: Site) -> None:
    await site.user()
    await site.sign_in()
    app, other = await site.app(), await site.app()
    token = await site.token(app, "read write")
    shown = await introspect(site, app, token)
    assert (shown["active"], shown["scope"]) == (True, "read write")
    assert shown["client_id"] == app["client_id"]
    assert await introspect(site, other, token) == {"active": False}
    assert await introspect(site, app, "nonsense") == {"active": False}
    unknown = await site.post("/oauth/introspect", data={"token": token})
    assert (unknown.status, unknown.json["error"]) == (401, "invalid_client")
    info = await site.get("/oauth/token/info", headers={"Authorization": f"Bearer {token}"})
    assert info.json["scope"] == ["read", "write"]
    assert info.json["application"] == {"uid": app["client_id"]}
    assert (await site.get("/oauth/token/info")).status == 401


async def test_request_can_be_denied_by_delete(site: Site) -> None:
    await site.user()
    await site.sign_in()
    app = await site.app("https://client.test/back")
    page = await site.get(authorize_path(app, scope="read", state="s"))
    form = page.text.split('name="form_token" value="')[1].split('"')[0]
    path = authorize_path(app, scope="read", state="s")
    assert (await site.request("DELETE", path)).status == 403
    denied = await site.request("DELETE", path, data={"form_token": form})
    assert denied.location.startswith("https://client.test/back?error=access_denied")
    assert denied.location_query["state"] == "s"
