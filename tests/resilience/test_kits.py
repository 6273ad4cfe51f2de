"""The operator and all data are lost; what a person has is a kit and 24 words."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conftest import fresh_database
from tests.survival.kit_scene import Scene, scene
from tests.waiting import until


@pytest.fixture
async def story(
    database_dsn: str, second_database_dsn: str, postgres: str, tmp_path: Path
) -> AsyncIterator[Scene]:
    async for third in fresh_database(postgres):
        async with scene([database_dsn, second_database_dsn, third], tmp_path) as made:
            yield made


async def test_followers_come_along_when_only_the_kit_is_left(story: Scene) -> None:
    await story.set_key()
    await story.ada.post("/api/v1/statuses", status="Before the fire", visibility="public")
    kit = await story.take_kit()
    await story.stop_old()

    ada = await story.new.person("ada")
    steps = await story.bring(ada, kit)
    assert steps[-1].what == "done"

    async def moved() -> bool:
        return await story.bob_follows() == [story.new_uri]

    await until(moved)
    posts = await ada.get(f"/api/v1/accounts/{ada.account_id}/statuses")
    assert [one["content"] for one in posts] == ["<p>Before the fire</p>"]
