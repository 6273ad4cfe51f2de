"""Requests made up after the published description of the API, and what every answer must be."""

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from functools import cached_property
from typing import Any, Protocol

import jsonschema
import requests
import schemathesis
from hypothesis import strategies as st
from schemathesis import GenerationMode

from tests.belongings import kinds_in

Json = dict[str, Any]
Operation = Any  # schemathesis.APIOperation, which takes types of its own

# Answers that never end; tests/streaming has them.
_STREAMS = "/api/v1/streaming"
# What parameters name; where one of these is given it is mostly one that exists.
_NAMED = {
    "account_id": "account",
    "account_ids": "account",
    "in_reply_to_id": "status",
    "quoted_status_id": "status",
    "status_id": "status",
    "status_ids": "status",
    "media_ids": "media",
    "choices": "choice",
    "collection_ids": "collection",
    "max_id": "status",
    "min_id": "status",
    "since_id": "status",
    "last_read_id": "notification",
}
# What no description allows, and what breaks those who believe descriptions.
_ODD = st.one_of(
    st.sampled_from(
        [
            "",
            " ",
            "\0",
            "x" * 20_000,
            "9" * 40,
            "-1",
            "1e400",
            "true",
            "null",
            "2026-02-30",
            "\u202e",
        ]
    ),
    st.sampled_from([None, True, -1, 2**31, 2**63, 10**40, 0.5, [], {}, [[[]]], [None], {"a": {}}]),
    st.datetimes().map(str),
    st.text(max_size=20),
    st.recursive(
        st.one_of(st.none(), st.integers(), st.text(max_size=5)),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
        ),
        max_leaves=6,
    ),
)
# A request's first line has 8 KB; what is longer is refused below the API.
_LONGEST_IN_QUERY = 500
_JSON_TYPE = re.compile(r"application/json(; ?charset=utf-8)?", re.IGNORECASE)


class Asking(Protocol):
    """Who asks: of what they have, the ids by kind, which may change between requests."""

    ids: dict[str, str]


class Described:
    """The operations of the description, and whether an answer is what it promises."""

    def __init__(self, document: Json, untrue: Mapping[tuple[str, str], str]) -> None:
        """`untrue`: operations whose answers are not as they are described, and why."""
        self._document = _any_instead_of_one(document)
        self._untrue = untrue
        self._validators: dict[tuple[str, str, int], Any] = {}

    @cached_property
    def operations(self) -> list[Operation]:
        """What is asked."""
        return list(self._operations())

    def _operations(self) -> Iterator[Operation]:
        schema = schemathesis.openapi.from_dict(deepcopy(self._document))
        for found in schema.get_all_operations():
            operation = found.ok()
            if operation.path.startswith("/api/") and not operation.path.startswith(_STREAMS):
                yield operation

    def check(self, case: Any, answer: Any) -> None:
        """Assert that an answer is one that a client can read."""
        method, path = case.method.upper(), case.operation.path
        said = (method, path, answer.status_code, answer.content[:300], as_sent(answer))
        assert answer.status_code < 500, said
        if answer.status_code < 300 and not answer.content:
            return
        (content_type,) = answer.headers["content-type"]
        assert _JSON_TYPE.fullmatch(content_type), (content_type, said)
        body = answer.json()
        if answer.status_code >= 400:
            assert isinstance(body, dict), said
            assert isinstance(body.get("error"), str), said
        elif (method, path) not in self._untrue:
            validator = self._validator(method, path, answer.status_code)
            problem = jsonschema.exceptions.best_match(validator.iter_errors(body))
            assert problem is None, (problem and (problem.json_path, problem.message), said)

    def _validator(self, method: str, path: str, status: int) -> Any:
        key = (method, path, status)
        if key not in self._validators:
            operation = self._document["paths"][path][method.lower()]
            answer = operation["responses"].get(str(status), {})
            schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
            whole = {**schema, "components": self._document["components"]}
            self._validators[key] = jsonschema.Draft202012Validator(whole)
        return self._validators[key]


def _any_instead_of_one(schema: Any) -> Any:
    """Where one of several shapes is asked for, some fit others, too: a Quote is a ShallowQuote."""
    if isinstance(schema, dict):
        return {
            "anyOf" if name == "oneOf" else name: _any_instead_of_one(inner)
            for name, inner in schema.items()
        }
    if isinstance(schema, list):
        return [_any_instead_of_one(inner) for inner in schema]
    return schema


def as_sent(answer: Any) -> tuple[str, Any]:
    """Give what was asked, to ask it again."""
    return answer.request.url, answer.request.body


@st.composite
def made_up_requests(draw: st.DrawFn, described: Described, asking: Asking) -> Any:
    """Give a request for one of the operations, mostly about what exists."""
    operation, ids = draw(st.sampled_from(described.operations)), asking.ids
    mode = draw(st.sampled_from([GenerationMode.POSITIVE] * 2 + [GenerationMode.NEGATIVE]))
    case = draw(operation.as_strategy(generation_mode=mode))
    if draw(st.integers(0, 4)):
        kinds = kinds_in(case.operation.path)
        case.path_parameters = {name: ids[kind] for name, kind in kinds.items()}
    for place, longest in ((case.query, _LONGEST_IN_QUERY), (case.body, None)):
        if isinstance(place, dict):
            _name_real(draw, place, ids)
            if place and not draw(st.integers(0, 3)):
                odd = draw(_ODD)
                name = draw(st.sampled_from(sorted(place)))
                place[name] = odd[:longest] if isinstance(odd, str) else odd
    return case


def _name_real(draw: st.DrawFn, place: Json, ids: Mapping[str, str]) -> None:
    for name, value in list(place.items()):
        kind = _NAMED.get(name.removesuffix("[]"))
        if isinstance(value, dict):
            _name_real(draw, value, ids)
        elif kind is not None and draw(st.integers(0, 4)):
            place[name] = [ids[kind]] if isinstance(value, list) else ids[kind]


def ask(session: requests.Session, base_url: str, token: str, case: Any) -> Any:
    """Send a request and give the answer."""
    headers = {"Authorization": f"Bearer {token}"}
    return case.call(base_url=base_url, session=session, headers=headers, timeout=30)
