"""Interaction policies, consents and requests for them: read and written."""

from typing import Any

import pytest

from activitypub import trust
from activitypub.addressing import PUBLIC
from activitypub.build import authorization_document, to_document
from activitypub.confusion import refuse_confusing
from activitypub.errors import DocumentError
from activitypub.jsonld import compact
from activitypub.model import Activity, Authorization, InteractionPolicy, Object, Permission
from activitypub.parse import parse_activity, parse_authorization, parse_object

AUTHOR = "https://a.example/users/alice"
OTHER = "https://b.example/users/bob"
NOTE = "https://a.example/notes/1"
QUOTE = "https://b.example/notes/2"
AUTHORIZATION = Authorization(
    id="https://a.example/stamps/1",
    type="QuoteAuthorization",
    attributed_to=AUTHOR,
    interacting_object=QUOTE,
    interaction_target=NOTE,
)


def read(**properties: Any) -> Object:
    return parse_object({"id": NOTE, "type": "Note", **properties})


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, None),
        ("public", None),
        ({}, None),
        ({"canQuote": {}}, None),
        ({"canQuote": {"automaticApproval": "as:Public"}}, Permission((PUBLIC,))),
        (
            {"canQuote": {"always": [AUTHOR], "approvalRequired": PUBLIC}},
            Permission((AUTHOR,), (PUBLIC,)),
        ),
        (
            {"canQuote": {"automaticApproval": [AUTHOR], "always": [PUBLIC]}},
            Permission((AUTHOR,)),
        ),
        ({"canQuote": {"manualApproval": [3, None, {"id": AUTHOR}]}}, Permission((), (AUTHOR,))),
    ],
)
def test_policies_in_every_shape(given: Any, expected: Permission | None) -> None:
    policy = read(interactionPolicy=given).interaction_policy
    assert (policy.can_quote if policy else None) == expected


def test_a_list_of_a_policy_is_bounded() -> None:
    many = [f"https://a.example/users/{number}" for number in range(1_000)]
    policy = read(interactionPolicy={"canReply": {"always": many}}).interaction_policy
    assert policy is not None
    assert policy.can_reply is not None
    assert len(policy.can_reply.automatic) == 200


def test_a_policy_is_written_under_both_names() -> None:
    policy = InteractionPolicy(can_quote=Permission((PUBLIC,), (OTHER,)))
    note = Object(id=NOTE, type="Note", interaction_policy=policy)
    document = to_document(note)
    assert document["interactionPolicy"]["canQuote"] == {
        "automaticApproval": [PUBLIC],
        "always": [PUBLIC],
        "manualApproval": [OTHER],
        "approvalRequired": [OTHER],
    }
    assert parse_object(document) == note
    assert parse_object(compact(document)).interaction_policy == policy


def test_a_quote_is_written_in_every_spelling_and_read_by_the_first() -> None:
    note = Object(id=NOTE, type="Note", quote=QUOTE, quote_authorization=AUTHORIZATION.id)
    document = to_document(note)
    assert document["quote"] == document["quoteUri"] == document["_misskey_quote"] == QUOTE
    assert [tag["type"] for tag in document["tag"]] == ["Link"]
    assert parse_object(document) == note
    assert parse_object(compact(document)).quote_authorization == AUTHORIZATION.id


def test_the_link_that_says_it_is_a_quote_counts_before_others() -> None:
    plain = {"type": "Link", "href": NOTE, "mediaType": "application/activity+json"}
    rel = ["https://misskey-hub.net/ns#_misskey_quote"]
    quoting = {"type": "Link", "href": QUOTE, "rel": rel}
    assert read(tag=[plain, quoting]).quote == QUOTE
    assert read(tag=[plain]).quote == NOTE
    assert read(tag=[plain, quoting]).legacy_quote
    assert not read(quote=QUOTE, tag=[plain]).legacy_quote
    assert read(tag=[{"type": "Link", "href": NOTE, "mediaType": "text/html"}]).quote is None


def test_a_deleted_quote_is_told_from_none() -> None:
    assert read(quote={"type": "Tombstone"}).quote_deleted
    assert not read(quote=None).quote_deleted
    document = to_document(Object(id=NOTE, type="Note", quote_deleted=True))
    assert document["quote"] == {"type": "Tombstone"}
    assert parse_object(document).quote_deleted


def test_an_authorization_there_and_back() -> None:
    document = authorization_document(AUTHORIZATION)
    refuse_confusing(document)
    assert parse_authorization(document) == AUTHORIZATION
    assert parse_authorization(compact(document)) == AUTHORIZATION


@pytest.mark.parametrize(
    "missing", ["id", "type", "attributedTo", "interactingObject", "interactionTarget"]
)
def test_an_authorization_lacks_nothing(missing: str) -> None:
    document = authorization_document(AUTHORIZATION)
    del document[missing]
    with pytest.raises(DocumentError):
        parse_authorization(document)


def request(**changes: Any) -> dict[str, Any]:
    note = Object(id=QUOTE, type="Note", attributed_to=(OTHER,), quote=NOTE)
    activity = Activity(
        id="https://b.example/activities/1",
        type="QuoteRequest",
        actor=OTHER,
        object=NOTE,
        instrument=QUOTE,
        enclosed=note,
    )
    return to_document(activity) | changes


def test_a_request_holds_the_quote() -> None:
    document = request()
    refuse_confusing(document)
    for written in (document, compact(document)):
        read_back = parse_activity(written)
        verified = trust.authenticate(read_back, OTHER).activity
        assert (verified.type, verified.instrument) == ("QuoteRequest", QUOTE)
        assert isinstance(verified.enclosed, Object)
        assert verified.enclosed.quote == NOTE


@pytest.mark.parametrize(
    "instrument",
    [
        {"id": QUOTE, "type": "Note", "attributedTo": "https://b.example/users/victor"},
        {"id": "https://c.example/1", "type": "Note", "attributedTo": OTHER},
        {"id": QUOTE, "type": "Note"},
        {"id": QUOTE, "type": "Like", "actor": "https://b.example/users/victor", "object": NOTE},
    ],
)
def test_what_the_signer_did_not_write_is_not_believed(instrument: dict[str, Any]) -> None:
    activity = parse_activity(request(instrument=instrument))
    verified = trust.authenticate(activity, OTHER).activity
    assert verified.enclosed is None
    assert verified.instrument == instrument["id"]
