"""Every endpoint that no client works without answers, with what the published schema says."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from fedserver.app import all_endpoints
from tests.clients.contract import Contract, load_contract, shape, tier
from tests.conftest import unused_port
from tests.instances import Instance, Person, start_instance
from tests.mastodon.write_fixtures import form_with_file, picture

REDIRECT = "urn:ietf:wg:oauth:2.0:oob"


@dataclass(frozen=True, slots=True)
class Checked:
    """Asks as a person, and checks each answer against the contract."""

    instance: Instance
    contract: Contract
    person: Person

    async def ask(self, method: str, template: str, query: str = "", **body: Any) -> Any:
        """Ask `template`, its `{id}` filled from the body's `id`."""
        path = template.format(**body) if "{" in template else template
        names = {part[1:-1] for part in template.split("/") if part.startswith("{")}
        sent = {name: value for name, value in body.items() if name not in names}
        answer = await self.instance.request(
            method,
            path + query,
            token=self.person.token,
            body=sent or None,
            headers={"Accept": "application/json"},
        )
        self.contract.check(method, template, answer.status, answer.body)
        return answer.body

    async def upload(self, template: str) -> Any:
        async with self.instance.session.post(
            self.instance.base_url + template,
            data=form_with_file("file", picture(), description="red"),
            headers={"Authorization": f"Bearer {self.person.token}"},
        ) as response:
            body = await response.json()
            self.contract.check("POST", template, response.status, body)
            return body


@pytest.fixture
async def instance(database_dsn: str, tmp_path: Path) -> AsyncIterator[Instance]:
    async with start_instance(database_dsn, tmp_path, unused_port()) as running:
        yield running


async def test_every_tier_one_endpoint_answers_as_documented(instance: Instance) -> None:
    contract = load_contract()
    me, you = await instance.person("me"), await instance.person("you")
    mine = Checked(instance, contract, me)
    yours = Checked(instance, contract, you)
    await check_instance(mine)
    await check_accounts(mine, you)
    status = await check_writing(mine)
    await check_reactions(yours, status)
    await check_reading(mine, you, status)
    await check_oauth(mine)
    assert tier("1") - contract.asked == set()
    assert len(tier("1")) == 54


async def check_instance(mine: Checked) -> None:
    await mine.ask("GET", "/api/v1/instance")
    await mine.ask("GET", "/api/v2/instance")
    await mine.ask("GET", "/api/v1/custom_emojis")
    await mine.ask("GET", "/.well-known/nodeinfo")
    await mine.ask("GET", "/nodeinfo/2.0")
    resource = f"?resource=acct:me@{mine.instance.domain}"
    await mine.ask("GET", "/.well-known/webfinger", resource)


async def check_accounts(mine: Checked, you: Person) -> None:
    account = str(you.account_id)
    await mine.ask("GET", "/api/v1/accounts/verify_credentials")
    await mine.ask("PATCH", "/api/v1/accounts/update_credentials", display_name="Me", note="Hi")
    await mine.ask("GET", "/api/v1/accounts/{id}", id=account)
    await mine.ask("GET", "/api/v1/accounts/lookup", "?acct=you")
    assert await mine.ask("GET", "/api/v1/accounts/search", "?q=you")
    for verb in ("mute", "unmute", "block", "unblock", "follow", "unfollow", "follow"):
        await mine.ask("POST", f"/api/v1/accounts/{{id}}/{verb}", id=account)
    relations = await mine.ask("GET", "/api/v1/accounts/relationships", f"?id[]={account}")
    assert relations[0]["following"] is True
    assert await mine.ask("GET", "/api/v1/accounts/{id}/followers", id=account)
    assert await mine.ask("GET", "/api/v1/accounts/{id}/following", id=str(mine.person.account_id))


