"""Filters: both versions of the API, and what they find in what is read."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from fedserver.clock import SystemClock
from fedserver.events import FILTERS, NOTIFY, Events
from fedserver.viewer_filters import ViewerFilters, matchers
from storage.database import Database
from storage.filters import FilterRow
from tests.mastodon.conftest import Schema
from tests.mastodon.write_fixtures import Here, Person, form_with_file, picture
from tests.mastodon.write_fixtures import here_fixture as here_fixture
from tests.waiting import until

V1, V2 = "/api/v1/filters", "/api/v2/filters"
ALL_CONTEXTS = ["home", "notifications", "public", "thread", "account"]


async def make(here: Here, person: Person, *words: str, **fields: Any) -> Any:
    """Make a filter of whole words."""
    fields = {"title": "T", "context": ["home"]} | fields
    keywords = [{"keyword": word} for word in words]
    return await here.do("POST", V2, person, json={**fields, "keywords_attributes": keywords})


async def seen(here: Here, person: Person, status_id: str) -> Any:
    return (await here.do("GET", f"/api/v1/statuses/{status_id}", person))["filtered"]


def find(text: str, *words: str, whole_word: bool = True) -> str | None:
    keywords = [{"id": n, "keyword": w, "whole_word": whole_word} for n, w in enumerate(words)]
    [matcher] = matchers([FilterRow(1, "T", ["home"], "warn", None, keywords, [])])
    return matcher.find(text)


class TestMatching:
    @pytest.mark.parametrize(
        ("text", "word", "found"),
        [
            ("a cat sat", "cat", "cat"),
            ("concatenate", "cat", None),
            ("A Cat!", "cAT", "Cat"),
            ("ÄRGER im Büro", "ärger", "ÄRGER"),
            ("Überärger", "ärger", None),
            ("buy #crypto now", "#crypto", "#crypto"),
            ("a#crypto", "#crypto", "#crypto"),
            ("#cryptocurrency", "#crypto", None),
            ("see two words here", "two words", "two words"),
            ("東京都", "東京", None),
            ("catcat cat", "cat", "cat"),
            ("STRASSE", "straße", "STRASSE"),
            ("die Straße", "STRASSE", "STRASSE"),
            ("(c++)", "c++", "c++"),
            ("x.y", "x?y", None),
        ],
    )
    def test_a_whole_word(self, text: str, word: str, found: str | None) -> None:
        assert find(text, word) == found

    def test_a_part_of_a_word(self) -> None:
        assert find("Concatenate", "CAT", whole_word=False) == "cat"
        assert find("東京都", "東京", whole_word=False) == "東京"

    def test_of_several_the_first_in_the_text(self) -> None:
        assert find("one two three", "three", "two") == "two"

    def test_of_a_thousand_keywords_the_last_is_found(self) -> None:
        words = [f"word{number}x" for number in range(1_000)]
        assert find("lorem ipsum " * 40 + "word999x", *words) == "word999x"


async def test_make_change_and_delete(here: Here, schema: Schema) -> None:
    alice = await here.person("alice")
    made = await make(
        here, alice, "bad", "worse", context=["home", "public"], filter_action="hide", expires_in=60
    )
    schema.check("Filter", made)
    assert [one["keyword"] for one in made["keywords"]] == ["bad", "worse"]
    assert made["filter_action"] == "hide"
    assert await here.do("GET", V2, alice) == [made]
    path = f"{V2}/{made['id']}"
    first, second = made["keywords"]
    changed = await here.do(
        "PUT",
        path,
        alice,
        data={
            "title": "New",
            "expires_in": "",
            "filter_action": "blur",
            "keywords_attributes[0][id]": first["id"],
            "keywords_attributes[0][_destroy]": "true",
            "keywords_attributes[1][id]": second["id"],
            "keywords_attributes[1][whole_word]": "0",
            "keywords_attributes[2][keyword]": "third",
            "keywords_attributes[3][keyword]": "",
        },
    )
    assert (changed["title"], changed["filter_action"]) == ("New", "blur")
    assert (changed["expires_at"], changed["context"]) == (None, ["home", "public"])
    assert [(one["keyword"], one["whole_word"]) for one in changed["keywords"]] == [
        ("worse", False),
        ("third", True),
    ]
    assert await here.do("GET", path, alice) == changed
    assert await here.do("DELETE", path, alice) == {}
    assert await here.do("GET", V2, alice) == []
    assert await here.count("filter_keywords") == 0


async def test_keywords_one_by_one(here: Here, schema: Schema) -> None:
    alice = await here.person("alice")
    made = await make(here, alice)
    path = f"{V2}/{made['id']}/keywords"
    word = await here.do("POST", path, alice, json={"keyword": "bad", "whole_word": False})
    schema.check("FilterKeyword", word)
    one = f"{V2}/keywords/{word['id']}"
    assert await here.do("GET", path, alice) == [word] == [await here.do("GET", one, alice)]
    changed = await here.do("PUT", one, alice, json={"keyword": "good"})
    assert changed == {"id": word["id"], "keyword": "good", "whole_word": False}
    assert await here.do("DELETE", one, alice) == {}
    assert await here.do("GET", path, alice) == []


async def test_statuses_one_by_one(here: Here, schema: Schema) -> None:
    alice, bob = await here.person("alice"), await here.person("bob")
    post = await here.post(bob)
    made = await make(here, alice)
    path = f"{V2}/{made['id']}/statuses"
    added = await here.do("POST", path, alice, json={"status_id": post["id"]})
    schema.check("FilterStatus", added)
    again = await here.refusal("POST", path, alice, json={"status_id": post["id"]})
    assert again == (422, "Validation failed: Status has already been taken")
    one = f"{V2}/statuses/{added['id']}"
    assert await here.do("GET", path, alice) == [added] == [await here.do("GET", one, alice)]
    [result] = await seen(here, alice, post["id"])
    schema.check("FilterResult", result)
    assert (result["status_matches"], result["keyword_matches"]) == ([post["id"]], None)
    assert await here.do("DELETE", one, alice) == {}
    assert await seen(here, alice, post["id"]) == []
    hidden = await here.post(bob, visibility="direct")
    refused = await here.refusal("POST", path, alice, json={"status_id": hidden["id"]})
    assert refused == (404, "Record not found")


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"title": " "}, "Title can't be blank"),
        ({"context": []}, "Context can't be blank, Context None or invalid context supplied"),
        ({"context": ["home", "moon"]}, "Context None or invalid context supplied"),
        ({"filter_action": "explode"}, "Action is not included in the list"),
        ({"title": "x" * 257}, "Title is too long (maximum is 256 characters)"),
    ],
)
async def test_what_makes_no_sense_is_refused(
    here: Here, fields: dict[str, Any], text: str
) -> None:
    alice = await here.person("alice")
    whole = {"title": "T", "context": ["home"], "keywords_attributes": [{"keyword": "x"}]} | fields
    assert await here.refusal("POST", V2, alice, json=whole) == (422, f"Validation failed: {text}")
    assert await here.count("filters") == 0


async def test_a_keyword_that_makes_no_sense_leaves_no_filter(here: Here) -> None:
    alice = await here.person("alice")
    for keyword in ("x" * 513, " "):
        fields = {"title": "T", "context": ["home"]}
        made = await make(here, alice)
        path = f"{V2}/{made['id']}/keywords"
        assert (await here.refusal("POST", path, alice, json={"keyword": keyword}))[0] == 422
        fields["keywords_attributes"] = [{"keyword": "x" * 513}]  # type: ignore[assignment]  # mixed
        assert (await here.refusal("POST", V2, alice, json=fields))[0] == 422
    assert await here.count("filter_keywords") == 0


async def test_nobody_reaches_the_filters_of_others(here: Here) -> None:
    alice, eve = await here.person("alice"), await here.person("eve")
    post = await here.post(alice)
    made = await make(here, alice, "bad")
    status = await here.do(
        "POST", f"{V2}/{made['id']}/statuses", alice, json={"status_id": post["id"]}
    )
    word = made["keywords"][0]["id"]
    for method, path in [
        ("GET", f"{V2}/{made['id']}"),
        ("PUT", f"{V2}/{made['id']}"),
        ("DELETE", f"{V2}/{made['id']}"),
        ("GET", f"{V2}/{made['id']}/keywords"),
        ("POST", f"{V2}/{made['id']}/keywords"),
        ("GET", f"{V2}/keywords/{word}"),
        ("PUT", f"{V2}/keywords/{word}"),
        ("DELETE", f"{V2}/keywords/{word}"),
        ("GET", f"{V2}/{made['id']}/statuses"),
        ("POST", f"{V2}/{made['id']}/statuses"),
        ("GET", f"{V2}/statuses/{status['id']}"),
        ("DELETE", f"{V2}/statuses/{status['id']}"),
        ("GET", f"{V1}/{word}"),
        ("PUT", f"{V1}/{word}"),
        ("DELETE", f"{V1}/{word}"),
    ]:
        assert await here.refusal(method, path, eve) == (404, "Record not found"), path
    other = await make(here, eve, "x")
    stolen = {"keywords_attributes": [{"id": word, "keyword": "mine"}]}
    assert (await here.refusal("PUT", f"{V2}/{other['id']}", eve, json=stolen))[0] == 404
    assert (await here.do("GET", f"{V2}/{made['id']}", alice))["keywords"] == made["keywords"]


async def test_the_older_api_shows_each_keyword_as_a_filter(here: Here, schema: Schema) -> None:
    alice = await here.person("alice")
    made = await here.do(
        "POST",
        V1,
        alice,
        data={"phrase": "bad", "context[]": "home", "irreversible": "true", "expires_in": "3600"},
    )
    schema.check("V1Filter", made)
    assert (made["irreversible"], made["whole_word"]) == (True, True)
    assert await here.do("GET", V1, alice) == [made]
    [whole] = await here.do("GET", V2, alice)
    assert (whole["title"], whole["filter_action"]) == ("bad", "hide")
    path = f"{V1}/{made['id']}"
    changed = await here.do(
        "PUT", path, alice, json={"phrase": "worse", "context": ["public"], "whole_word": False}
    )
    assert changed == made | {"phrase": "worse", "context": ["public"], "whole_word": False}
    await here.do("POST", f"{V2}/{whole['id']}/keywords", alice, json={"keyword": "two"})
    status, _ = await here.refusal("PUT", path, alice, json={"context": ["home"]})
    assert status == 422
    assert await here.do("DELETE", path, alice) == {}
    assert [one["phrase"] for one in await here.do("GET", V1, alice)] == ["two"]


async def test_what_is_read_says_what_filters_found(here: Here, schema: Schema) -> None:
    alice, bob = await here.person("alice"), await here.person("bob")
    made = await make(here, alice, "spoilers", context=["public"], filter_action="warn")
    bad = await here.post(bob, "No <b>Spoilers</b>, please")
    good = await here.post(bob, "Nothing to see")
    [result] = await seen(here, alice, bad["id"])
    schema.check("FilterResult", result)
    assert result == {
        "filter": {key: made[key] for key in made if key not in ("keywords", "statuses")},
        "keyword_matches": ["Spoilers"],
        "status_matches": None,
    }
    assert await seen(here, alice, good["id"]) == []
    assert await seen(here, bob, bad["id"]) == []
    timeline = await here.do("GET", "/api/v1/timelines/public", alice)
    assert {one["id"]: bool(one["filtered"]) for one in timeline} == {
        bad["id"]: True,
        good["id"]: False,
    }
    schema.check_each("Status", timeline, absent=frozenset({"text"}))


async def test_warning_choices_and_descriptions_count(here: Here) -> None:
    alice, bob = await here.person("alice"), await here.person("bob")
    await make(here, alice, "spider")
    warned = await here.post(bob, "look", spoiler_text="Spider!")
    poll = {"options": ["spider", "bee"], "expires_in": 3600}
    polled = await here.post(bob, "which?", poll=poll)
    form = form_with_file("file", picture(), description="a spider on a wall")
    media = await here.do("POST", "/api/v2/media", bob, data=form)
    shown = await here.post(bob, "my flat", media_ids=[media["id"]])
    for post in (warned, polled, shown):
        assert len(await seen(here, alice, post["id"])) == 1


async def test_a_boost_is_judged_by_what_it_shows(here: Here) -> None:
    alice, bob = await here.person("alice"), await here.person("bob")
    post = await here.post(bob, "bad news")
    boost = await here.do("POST", f"/api/v1/statuses/{post['id']}/reblog", bob)
    await make(here, alice, "bad")
    shown = await here.do("GET", f"/api/v1/statuses/{boost['id']}", alice)
    assert len(shown["filtered"]) == len(shown["reblog"]["filtered"]) == 1


async def test_the_account_of_a_notification_is_told_too(here: Here) -> None:
    alice, bob = await here.person("alice"), await here.person("bob")
    await make(here, alice, "bad", context=["notifications"], filter_action="hide")
    await here.post(bob, "@alice bad news")
    [notification] = await here.do("GET", "/api/v1/notifications", alice)
    assert notification["status"]["filtered"][0]["filter"]["filter_action"] == "hide"


async def test_a_filter_ends_by_itself_and_changes_count_at_once(here: Here) -> None:
    alice, bob = await here.person("alice"), await here.person("bob")
    post = await here.post(bob, "bad news")
    made = await make(here, alice, "bad", expires_in=600)
    assert len(await seen(here, alice, post["id"])) == 1
    here.clock.move(timedelta(seconds=601))
    assert await seen(here, alice, post["id"]) == []
    path = f"{V2}/{made['id']}"
    await here.do("PUT", path, alice, json={"expires_in": 600})
    assert len(await seen(here, alice, post["id"])) == 1
    [word] = made["keywords"]
    await here.do("PUT", f"{V2}/keywords/{word['id']}", alice, json={"keyword": "good"})
    assert await seen(here, alice, post["id"]) == []
    await here.do("PUT", f"/api/v1/statuses/{post['id']}", bob, json={"status": "good news"})
    assert len(await seen(here, alice, post["id"])) == 1


async def test_other_processes_hear_of_a_change(db: Database) -> None:
    events, kept = Events(db), ViewerFilters(SystemClock())
    events.on(FILTERS, kept.heard)
    async with asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(events.run())
        kept.put(7, kept.begin(7), ())
        assert kept.get(7) == ()

        async def forgotten() -> bool:
            await db.execute(NOTIFY, FILTERS, "7")
            return kept.get(7) is None

        await until(forgotten)
        listening.cancel()


def test_what_was_read_before_a_change_is_not_kept() -> None:
    kept = ViewerFilters(SystemClock())
    mark = kept.begin(7)
    kept.forget(7)
    kept.put(7, mark, ())
    assert kept.get(7) is None


async def test_the_scope_is_asked_for(here: Here) -> None:
    reader = await here.person("reader", scopes="read:filters")
    assert await here.do("GET", V2, reader) == []
    assert (await here.refusal("POST", V2, reader, json={}))[0] == 403
    other = await here.person("other", scopes="read:statuses")
    assert (await here.refusal("GET", V2, other))[0] == 403
