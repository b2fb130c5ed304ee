"""What the service says of itself."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest

from hven.jobs.administration import drain
from hven.jobs.applications import application
from vo_client import HOST, Vo

pytestmark = pytest.mark.django_db
VOSI = "{http://www.ivoa.net/xml/VOSIAvailability/v1.0}"
VOTABLE = "{http://www.ivoa.net/xml/VOTable/v1.3}"


def capabilities(vo: Vo, path: str) -> dict[str, list[str]]:
    """Addresses by what the standard calls a capability."""
    found: dict[str, list[str]] = {}
    for each in vo.document(path):
        address = each.findtext("interface/accessURL") or ""
        found.setdefault(each.get("standardID", ""), []).append(address.removeprefix(HOST))
    return found


def test_capabilities_say_where_what_is(nobody: Vo) -> None:
    standard = "ivo://ivoa.net/std/"
    assert capabilities(nobody, "/vo/weigh/capabilities") == {
        f"{standard}VOSI#capabilities": ["/vo/weigh/capabilities"],
        f"{standard}VOSI#availability": ["/vo/weigh/availability"],
        f"{standard}UWS#rest-1.1": ["/vo/weigh/async"],
        "": ["/vo/weigh/sync"],
    }
    everything = capabilities(nobody, "/vo/capabilities")
    assert everything[f"{standard}VOSI#availability"] == ["/vo/availability"]
    assert everything[f"{standard}DataLink#links-1.1"] == ["/vo/links"]
    assert {"/vo/jobs", "/vo/weigh/async"} < set(everything[f"{standard}UWS#rest-1.1"])


def test_capabilities_say_how_one_says_who_one_is(nobody: Vo) -> None:
    for each in nobody.document("/vo/weigh/capabilities"):
        public = "VOSI" in each.get("standardID", "")
        methods = [method.get("standardID") for method in each.iter("securityMethod")]
        assert methods == ([] if public else ["ivo://ivoa.net/sso#BasicAA"])


def test_availability_says_whether_jobs_are_taken(nobody: Vo) -> None:
    for path in ("/vo/availability", "/vo/weigh/availability"):
        document = nobody.document(path)
        assert document.findtext(f"{VOSI}available") == "true"
        assert (document.findtext(f"{VOSI}upSince") or "").endswith("Z")
    drain("moved to another room")
    document = nobody.document("/vo/availability")
    assert document.findtext(f"{VOSI}available") == "false"
    assert document.findtext(f"{VOSI}note") == "moved to another room"


@pytest.mark.parametrize("what", ["capabilities", "availability", "parameters", "async", "sync"])
def test_of_an_application_that_there_is_not_nothing_is_said(alice: Vo, what: str) -> None:
    assert alice("GET", f"/vo/spam/{what}").status_code == 404


def test_every_parameter_is_described_for_programs(nobody: Vo) -> None:
    answer = nobody.get("/vo/weigh/parameters")
    assert answer["Content-Type"] == "application/x-votable+xml"
    resources = ElementTree.fromstring(answer.content).findall(f"{VOTABLE}RESOURCE")
    assert [each.get("utype") for each in resources] == ["adhoc:service"] * 2
    for resource, place in zip(resources, ("sync", "async"), strict=True):
        facts = {
            each.get("name"): each.get("value") for each in resource.findall(f"{VOTABLE}PARAM")
        }
        assert facts["accessURL"] == f"{HOST}/vo/weigh/{place}"
        found = {each.get("name"): each for each in resource.iter(f"{VOTABLE}PARAM")}
        for field in application("weigh").fields:
            one = found[field.name]
            told = one.findtext(f"{VOTABLE}DESCRIPTION") or ""
            assert told.startswith(field.help)
            assert one.get("unit") == field.unit
            options = [each.get("value") for each in one.iter(f"{VOTABLE}OPTION")]
            assert tuple(options) == field.choices
        assert found["repeat"].get("value") == "1"
        limits: Any = found["repeat"].find(f"{VOTABLE}VALUES")
        assert [(each.tag[-3:], each.get("value")) for each in limits] == [
            ("MIN", "1"),
            ("MAX", "10000"),
        ]
