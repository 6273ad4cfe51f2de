"""`fedserver routes`, and its comparison with a list of endpoints."""

from pathlib import Path

import pytest

from fedserver.cli.coverage import coverage
from fedserver.errors import StartError
from tests.cli.commands import Command

LIST = """\
method\tpath\tstatus\ttier\tscope
GET\t/api/v1/accounts/:id\tcurrent\t1\tpublic
POST\t/api/v1/statuses/:id/reblog\tcurrent\t1\twrite
GET\t/api/proofs\tremoved\t1\tpublic
WS\t/api/v1/streaming?stream=user\tcurrent\t1\tread
GET\t/api/v1/lists\tdeprecated\t2\tread
"""


def test_placeholders_compare_by_place(tmp_path: Path) -> None:
    (tmp_path / "list.tsv").write_text(LIST)
    served = [("GET", "/api/v1/accounts/{account_id}"), ("GET", "/api/v1/lists")]
    first, second = coverage(tmp_path / "list.tsv", served)
    assert (first.tier, first.answered, first.total) == ("1", 1, 3)
    assert first.missing == (
        "POST /api/v1/statuses/:id/reblog",
        "WS /api/v1/streaming?stream=user",
    )
    assert (second.tier, second.answered, second.total) == ("2", 1, 1)


def test_streams_count_and_what_is_deprecated_is_told(tmp_path: Path) -> None:
    (tmp_path / "list.tsv").write_text(LIST)
    stream = ("WS", "/api/v1/streaming?stream=user")
    first, second = coverage(tmp_path / "list.tsv", [stream, ("GET", "/api/v1/lists")])
    assert str(first) == "tier 1: 1 of 3 (of these 1 streams)"
    assert str(second) == "tier 2: 1 of 1 (of these 1 deprecated)"


def test_another_method_is_another_endpoint(tmp_path: Path) -> None:
    (tmp_path / "list.tsv").write_text(LIST)
    first, _ = coverage(tmp_path / "list.tsv", [("POST", "/api/v1/accounts/{id}")])
    assert first.answered == 0


def test_what_is_always_empty_is_marked_and_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "list.tsv").write_text(LIST)
    lists = ("GET", "/api/v1/lists")
    _, second = coverage(tmp_path / "list.tsv", [lists], [lists])
    assert (second.answered, second.missing) == (0, ())
    assert second.empty == ("GET /api/v1/lists",)


@pytest.mark.parametrize("text", ["", "method\tpath\n", "a,b\n1,2\n"])
def test_a_file_that_is_no_list(tmp_path: Path, text: str) -> None:
    (tmp_path / "list.tsv").write_text(text)
    with pytest.raises(StartError, match="columns method, path, status, tier"):
        coverage(tmp_path / "list.tsv", [])


def test_routes_prints_every_endpoint(command: Command, place: Path) -> None:
    result = command("routes")
    assert result.code == 0
    lines = result.out.splitlines()
    assert lines
    assert all(len(line.split()) >= 4 for line in lines)
    path = lines[0].split()[1]
    row = f"{lines[0].split()[0]}\t{path}\tcurrent\t1\n"
    (place / "list.tsv").write_text(f"method\tpath\tstatus\ttier\n{row}GET\t/none\tcurrent\t1\n")
    told = command("routes", "--coverage", "list.tsv").out
    assert told == "tier 1: 1 of 2\nmissing in tier 1: GET /none\n"
