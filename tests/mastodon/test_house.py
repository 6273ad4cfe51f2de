"""What the instance says of itself: activity, texts, other servers; refreshes."""

from dataclasses import replace
from pathlib import Path

import pytest

from fedserver.config.house_rules import PolicyConfig
from fedserver.errors import NotFound
from fedserver.services.house_texts import PRIVACY, TERMS, house_text
from tests.mastodon.conftest import Schema
from tests.mastodon.write_fixtures import Here
from tests.mastodon.write_fixtures import here_fixture as here_fixture


async def test_activity_of_twelve_weeks(here: Here) -> None:
    alice = await here.person("alice")
    await here.post(alice)
    await here.post(alice, visibility="private")
    weeks = (await here.send("GET", "/api/v1/instance/activity")).body
    assert len(weeks) == 12
    assert [int(one["week"]) for one in weeks] == sorted(
        (int(one["week"]) for one in weeks), reverse=True
    )
    assert weeks[0]["statuses"] == "1"
    assert weeks[0]["logins"] == "1"
    assert sum(int(one["registrations"]) for one in weeks) == 1
    assert int(weeks[0]["week"]) % 86_400 == 0


async def test_texts_of_the_house(here: Here, schema: Schema, tmp_path: Path) -> None:
    privacy = (await here.send("GET", "/api/v1/instance/privacy_policy")).body
    assert "<h2>What this server keeps</h2>" in privacy["content"]
    assert (await here.send("GET", "/api/v1/instance/terms_of_service")).status == 404
    file = tmp_path / "terms.md"
    file.write_text("# Terms\n\n<script>x</script> *Be kind* [x](javascript:y)\n")
    policy = PolicyConfig(terms_of_service=file, privacy_policy=tmp_path / "missing.md")
    ctx = replace(here.ctx, config=replace(here.ctx.config, policy=policy))
    text = await house_text(ctx, TERMS)
    assert "<em>Be kind</em>" in text.html
    assert "<script" not in text.html
    assert 'href="javascript' not in text.html
    with pytest.raises(NotFound):
        await house_text(ctx, PRIVACY)


async def test_peers_by_name(here: Here) -> None:
    await here.execute(
        "INSERT INTO hosts (host, first_seen_at)"
        " VALUES ('abc.test', now()), ('abd.test', now()), ('x%.test', now())"
    )
    path = "/api/v1/peers/search"
    assert (await here.send("GET", f"{path}?q=AB")).body == ["abc.test", "abd.test"]
    assert (await here.send("GET", f"{path}?q=%25")).body == []
    assert (await here.send("GET", path)).body == []


async def test_languages(here: Here) -> None:
    shown = (await here.send("GET", "/api/v1/instance/languages")).body
    assert shown == [{"code": "en", "name": "en"}]


async def test_clients_are_told_that_a_thread_is_being_completed(
    here: Here, schema: Schema
) -> None:
    alice = await here.person("alice")
    status = await here.status(await here.account("far"))
    answer = await here.send("GET", f"/api/v1/statuses/{status}/context", alice)
    assert answer.status == 200
    header = answer.headers["Mastodon-Async-Refresh"]
    assert header == f'id="{status}", retry=5, result_count=0'
    path = f"/api/v1_alpha/async_refreshes/{status}"
    running = await here.do("GET", path, alice)
    schema.check("AsyncRefreshResponse", running)
    assert running["async_refresh"]["status"] == "running"
    await here.execute(
        "UPDATE thread_backfills SET due_at = NULL, brought = 3 WHERE thread_id = $1", status
    )
    done = await here.do("GET", path, alice)
    assert (done["async_refresh"]["status"], done["async_refresh"]["result_count"]) == (
        "finished",
        3,
    )
    answer = await here.send("GET", f"/api/v1/statuses/{status}/context", alice)
    assert "Mastodon-Async-Refresh" not in answer.headers
    assert (await here.send("GET", "/api/v1_alpha/async_refreshes/1", alice)).status == 404


async def test_health_is_told_to_everybody_as_text(here: Here) -> None:
    answer = await here.send("GET", "/health")
    assert (answer.status, answer.body) == (200, b"OK")
    assert answer.headers["Content-Type"].startswith("text/plain")
