"""host-meta: what we serve, and finding a peer's template without an XML parser."""

from xml.etree.ElementTree import fromstring

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activitypub.hostmeta import host_meta_json, host_meta_xml, parse_host_meta_template

BASE = "https://local.example"
TEMPLATE = "https://local.example/.well-known/webfinger?resource={uri}"
NAMESPACE = "{http://docs.oasis-open.org/ns/xri/xrd-1.0}"


def test_xml_is_an_xrd_with_the_template() -> None:
    root = fromstring(host_meta_xml(BASE))
    assert root.tag == NAMESPACE + "XRD"
    link = root.find(NAMESPACE + "Link")
    assert link is not None
    assert link.attrib == {"rel": "lrdd", "template": TEMPLATE}


def test_xml_is_escaped() -> None:
    root = fromstring(host_meta_xml('https://a.example/"<&>'))
    link = root.find(NAMESPACE + "Link")
    assert link is not None
    assert link.attrib["template"].startswith('https://a.example/"<&>/')


def test_json_has_the_same_link() -> None:
    assert host_meta_json(BASE) == {"links": [{"rel": "lrdd", "template": TEMPLATE}]}


def test_own_document_reads_back() -> None:
    assert parse_host_meta_template(host_meta_xml(BASE)) == TEMPLATE


@pytest.mark.parametrize(
    ("text", "template"),
    [
        (
            '<Link template="https://a.example/wf?u={uri}" type="application/xrd+xml" rel="lrdd"/>',
            "https://a.example/wf?u={uri}",
        ),
        (
            "<xrd:Link rel = 'lrdd'\n template = 'https://a.example/?a=1&amp;u={uri}'></xrd:Link>",
            "https://a.example/?a=1&u={uri}",
        ),
        (
            '<Link rel="other" template="https://b.example/{uri}"/>'
            '<Link rel="lrdd" template="https://a.example/{uri}"/>',
            "https://a.example/{uri}",
        ),
    ],
)
def test_template_is_found(text: str, template: str) -> None:
    assert parse_host_meta_template(f"<?xml version='1.0'?><XRD>{text}</XRD>") == template


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "<XRD/>",
        '<Link rel="lrdd"/>',
        '<Link template="https://a.example/{uri}"/>',
        '<Link rel="lrdd" template="https://a.example/"/>',
        '<Link rel="lrdd" template="/{uri}"/>',
        '<Link rel="lrdd" template="ftp://a.example/{uri}"/>',
        '<Link rel="lrdd" template="https://u@a.example/{uri}"/>',
        '<Link rel="lrdd" template="https://a.example/{uri}',
        '<!DOCTYPE x [<!ENTITY e "https://a.example/{uri}">]><Link rel="lrdd" template="&e;"/>',
        '<Link rel="x"/>' * 100 + '<Link rel="lrdd" template="https://a.example/{uri}"/>',
        '<Link rel="lrdd" template="https://a.example/{uri}"/>' + " " * 70_000,
        f'<Link rel="lrdd" template="https://a.example/{"x" * 3000}{{uri}}"/>',
        "<Link " * 10_000,
    ],
)
def test_no_template_in_anything_else(text: str) -> None:
    assert parse_host_meta_template(text) is None


@settings(deadline=None)
@given(st.text(alphabet="<>Link reltmp=\"'&;{u}:/.", max_size=300))
def test_garbage_never_raises(text: str) -> None:
    found = parse_host_meta_template(text)
    assert found is None or "{uri}" in found
