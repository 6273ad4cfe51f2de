"""NodeInfo 2.0 and 2.1 (FEP-f1d5, FEP-0151): what software a host runs and how large it is."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from activitypub.errors import DocumentError
from activitypub.origins import host_of
from activitypub.webfinger import is_http_url

Version = Literal["2.0", "2.1"]

MAX_LINKS: Final = 32
MAX_VERSION_CHARS: Final = 128
MAX_MIRRORS: Final = 8
_SCHEMA: Final = "http://nodeinfo.diaspora.software/ns/schema/"
_APPLICATION: Final = "https://www.w3.org/ns/activitystreams#Application"
_OFFERED: Final[tuple[Version, ...]] = ("2.0", "2.1")
_PREFERENCE: Final = ("2.1", "2.0", "1.1", "1.0")
_SOFTWARE_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Software:
    """The software of a peer: a lower-case name, and a version ("" if it does not say)."""

    name: str
    version: str


def content_type(version: Version) -> str:
    """The media type of a NodeInfo document, with the profile its protocol asks for."""
    return f'application/json; profile="{_SCHEMA}{version}#"; charset=utf-8'


def links(base_url: str, actor_uri: str | None = None) -> dict[str, object]:
    """The document at /.well-known/nodeinfo, for "https://host" (NodeInfo protocol, Discovery),
    with the server's actor where it has one (FEP-2677)."""
    return {
        "links": [
            {"rel": _SCHEMA + version, "href": f"{base_url}/nodeinfo/{version}"}
            for version in _OFFERED
        ]
        + ([{"rel": _APPLICATION, "href": actor_uri}] if actor_uri else [])
    }


def document(
    version: Version,
    *,
    software_name: str,
    software_version: str,
    users_total: int,
    active_month: int,
    active_halfyear: int,
    local_posts: int,
    open_registrations: bool,
    metadata: Mapping[str, object],
    repository: str | None = None,
    homepage: str | None = None,
) -> dict[str, object]:
    """Our own NodeInfo document. Only schema 2.1 has room for repository and homepage."""
    software = {"name": software_name, "version": software_version}
    if version == "2.1" and repository is not None:
        software["repository"] = repository
    if version == "2.1" and homepage is not None:
        software["homepage"] = homepage
    users = {"total": users_total, "activeMonth": active_month, "activeHalfyear": active_halfyear}
    return {
        "version": version,
        "software": software,
        "protocols": ["activitypub"],
        "services": {"inbound": [], "outbound": []},
        "usage": {"users": users, "localPosts": local_posts},
        "openRegistrations": open_registrations,
        "metadata": dict(metadata),
    }


def parse_links(document: object) -> str | None:
    """The href of the newest schema we read in a peer's /.well-known/nodeinfo, or None."""
    found = document.get("links") if isinstance(document, Mapping) else None
    if not isinstance(found, list):
        return None
    hrefs: dict[str, str] = {}
    for link in found[:MAX_LINKS]:
        rel, href = _rel_and_href(link)
        if href is not None:
            hrefs.setdefault(rel, href)
    return next((hrefs[_SCHEMA + v] for v in _PREFERENCE if _SCHEMA + v in hrefs), None)


def _rel_and_href(link: object) -> tuple[str, str | None]:
    if not isinstance(link, Mapping):
        return "", None
    rel, href = link.get("rel"), link.get("href")
    if not isinstance(rel, str) or not isinstance(href, str) or not is_http_url(href):
        return "", None
    return rel, href


def parse_document(document: object) -> Software:
    """The software named in a peer's NodeInfo document; raises DocumentError if it names none."""
    software = document.get("software") if isinstance(document, Mapping) else None
    if not isinstance(software, Mapping):
        raise DocumentError("NodeInfo document names no software")
    name, version = software.get("name"), software.get("version")
    if not isinstance(name, str) or len(name) > 64:
        raise DocumentError("NodeInfo software name is no short text")
    name = name.lower()
    if not _SOFTWARE_NAME.fullmatch(name):
        raise DocumentError("NodeInfo software name has unfit characters")
    return Software(name, _version(version))


def parse_mirrors(document: object) -> list[str]:
    """The hosts that a fedserver instance names as its mirrors in its NodeInfo document."""
    metadata = document.get("metadata") if isinstance(document, Mapping) else None
    named = metadata.get("mirrors") if isinstance(metadata, Mapping) else None
    if not isinstance(named, list):
        return []
    return [one for one in named[:MAX_MIRRORS] if isinstance(one, str) and _is_host(one)]


def _is_host(text: str) -> bool:
    try:
        return host_of(f"https://{text}") == text
    except DocumentError:
        return False


def _version(value: object) -> str:
    fits = isinstance(value, str) and len(value) <= MAX_VERSION_CHARS and value.isprintable()
    return str(value) if fits else ""
