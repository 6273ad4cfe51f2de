"""The pages say what the code says."""

import pkgutil
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

import fedserver
from fedserver.effects import READERS

ROOT = Path(__file__).parents[1]
# Folders with these names hold no page of ours.
NOT_OURS = frozenset({"build", "data", "demo-data", "dist", "node_modules", "venv"})

FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]*`")
LINK = re.compile(r"\]\(([^()\s]+)\)")
HEADING = re.compile(r"^#{1,6} +(.+?)$", re.MULTILINE)
DISTRIBUTION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def our_pages() -> list[Path]:
    return sorted(page for page in ROOT.rglob("*.md") if is_ours(page.relative_to(ROOT)))


def is_ours(page: Path) -> bool:
    return not any(part.startswith(".") or part in NOT_OURS for part in page.parts)


PAGES = our_pages()


def test_there_are_pages() -> None:
    names = {str(page.relative_to(ROOT)) for page in PAGES}
    assert {"README.md", "FEDERATION.md", "CONTRIBUTING.md", "docs/architecture.md"} <= names


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_links_lead_somewhere(page: Path) -> None:
    broken = [link for link in relative_links(page) if not leads_somewhere(page, link)]
    assert not broken


def relative_links(page: Path) -> Iterator[str]:
    for link in LINK.findall(without_code(page)):
        if not re.match(r"[a-z][a-z0-9+.-]*:", link):
            yield link


def without_code(page: Path) -> str:
    return CODE.sub("", FENCE.sub("", page.read_text("utf-8")))


def leads_somewhere(page: Path, link: str) -> bool:
    path, _, anchor = unquote(link).partition("#")
    target = (page.parent / path).resolve() if path else page
    if not target.is_relative_to(ROOT) or not target.exists():
        return False
    return not anchor or anchor in anchors(target)


def anchors(page: Path) -> set[str]:
    """The fragments that a page's headings have where such pages are shown."""
    text = FENCE.sub("", page.read_text("utf-8"))
    return {anchor(heading) for heading in HEADING.findall(text)}


def anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def section(page: Path, heading: str) -> str:
    """What stands under `heading`, up to the next one."""
    _, found, rest = page.read_text("utf-8").partition(f"\n{heading}\n")
    assert found, f"{page.name} has no heading {heading!r}"
    return re.split(r"^#", rest, maxsplit=1, flags=re.MULTILINE)[0]


def first_column(text: str) -> list[str]:
    """The first cells of the tables in `text`, without head and rule."""
    rows = [line for line in text.splitlines() if line.startswith("|")]
    return [row.split("|")[1].strip() for row in rows[2:]]


def test_the_table_of_received_activities_is_that_of_the_code() -> None:
    told = set(first_column(section(ROOT / "FEDERATION.md", "### Received")))
    assert told == set(READERS)


def test_every_dependency_has_its_line() -> None:
    page = ROOT / "docs" / "dependencies.md"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    assert first_column(section(page, "## To run")) == names(project["dependencies"])
    assert first_column(section(page, "## To develop and test")) == names(extras["dev"])


def names(requirements: list[str]) -> list[str]:
    """The distributions that `requirements` name, in the order of the page."""
    found = [DISTRIBUTION.match(requirement) for requirement in requirements]
    return sorted(match[0] for match in found if match)


MODULES = [module.name for module in pkgutil.iter_modules(fedserver.__path__)]


@pytest.mark.parametrize("module", MODULES)
def test_every_room_is_in_the_architecture(module: str) -> None:
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    assert re.search(rf"`{module}(?:/|\.py)`", text)
