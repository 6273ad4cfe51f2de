"""The bundled contexts by URL. Nothing else is ever loaded."""

import functools
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from activitypub.errors import DocumentError

_OWN_FILES = {
    "http://joinmastodon.org/ns": "joinmastodon.json",
    "https://funkwhale.audio/ns": "funkwhale.json",
    "https://gotosocial.org/ns": "gotosocial.json",
    "https://join-lemmy.org/context.json": "lemmy.json",
    "https://litepub.social/context.jsonld": "litepub.json",
    "https://litepub.social/litepub/context.jsonld": "litepub.json",
    "https://purl.archive.org/miscellany": "miscellany.json",
    "https://purl.archive.org/socialweb/webfinger": "webfinger.json",
    "https://w3id.org/identity/v1": "identity-v1.json",
    "https://w3id.org/security/data-integrity/v1": "data-integrity-v2.json",
    "https://w3id.org/security/data-integrity/v2": "data-integrity-v2.json",
    "https://w3id.org/security/multikey/v1": "multikey-v1.json",
    "https://www.w3.org/ns/cid/v1": "cid-v1.json",
}
_IN_PYLD = frozenset(
    {
        "https://w3id.org/security/suites/ed25519-2020/v1",
        "https://w3id.org/security/suites/jws-2020/v1",
        "https://w3id.org/security/v1",
        "https://w3id.org/security/v2",
        "https://www.w3.org/2018/credentials/v1",
        "https://www.w3.org/ns/activitystreams",
        "https://www.w3.org/ns/credentials/v2",
        "https://www.w3.org/ns/did/v1",
    }
)
# Each Pleroma and Akkoma serves the same context under its own name.
_LITEPUB_SUFFIX = "/schemas/litepub-0.1.jsonld"


def is_known(url: str) -> bool:
    """Tell whether the context at `url` is bundled, however the URL is spelled."""
    return _canonical(url) is not None


def load(url: str) -> dict[str, Any]:
    """Return the bundled context document for `url`, not to be changed.

    Raises DocumentError if it is not bundled: contexts are never fetched.
    """
    canonical = _canonical(url)
    if canonical is None:
        raise DocumentError(f"unknown remote context {url[:200]}")
    return _load(canonical)


@functools.lru_cache(maxsize=512)
def _canonical(url: str) -> str | None:
    if url.endswith(_LITEPUB_SUFFIX):
        return "https://litepub.social/context.jsonld"
    plain = url.rstrip("#/").removesuffix(".jsonld")
    bare = plain.removeprefix("https://").removeprefix("http://")
    for spelling in (url, plain, f"https://{bare}", f"http://{bare}"):
        if spelling in _OWN_FILES or spelling in _IN_PYLD:
            return spelling
    return None


@functools.cache  # at most one entry for each bundled file
def _load(url: str) -> dict[str, Any]:
    own = _OWN_FILES.get(url)
    source = files(__package__).joinpath(own) if own else _path_in_pyld(url)
    document: dict[str, Any] = json.loads(source.read_text(encoding="utf-8"))
    return document


def _path_in_pyld(url: str) -> Path:
    # Imported here: pyld takes 25 MB and a tenth of a second, and few documents need it.
    from pyld.documentloader.frozen import BUNDLED_CONTEXTS

    path: Path = BUNDLED_CONTEXTS[url]
    return path