async def check_writing(mine: Checked) -> Any:
    old = await mine.upload("/api/v1/media")
    new = await mine.upload("/api/v2/media")
    await mine.ask("GET", "/api/v1/media/{id}", id=old["id"])
    await mine.ask("PUT", "/api/v1/media/{id}", id=old["id"], description="redder")
    pictures = [old["id"], new["id"]]
    status = await mine.ask(
        "POST", "/api/v1/statuses", status="Hi @you #tag", media_ids=pictures, language="en"
    )
    await mine.ask(
        "PUT", "/api/v1/statuses/{id}", id=status["id"], status="Hey @you #tag", media_ids=pictures
    )
    await mine.ask("GET", "/api/v1/statuses/{id}/source", id=status["id"])
    gone = await mine.ask("POST", "/api/v1/statuses", status="Oops")
    await mine.ask("DELETE", "/api/v1/statuses/{id}", id=gone["id"])
    poll = {"options": ["a", "b"], "expires_in": 600}
    await mine.ask("POST", "/api/v1/statuses", status="Which?", poll=poll)
    return status


async def check_reactions(yours: Checked, status: Any) -> None:
    for verb in ("favourite", "unfavourite", "favourite", "reblog", "unreblog", "reblog"):
        await yours.ask("POST", f"/api/v1/statuses/{{id}}/{verb}", id=status["id"])
    for verb in ("bookmark", "unbookmark", "bookmark"):
        await yours.ask("POST", f"/api/v1/statuses/{{id}}/{verb}", id=status["id"])
    assert await yours.ask("GET", "/api/v1/bookmarks")
    assert await yours.ask("GET", "/api/v1/favourites")
    polls = await yours.ask("GET", "/api/v1/timelines/public")
    poll = next(one["poll"] for one in polls if one["poll"])
    await yours.ask("GET", "/api/v1/polls/{id}", id=poll["id"])
    await yours.ask("POST", "/api/v1/polls/{id}/votes", id=poll["id"], choices=[0])
    reply = {"status": "@me yes", "in_reply_to_id": status["id"]}
    await yours.ask("POST", "/api/v1/statuses", **reply)


async def check_reading(mine: Checked, you: Person, status: Any) -> None:
    assert await mine.ask("GET", "/api/v1/timelines/home")
    assert await mine.ask("GET", "/api/v1/timelines/tag/{hashtag}", hashtag="tag")
    assert await mine.ask("GET", "/api/v1/accounts/{id}/statuses", id=str(you.account_id))
    await mine.ask("GET", "/api/v1/statuses/{id}", id=status["id"])
    context = await mine.ask("GET", "/api/v1/statuses/{id}/context", id=status["id"])
    assert context["descendants"]
    assert await mine.ask("GET", "/api/v1/statuses/{id}/favourited_by", id=status["id"])
    assert await mine.ask("GET", "/api/v1/statuses/{id}/reblogged_by", id=status["id"])
    told = await mine.ask("GET", "/api/v1/notifications")
    assert {one["type"] for one in told} >= {"favourite", "reblog", "mention"}
    await mine.ask("GET", "/api/v1/notifications/{id}", id=told[0]["id"])
    found = await mine.ask("GET", "/api/v2/search", "?q=you")
    assert found["accounts"]


async def check_oauth(mine: Checked) -> None:
    app = await mine.ask(
        "POST", "/api/v1/apps", client_name="Test", redirect_uris=REDIRECT, scopes="read"
    )
    query = f"client_id={app['client_id']}&redirect_uri={REDIRECT}&response_type=code&scope=read"
    page = await mine.instance.request("GET", f"/oauth/authorize?{query}")
    assert page.status in (200, 302)
    mine.contract.asked.add(("GET", "/oauth/authorize"))
    # What a form without its token gets; tests/web and test_mastodon_py sign in for real.
    async with aiohttp.ClientSession() as stranger:
        address = f"{mine.instance.base_url}/oauth/authorize?{query}"
        async with stranger.post(address, data={}, allow_redirects=False) as refused:
            assert refused.status in (302, 303, 403, 422)
    mine.contract.asked.add(("POST", "/oauth/authorize"))
    credentials = {"client_id": app["client_id"], "client_secret": app["client_secret"]}
    token = await mine.ask(
        "POST", "/oauth/token", grant_type="client_credentials", scope="read", **credentials
    )
    await mine.ask("POST", "/oauth/revoke", token=token["access_token"], **credentials)


def test_coverage_is_a_number() -> None:
    load_contract()
    served = {(one.method, shape(one.path)) for one in all_endpoints()}
    covered = {number: len(tier(number) & served) for number in ("1", "2", "3", "4")}
    assert covered["1"] == len(tier("1")) == 54
    assert covered["2"] >= 20
