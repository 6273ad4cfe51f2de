"""A year of a person, over HTTP and a real database."""

from datetime import UTC, datetime

import pytest

from tests.mastodon.conftest import Schema
from tests.mastodon.write_fixtures import Here
from tests.mastodon.write_fixtures import here_fixture as here_fixture

REPORTS = "/api/v1/annual_reports"


async def test_a_year_in_december(here: Here, schema: Schema) -> None:
    alice, bob = await here.person("alice"), await here.person("bob")
    year = here.clock.now().year
    here.clock.move(datetime(year, 12, 15, tzinfo=UTC) - here.clock.now())
    best = await here.post(alice, "#Cats rule")
    await here.post(alice, "another of #cats")
    await here.post(alice, "quiet", visibility="private")
    await here.do("POST", f"/api/v1/statuses/{best['id']}/favourite", bob)
    path = f"{REPORTS}/{year}"
    assert (await here.do("GET", f"{path}/state", alice)) == {"state": "eligible"}
    assert (await here.send("POST", f"{path}/generate", alice)).status == 202
    assert (await here.do("GET", f"{path}/state", alice)) == {"state": "available"}
    shown = await here.do("GET", path, alice)
    (report,) = shown["annual_reports"]
    schema.check("AnnualReport", report)
    assert report["data"]["top_hashtags"] == [{"name": "Cats", "count": 2}]
    assert report["data"]["top_statuses"]["by_favourites"] == best["id"]
    assert report["data"]["type_distribution"]["total"] == 3
    assert report["data"]["time_series"][11]["statuses"] == 3
    assert [one["id"] for one in shown["statuses"]] == [best["id"]]
    assert len((await here.do("GET", REPORTS, alice))["annual_reports"]) == 1
    assert await here.do("POST", f"{path}/read", alice) == {}
    assert (await here.do("GET", REPORTS, alice))["annual_reports"] == []
    assert (await here.do("GET", path, alice))["annual_reports"] == [report]


@pytest.mark.parametrize("year", [1, 1999, 9999, 10**12])
async def test_years_that_have_no_report(here: Here, year: int) -> None:
    alice = await here.person("alice")
    await here.post(alice)
    for method, end in [("GET", ""), ("POST", "/generate"), ("POST", "/read")]:
        assert (await here.send(method, f"{REPORTS}/{year}{end}", alice)).status == 404


async def test_year_that_is_not_over_and_who_did_not_post(here: Here) -> None:
    alice, bob = await here.person("alice"), await here.person("bob")
    year = here.clock.now().year
    await here.post(alice)
    here.clock.move(datetime(year, 11, 30, tzinfo=UTC) - here.clock.now())
    path = f"{REPORTS}/{year}/state"
    assert await here.do("GET", path, alice) == {"state": "ineligible"}
    here.clock.move(datetime(year, 12, 30, tzinfo=UTC) - here.clock.now())
    assert await here.do("GET", path, alice) == {"state": "eligible"}
    assert await here.do("GET", path, bob) == {"state": "ineligible"}
