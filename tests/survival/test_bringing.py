"""Documents for a mirror, in requests of a size that it takes."""

import orjson

from fedserver.survival.mirrors.bringing import bodies
from fedserver.survival.mirrors.objects import MAX_BYTES, MAX_DOCUMENTS


def document(number: int, size: int) -> dict[str, object]:
    return {"id": number, "content": "x" * size}


def numbers(written: list[bytes]) -> list[int]:
    return [one["id"] for body in written for one in orjson.loads(body)["documents"]]


def test_all_are_in_requests_that_are_small_enough() -> None:
    written = bodies([document(number, 300_000) for number in range(10)])
    assert numbers(written) == list(range(10))
    assert len(written) == 4
    assert all(len(body) <= MAX_BYTES for body in written)


def test_no_request_has_too_many() -> None:
    written = bodies([document(number, 1) for number in range(MAX_DOCUMENTS + 1)])
    assert [len(orjson.loads(body)["documents"]) for body in written] == [MAX_DOCUMENTS, 1]


def test_what_no_request_has_room_for_holds_up_nobody() -> None:
    exact = MAX_BYTES - len(orjson.dumps({"documents": [document(2, 0)]})) - 1
    written = bodies([document(1, MAX_BYTES), document(2, exact), document(3, 1)])
    assert numbers(written) == [2, 3]
    assert [len(body) <= MAX_BYTES for body in written] == [True, True]


def test_nothing_is_no_request() -> None:
    assert bodies([]) == []
