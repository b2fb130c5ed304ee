"""Uploads over HTTP: in one request, and as clients of tus send them."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from api_client import Api, content, faults
from hven.api import schemas
from hven.jobs.clock import now
from hven.jobs.models import Upload, User
from hven.web import tokens
from hven.web.scopes import Scope

pytestmark = pytest.mark.django_db
STARS = b"stars" * 1000
DIGEST = hashlib.sha256(STARS).hexdigest()
OFFSET = "application/offset+octet-stream"
TUS = {"Tus_Resumable": "1.0.0"}


def metadata(**values: str) -> str:
    return ",".join(
        f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in values.items()
    )


def begin(api: Api, size: int = len(STARS), **values: str) -> str:
    """Announce a file; gives its path."""
    named = metadata(**{"filename": "M 31.fits", **values})
    answer = api("POST", "/uploads", Upload_Length=str(size), Upload_Metadata=named, **TUS)
    assert answer.status_code == 201, answer.content
    assert answer["Tus-Resumable"] == "1.0.0"
    return str(answer["Location"].partition("/api/v1")[2])


def send(api: Api, path: str, offset: int, body: bytes, **headers: str) -> Any:
    named = {"Content_Type": OFFSET, "Upload_Offset": str(offset), **TUS, **headers}
    return api("PATCH", path, body=body, **named)


def test_a_file_is_sent_in_one_request_and_used(alice: Api) -> None:
    answer = alice("PUT", f"/uploads?name=M%2031.fits&sha256={DIGEST}", body=STARS)
    assert answer.status_code == 201
    upload = answer.json()
    assert answer["Location"] == upload["url"]
    assert (upload["name"], upload["bytes"], upload["sha256"]) == ("M 31.fits", 5000, DIGEST)
    assert upload["complete"]
    schemas.UploadDocument.model_validate(upload)
    job = alice.make("copy", parameters={"files": [upload["reference"]]})
    assert job["parameters"]["files"] == [f"upload:{upload['id']}"]


def test_a_file_comes_back_as_it_was_sent(alice: Api) -> None:
    upload = alice("PUT", "/uploads?name=M%2031%20β.fits", body=STARS).json()
    answer = alice("GET", f"/uploads/{upload['id']}/content")
    assert content(answer) == STARS
    assert "filename*=utf-8''M%2031%20%CE%B2.fits" in answer["Content-Disposition"]
    part = alice("GET", f"/uploads/{upload['id']}/content", Range="bytes=0-4")
    assert content(part) == b"stars"
    assert alice("HEAD", f"/uploads/{upload['id']}/content")["Content-Length"] == "5000"


def test_what_is_wrong_with_an_upload_is_told(alice: Api) -> None:
    assert "name" in faults(alice("PUT", "/uploads", body=STARS))
    assert set(faults(alice("PUT", "/uploads?name=&sha256=x", body=STARS))) == {"name", "sha256"}
    wrong = faults(alice("PUT", f"/uploads?name=a&sha256={'0' * 64}", body=STARS))
    assert DIGEST in wrong["sha256"]
    assert not Upload.objects.exists()


def test_limits_have_their_own_answers(alice: Api, settings: Any) -> None:
    first = settings.HVEN
    settings.HVEN = replace(first, upload_bytes=10)
    assert alice("PUT", "/uploads?name=a", body=STARS).status_code == 413
    assert alice("POST", "/uploads", Upload_Length="11").status_code == 413
    settings.HVEN = replace(first, user_bytes=10)
    assert alice("PUT", "/uploads?name=a", body=STARS).status_code == 403
    settings.HVEN = replace(first, disk_reserve=2**62)
    answer = alice("PUT", "/uploads?name=a", body=STARS)
    assert (answer.status_code, answer["Retry-After"]) == (503, "60")


# -- tus ------------------------------------------------------------------------------------------


def test_a_client_learns_what_the_service_can_do(nobody: Api) -> None:
    answer = nobody("OPTIONS", "/uploads")
    assert (answer.status_code, answer["Tus-Version"]) == (204, "1.0.0")
    assert answer["Tus-Extension"] == (
        "creation,creation-with-upload,checksum,expiration,termination"
    )
    assert int(answer["Tus-Max-Size"]) == 64 * 2**30


def test_a_file_is_sent_in_parts(alice: Api) -> None:
    path = begin(alice, sha256=DIGEST)
    for start in range(0, len(STARS), 2000):
        head = alice("HEAD", path)
        assert (head["Upload-Offset"], head["Upload-Length"]) == (str(start), "5000")
        assert head["Cache-Control"] == "no-store"
        answer = send(alice, path, start, STARS[start : start + 2000])
        assert answer.status_code == 204
        assert answer["Upload-Offset"] == str(min(start + 2000, 5000))
    found = alice.get(path)
    assert (found["complete"], found["sha256"], found["name"]) == (True, DIGEST, "M 31.fits")


def test_parts_must_follow_each_other(alice: Api) -> None:
    path = begin(alice)
    send(alice, path, 0, STARS[:1000])
    for offset in (0, 2000):
        answer = send(alice, path, offset, STARS[offset:])
        assert answer.status_code == 409
        assert "must be 1000" in answer.json()["detail"]
    assert alice("HEAD", path)["Upload-Offset"] == "1000"


def test_a_promise_that_is_not_kept_costs_the_upload(alice: Api) -> None:
    path = begin(alice, sha256="0" * 64)
    assert "sha256" in faults(send(alice, path, 0, STARS))
    assert alice("HEAD", path).status_code == 404


def test_requests_that_are_no_tus_are_refused(alice: Api) -> None:
    path = begin(alice)
    assert send(alice, path, 0, STARS, Content_Type="text/plain").status_code == 415
    for number in ("", "-1", "x", "1" * 30, "²"):
        assert "Upload-Offset" in faults(send(alice, path, 0, STARS, Upload_Offset=number))
        assert "Upload-Length" in faults(alice("POST", "/uploads", Upload_Length=number))
    for said in ("filename !", "filename /w=="):
        wrong = alice("POST", "/uploads", Upload_Length="5", Upload_Metadata=said)
        assert "Upload-Metadata" in faults(wrong)
    assert send(alice, path, 0, STARS, Tus_Resumable="0.2.2")["Tus-Version"] == "1.0.0"
    assert send(alice, path, 0, STARS, Tus_Resumable="0.2.2").status_code == 412


def checksum(content: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm} {base64.b64encode(hashlib.new(algorithm, content).digest()).decode()}"


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_a_part_is_kept_only_if_it_is_what_was_announced(alice: Api, algorithm: str) -> None:
    path = begin(alice, sha256=DIGEST)
    assert send(alice, path, 0, STARS[:2000]).status_code == 204
    announced = checksum(STARS[2000:], algorithm)
    bent = STARS[2000:-1] + b"?"
    answer = send(alice, path, 2000, bent, Upload_Checksum=announced)
    assert (answer.status_code, answer.json()["code"]) == (460, "checksum")
    assert alice("HEAD", path)["Upload-Offset"] == "2000"
    assert send(alice, path, 2000, STARS[2000:], Upload_Checksum=announced).status_code == 204
    assert alice.get(path)["sha256"] == DIGEST


@pytest.mark.parametrize("shown", ["", "sha1", "sha1 spam", "sha1 AAAA", "crc32 AAAA", "md5 !"])
def test_a_checksum_that_is_none_is_refused(alice: Api, shown: str) -> None:
    path = begin(alice)
    assert "Upload-Checksum" in faults(send(alice, path, 0, STARS, Upload_Checksum=shown))
    assert alice("HEAD", path)["Upload-Offset"] == "0"


def test_the_first_bytes_come_with_the_announcement(alice: Api) -> None:
    more = {"Content_Type": "application/offset+octet-stream", "Upload_Length": "5000"}
    answer = alice("POST", "/uploads", body=STARS[:3000], **more)
    assert (answer.status_code, answer["Upload-Offset"]) == (201, "3000")
    path = answer["Location"].partition("/api/v1")[2]
    assert send(alice, path, 3000, STARS[3000:])["Upload-Offset"] == "5000"
    assert alice.get(path)["sha256"] == DIGEST
    more["Upload_Checksum"] = checksum(b"other")
    assert alice("POST", "/uploads", body=STARS, **more).status_code == 460
    del more["Upload_Checksum"]
    assert alice("POST", "/uploads", body=STARS * 2, **more).status_code == 413
    assert Upload.objects.count() == 1


def test_an_upload_says_when_it_expires(alice: Api) -> None:
    path = begin(alice)
    expires = parsedate_to_datetime(alice("HEAD", path)["Upload-Expires"])
    assert timedelta(hours=23) < expires - now() < timedelta(hours=25)
    # When it is complete it is kept as long as results are.
    done = parsedate_to_datetime(send(alice, path, 0, STARS)["Upload-Expires"])
    assert done - now() > timedelta(days=29)


def test_a_client_that_knows_only_post_says_what_it_means(alice: Api, user: User) -> None:
    path = begin(alice)
    more = {"Content_Type": "application/offset+octet-stream", "Upload_Offset": "0"}
    answer = alice("POST", path, body=STARS, X_HTTP_Method_Override="PATCH", **more)
    assert (answer.status_code, answer["Upload-Offset"]) == (204, "5000")
    secret = tokens.make(user, "sends", scopes=frozenset({Scope.SUBMIT})).secret
    meant = {"X_HTTP_Method_Override": "DELETE"}
    other = alice("POST", path, Authorization=f"Bearer {secret}", **meant)
    assert (other.status_code, other.json()["code"]) == (403, "scope")
    assert alice("POST", path, **meant).status_code == 204
    assert alice("HEAD", path).status_code == 404
    assert "X-HTTP-Method-Override" in faults(alice("POST", path))


def test_what_is_there_already_is_found_by_its_digest(alice: Api, charlie: Api) -> None:
    alice("PUT", "/uploads?name=other", body=b"other")
    begin(alice, sha256=DIGEST)  # Promised, and not there yet.
    mine = alice("PUT", "/uploads?name=a", body=STARS).json()
    found = alice.get(f"/uploads?sha256={DIGEST.upper()}")["uploads"]
    assert [upload["id"] for upload in found] == [mine["id"]]
    # Who has not sent it is not told that somebody else has.
    assert charlie.get(f"/uploads?sha256={DIGEST}")["uploads"] == []
    assert "sha256" in faults(alice("GET", "/uploads?sha256=spam"))
    assert "spam" in faults(alice("GET", "/uploads?spam=1"))


def test_an_empty_file_is_complete_at_once(alice: Api) -> None:
    assert alice.get(begin(alice, 0))["complete"]


def test_an_upload_whose_end_was_lost_is_complete_when_asked_for(alice: Api) -> None:
    path = begin(alice)
    send(alice, path, 0, STARS)
    Upload.objects.update(completed=None, sha256="")
    assert alice("HEAD", path)["Upload-Offset"] == "5000"
    assert alice.get(path)["sha256"] == DIGEST


def test_uploads_are_listed_and_removed(alice: Api, charlie: Api) -> None:
    paths = [begin(alice), begin(alice)]
    begin(charlie)
    found = alice.get("/uploads")["uploads"]
    assert [upload["url"].partition("/api/v1")[2] for upload in found] == paths[::-1]
    assert alice("DELETE", paths[0]).status_code == 204
    assert alice("DELETE", paths[0]).status_code == 404
    assert alice("GET", f"{paths[0]}/content").status_code == 404
    assert len(alice.get("/uploads")["uploads"]) == 1


def test_an_upload_in_use_is_not_removed(alice: Api) -> None:
    upload = alice("PUT", "/uploads?name=a", body=STARS).json()
    job = alice.make("copy", parameters={"files": [upload["reference"]]})
    answer = alice("DELETE", f"/uploads/{upload['id']}")
    assert answer.status_code == 409
    assert job["id"] in answer.json()["detail"]
