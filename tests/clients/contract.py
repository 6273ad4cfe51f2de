"""The published description of the API: whether an answer is what it promises."""

import csv
import re
from pathlib import Path
from typing import Any

import jsonschema
import orjson
import pytest

_FOLDER = Path(__file__).parents[3] / "shared" / "mastodon-api"
_NAMED = re.compile(r"\{[^/]+\}|:[a-z_]+")


class Contract:
    """Checks answers against openapi.json, and remembers which endpoints were asked."""

    def __init__(self) -> None:
        document = orjson.loads((_FOLDER / "openapi.json").read_bytes())
        self._components = document["components"]
        self._operations = {
            (method.upper(), path): operation
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
        }
        self.asked: set[tuple[str, str]] = set()

    def check(self, method: str, path: str, status: int, body: Any) -> None:
        """Assert that a 2xx answer to `method path` (a template, `{id}`) fits its schema."""
        assert 200 <= status < 300, (method, path, status, body)
        self.asked.add((method, shape(path)))
        operation = self._operations.get((method, path))
        answer = (operation or {}).get("responses", {}).get(str(status), {})
        schema = answer.get("content", {}).get("application/json", {}).get("schema")
        if schema is not None:
            whole = {**schema, "components": self._components}
            jsonschema.Draft202012Validator(whole).validate(body)


def shape(path: str) -> str:
    """Give a path without the names of its placeholders."""
    return _NAMED.sub("*", path)


def tier(number: str) -> set[tuple[str, str]]:
    """Give the endpoints of a tier that still exist and are asked over HTTP."""
    with (_FOLDER / "endpoints.tsv").open(encoding="utf-8") as table:
        return {
            (row["method"], shape(row["path"]))
            for row in csv.DictReader(table, delimiter="\t")
            if row["tier"] == number and row["status"] != "removed" and row["method"] != "WS"
        }


def load_contract() -> Contract:
    """Give the contract; tests are skipped where the shared data is not beside the repository."""
    if not _FOLDER.is_dir():
        pytest.skip("the folder shared/mastodon-api is not beside this repository")
    return Contract()
