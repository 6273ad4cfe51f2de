"""Made-up documents: any JSON at all, and what peers send with something wrong in it."""

import json
import os
import time
from collections.abc import Callable
from copy import deepcopy
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.federation.fake_peer import PUBLIC, PeerActor

Json = dict[str, Any]

# `make fuzz` sets how long each target runs; without it each checks a few values, always
# the same ones.
SECONDS_VARIABLE = "FUZZ_SECONDS"
_ROUND = 50

KEYS = st.sampled_from(
    """
    @context @graph @id @type @value actor alsoKnownAs anyOf assertionMethod attachment attributedTo
    audience blurhash bto cc closed content contentMap context conversation duration endTime
    endpoints featured focalPoint followers formerType height href icon id image inReplyTo inbox
    instrument items mediaType movedTo name nameMap object oneOf orderedItems outbox owner
    preferredUsername publicKey publicKeyPem published quoteUri replies sensitive sharedInbox
    source summary summaryMap tag target to totalItems type updated url value votersCount width
    """.split()
)
TYPES = st.sampled_from(
    """
    Accept Activity Add Announce Application Article Block Collection Create Delete Document
    Emoji EmojiReact Event Flag Follow Group Hashtag Image Key Like Link Mention Move Note
    OrderedCollection Page Person Place PropertyValue Question Reject Remove Service Tombstone Undo
    Update Video Audio as:Note https://www.w3.org/ns/activitystreams#Create
    """.split()
)
TEXTS = st.one_of(
    st.text(max_size=40),
    st.text(alphabet="<>/aphb\"'&;#! \u202e\u2066\u200d\x01", max_size=80),
    st.sampled_from(["", " ", "x" * 5_000, "\u202e", "\ud83d", "9999-12-31T23:59:59Z", "PT1H"]),
)
NUMBERS = st.one_of(
    st.integers(),
    st.floats(),
    st.sampled_from([0, -1, 2**31, 2**53, 2**63, 2**64, 10**400]),
)


def urls(bases: tuple[str, ...]) -> st.SearchStrategy[str]:
    """Ids at `bases`, and what only looks like one."""
    paths = st.sampled_from(
        [
            "",
            "/",
            "/users/mallory",
            "/users/alice",
            "/notes/1",
            "/activities/2",
            "#main-key",
            "/x?y",
        ]
    )
    at_bases = st.builds(str.__add__, st.sampled_from(bases), paths)
    odd = st.sampled_from(
        [
            PUBLIC,
            "as:Public",
            "Public",
            "javascript:alert(1)",
            "https://",
            "https://[::1",
            "did:x:y",
        ]
    )
    return st.one_of(at_bases, odd)


def junk(bases: tuple[str, ...]) -> st.SearchStrategy[Any]:
    """Any JSON value, with the words of the vocabulary more often than chance would have them."""
    leaves = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS, TYPES, urls(bases))
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.lists(inner, max_size=4),
            st.dictionaries(st.one_of(KEYS, TEXTS), inner, max_size=5),
        ),
        max_leaves=12,
    )


def templates(mallory: PeerActor, alice: str) -> list[Json]:
    """What Mallory would send if she were honest."""
    mention = {"type": "Mention", "href": alice, "name": "@alice"}
    emoji = {
        "type": "Emoji",
        "name": ":x:",
        "icon": {"type": "Image", "url": "https://x.example/1"},
    }
    picture = {"type": "Document", "mediaType": "image/png", "url": "https://x.example/1.png"}
    note = mallory.note(1, cc=[alice], tag=[mention, emoji], attachment=[picture], summary="CW")
    choices = [{"type": "Note", "name": name, "replies": {"totalItems": 1}} for name in ("a", "b")]
    question = note | {"type": "Question", "oneOf": choices, "endTime": "2026-12-01T00:00:00Z"}
    article = note | {"type": "Article", "name": "Title", "inReplyTo": alice}
    field = {"type": "PropertyValue", "name": "a", "value": "b"}
    person = mallory.document(name="M", summary="<p>x</p>", attachment=[field], tag=[emoji])
    note_id = f"{mallory.base_url}/notes/1"
    follow = mallory.activity("Follow", 3, object=alice)
    return [
        *(mallory.create(1, object=one, cc=[alice]) for one in (note, question, article)),
        *(mallory.activity("Update", 2, object=one, to=[PUBLIC]) for one in (note, person)),
        mallory.activity("Delete", 4, object={"type": "Tombstone", "id": note_id}),
        follow,
        mallory.activity("Undo", 5, object=follow),
        mallory.activity("Like", 6, object=note_id),
        mallory.activity("Announce", 7, object=note_id, to=[PUBLIC]),
        mallory.activity("Accept", 8, object=follow),
        mallory.activity("Block", 9, object=alice),
    ]


@st.composite
def spoilt(draw: st.DrawFn, sources: list[Json], bases: tuple[str, ...]) -> Json:
    """Give one of `sources` with up to four of its values replaced, removed, added or wrapped."""
    document = deepcopy(draw(st.sampled_from(sources)))
    for _ in range(draw(st.integers(0, 4))):
        parents = list(_containers(document))
        parent = draw(st.sampled_from(parents))
        keys = list(parent) if isinstance(parent, dict) else list(range(len(parent)))
        how = draw(st.sampled_from(["replace", "remove", "add", "wrap"])) if keys else "add"
        if how == "add":
            _add(parent, draw(KEYS), draw(junk(bases)))
            continue
        key = draw(st.sampled_from(keys))
        if how == "replace":
            parent[key] = draw(junk(bases))
        elif how == "wrap":
            parent[key] = [parent[key], parent[key]]
        else:
            del parent[key]
    return document


def _add(parent: Any, key: str, value: Any) -> None:
    if isinstance(parent, dict):
        parent[key] = value
    else:
        parent.append(value)


def _containers(value: Any) -> Any:
    if isinstance(value, dict | list):
        yield value
        for member in value.values() if isinstance(value, dict) else value:
            yield from _containers(member)


def as_bytes(document: Any) -> bytes:
    """Write JSON as a careless peer does: any number, lone surrogates escaped."""
    return json.dumps(document).encode()


def run(strategy: st.SearchStrategy[Any], check: Callable[[Any], None], examples: int) -> None:
    """Check `examples` made-up values; under `make fuzz` always new ones until time is up."""
    seconds = os.environ.get(SECONDS_VARIABLE)
    if seconds is None:
        _run_round(strategy, check, examples, number=0)
        return
    until, number = time.monotonic() + float(seconds), time.time_ns()
    while time.monotonic() < until:
        number += 1
        _run_round(strategy, check, _ROUND, number=number)


def _run_round(
    strategy: st.SearchStrategy[Any], check: Callable[[Any], None], examples: int, *, number: int
) -> None:
    # What fails is printed with its shrunk example; the number gives the same round again.
    limits = settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        print_blob=True,
    )
    seed(number)(limits(given(strategy)(check)))()
