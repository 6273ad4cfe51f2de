"""What can be agreed on, and what cannot."""

import pytest

from fedserver.errors import Invalid
from fedserver.survival.mirrors.terms import Terms, checked_classes, read_bytes, read_terms

TERMS = Terms("https://a/actor", "https://b/actor", 10, 20, ("chunks",), 14, None)


@pytest.mark.parametrize(
    ("text", "count"), [("10GB", 10**10), ("500 mb", 5 * 10**8), ("7", 7), ("1TB", 10**12)]
)
def test_amounts_are_read(text: str, count: int) -> None:
    assert read_bytes(text) == count


@pytest.mark.parametrize("text", ["", "GB", "-1GB", "1.5GB", "ten", "1 GBB", "1e3"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="not an amount"):
        read_bytes(text)


@pytest.mark.parametrize("classes", [[], ["secrets"], "chunks", None, ["chunks", "secrets"]])
def test_unknown_classes_are_refused(classes: object) -> None:
    with pytest.raises(Invalid, match="chunks, objects, media"):
        checked_classes(classes)


def test_terms_are_read_as_they_were_said() -> None:
    assert read_terms(TERMS.statement()) == TERMS


@pytest.mark.parametrize(
    "change",
    [
        {"type": "Other"},
        {"retentionDays": 13},
        {"retentionDays": True},
        {"offererKeeps": -1},
        {"accepterKeeps": "many"},
        {"offerer": None},
        {"classes": ["everything"]},
    ],
)
def test_terms_that_nobody_can_keep_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(Invalid):
        read_terms(TERMS.statement() | change)
