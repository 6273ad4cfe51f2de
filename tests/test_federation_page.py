"""FEDERATION.md (FEP-67ff) says what the code does, and nothing else."""

import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import fedserver.effects
from activitypub.parse import ACTOR_TYPES, limits
from fedserver.effects import READERS
from fedserver.effects.acts import Act
from fedserver.effects.bringing import STATUS_TYPES
from fedserver.services.newcomers import NEW_HOSTS_PER_DOMAIN
from tests.test_docs import ROOT, first_column, section

PAGE = ROOT / "FEDERATION.md"
FEP = re.compile(r"FEP-([0-9a-f]{4})")
TYPE_NAME = re.compile(r"[A-Z][A-Za-z]+")
# Kept by a page and not by code.
OF_PAGES = frozenset({"67ff"})


def cells(heading: str) -> set[str]:
    """The type names in the first column under `heading`; one cell may hold several."""
    column = ", ".join(first_column(section(PAGE, heading))).replace("`", "")
    return {name.strip() for name in column.split(",") if TYPE_NAME.fullmatch(name.strip())}


def acts() -> set[type[Act]]:
    for module in pkgutil.iter_modules(fedserver.effects.__path__):
        importlib.import_module(f"fedserver.effects.{module.name}")
    found: set[type[Act]] = set()
    waiting = [Act]
    while waiting:
        kinds = waiting.pop().__subclasses__()
        found.update(kinds)
        waiting += kinds
    return found


def sent_types() -> set[str]:
    """The types of activities of acts that say how they are told to others."""
    return {
        kind.type
        for kind in acts()
        if kind.outgoing is not Act.outgoing and isinstance(getattr(kind, "type", None), str)
    }


def test_what_is_received() -> None:
    assert cells("### Received") == set(READERS)


def test_what_is_sent() -> None:
    told = cells("### Sent")
    assert sent_types() <= told
    # Some acts are told as one of several types.
    named = set(re.findall(r'"([A-Z][A-Za-z]+)"', code("fedserver", "activitypub")))
    assert told - sent_types() <= named


def test_there_are_acts_that_are_told_to_nobody() -> None:
    quiet = {getattr(kind, "type", "") for kind in acts() if kind.outgoing is Act.outgoing}
    assert {"Bookmark", "Mute"} <= quiet


def test_what_is_not_there_is_neither_received_nor_sent() -> None:
    told = section(PAGE, "## Not there")
    named = set(re.findall(r"\b[A-Z][A-Za-z]+\b", told.partition(";")[0]))
    assert not named & set(READERS)


def code(*rooms: str) -> str:
    folders = [ROOT / room for room in rooms or ("activitypub", "storage", "fedserver")]
    modules = [path for folder in folders for path in folder.rglob("*.py")]
    return "\n".join(path.read_text("utf-8") for path in modules)


def supported_feps() -> set[str]:
    listed = section(PAGE, "## Supported FEPs")
    lines = [line for line in listed.splitlines() if line.startswith("- ")]
    return {fep for line in lines for fep in FEP.findall(line.partition(":")[0])}


def test_every_supported_fep_is_in_the_code() -> None:
    assert supported_feps()
    assert supported_feps() - OF_PAGES <= set(FEP.findall(code()))


def test_every_fep_of_the_code_is_on_the_page() -> None:
    assert set(FEP.findall(code())) <= set(FEP.findall(PAGE.read_text("utf-8")))


def test_the_types_that_are_shown() -> None:
    shown = cells("## Objects")
    assert shown == set(STATUS_TYPES | ACTOR_TYPES)


@pytest.mark.parametrize(
    ("what", "at_most"),
    [
        ("options of a poll", limits.MAX_POLL_OPTIONS),
        ("fields of a profile", limits.MAX_FIELDS),
        ("keys, aliases of an actor", limits.MAX_KEYS),
        ("`content`", limits.MAX_CONTENT_CHARS),
        ("recipients in `to`", limits.MAX_RECIPIENTS),
        ("tags; of these", limits.MAX_TAGS),
        ("new servers under one domain", NEW_HOSTS_PER_DOMAIN),
    ],
)
def test_the_limits(what: str, at_most: int) -> None:
    rows = section(PAGE, "## Limits").splitlines()
    (row,) = [row for row in rows if row.startswith(f"| {what}")]
    assert f"{at_most:,}" in row


def rules_page() -> str:
    return (ROOT / "docs" / "security.md").read_text("utf-8")


def test_every_rule_of_the_security_page_names_tests_that_exist() -> None:
    rows = [
        row.split("|")
        for row in section(ROOT / "docs" / "security.md", "## How each rule is tested").splitlines()
        if row.startswith("| ")
    ][2:]
    assert len(rows) >= 12
    for row in rows:
        named = re.findall(r"`([^`]+)`", row[2])
        assert named, row[1]
        for name in named:
            assert leads_to_a_test(name), name


def leads_to_a_test(name: str) -> bool:
    """`file.py` or `file.py::test`, under tests/."""
    file, _, test = name.partition("::")
    path = Path(ROOT / "tests" / file)
    return path.is_file() and (not test or f"def {test}(" in path.read_text("utf-8"))
