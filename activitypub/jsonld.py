"""JSON-LD, only for documents that are not in the usual compact form.

Nearly every peer writes ActivityStreams in compact form, which plain JSON reading understands.
The rest (expanded documents, `as:Create`, `@id`) is compacted with pyld, with bundled contexts
only: nothing is ever fetched.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from activitypub import json_bytes
from activitypub.contexts.bundle import is_known, load
from activitypub.contexts.terms import EVERYTHING
from activitypub.errors import DocumentError

MAX_COMPACTED_BYTES = 65_536
MAX_CONTEXTS = 50
_NAMESPACE = "https://www.w3.org/ns/activitystreams#"
_PREFIXES = ("as:", _NAMESPACE)


def is_usual(document: Mapping[str, Any]) -> bool:
    """Tell whether plain JSON reading is right: compact form, and no context we do not know."""
    contexts = document.get("@context")
    members = contexts if isinstance(contexts, list) else [contexts]
    return _reads_plainly(document) and all(_is_usual_context(one) for one in members)


def normalise(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the document in the form that `activitypub.parse` reads.

    A compact document is returned as it is, also if it names contexts that we do not know:
    their terms are none of ours. Raises DocumentError as `compact` does.
    """
    return document if _reads_plainly(document) else compact(document)


def compact(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the one object of a JSON-LD document in the usual compact form.

    Takes milliseconds to tenths of a second: call it in a thread. Raises DocumentError if the
    document is too large or holds several objects, if it is no JSON-LD, or if it needs a
    context that is not bundled.
    """
    if len(json_bytes.dumps(document)) > MAX_COMPACTED_BYTES:
        raise DocumentError("document is too large for JSON-LD processing")
    if _count_contexts(document) > MAX_CONTEXTS:
        raise DocumentError("document has too many contexts")
    compacted = _compacted(document)
    if "@graph" in compacted or "@included" in compacted:
        raise DocumentError("document holds several objects")
    return compacted


def canonical_quads(document: Mapping[str, Any]) -> bytes:
    """Return the document as N-Quads in canonical order (URDNA2015), which LD signatures cover.

    Takes milliseconds: call it in a thread. Raises DocumentError as `compact` does.
    """
    # Imported here: pyld takes 25 MB and a tenth of a second, and few documents need it.
    from pyld import jsonld

    options = {**_OPTIONS, "algorithm": "URDNA2015", "format": "application/n-quads"}
    with _failures_told():
        quads: str = jsonld.normalize(dict(document), options)
    return quads.encode()


def _compacted(document: Mapping[str, Any]) -> dict[str, Any]:
    from pyld import jsonld

    with _failures_told():
        compacted = jsonld.compact(dict(document), EVERYTHING, _OPTIONS)
    if not isinstance(compacted, dict):
        raise DocumentError("document is not one object")
    return compacted


@contextmanager
def _failures_told() -> Iterator[None]:
    from pyld import jsonld

    try:
        yield
    except jsonld.JsonLdError as error:
        raise DocumentError(f"document is not JSON-LD that we can read: {error.type}") from error
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError) as error:
        raise DocumentError("document confuses the JSON-LD processor") from error
    except ValueError as error:
        raise DocumentError("document has a malformed value") from error


def _bundled(url: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Give pyld a bundled context (its document loader interface)."""
    return {
        "contentType": "application/ld+json",
        "contextUrl": None,
        "documentUrl": url,
        "document": load(url),
    }


def _is_usual_context(context: Any) -> bool:
    if isinstance(context, str):
        return is_known(context)
    return context is None or isinstance(context, dict)


def _reads_plainly(document: Mapping[str, Any]) -> bool:
    types = document.get("type")
    for name in types if isinstance(types, list) else (types,):
        if not isinstance(name, str) or name.startswith(_PREFIXES):
            return False
    for key in document:
        if key.startswith(_PREFIXES) or (key.startswith("@") and key != "@context"):
            return False
    return True


def _count_contexts(value: Any) -> int:
    """Count the entries of all contexts in the document, at any depth."""
    if isinstance(value, list):
        return sum(_count_contexts(member) for member in value)
    if not isinstance(value, dict):
        return 0
    contexts = value.get("@context", [])
    own = len(contexts) if isinstance(contexts, list) else 1
    return own + sum(_count_contexts(member) for member in value.values())


_OPTIONS = {"documentLoader": _bundled, "base": ""}
