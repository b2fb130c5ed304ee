"""The form that runs an application: made from its declaration, sent, refused, filled again."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from hven.declare import registry
from hven.jobs.models import Job, Lane, Upload, User
from hven.jobs.phases import Phase
from hven.portal.models import Preset
from hven.web.models import Preferences
from input_files import make_dataset, make_upload
from job_rows import make_job, make_result

_RUN = "/applications/{}/run/"


def send(client: Client, name: str, **given: Any) -> Any:
    return client.post(
        _RUN.format(name), {key.replace("job_", "job."): v for key, v in given.items()}
    )


@pytest.mark.parametrize(
    "name", ["echo", "tiles", "copy", "listed", "trouble", "stubborn", "weigh"]
)
def test_every_application_has_a_form_with_all_its_parameters(alice: Client, name: str) -> None:
    page = alice.get(_RUN.format(name))
    assert page.status_code == 200
    for field in registry.find(name).fields:
        assert f'name="{field.name}"' in page.content.decode()


def test_a_form_sent_makes_one_job_and_leads_to_it(alice: Client, user: User) -> None:
    answer = send(alice, "echo", words="good evening", job_label="first", job_do="run")
    job = Job.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/jobs/{job.pk}/")
    assert (job.owner, job.label, job.phase) == (user, "first", Phase.QUEUED)
    assert job.parameters == {"words": "good evening"}


def test_what_is_left_empty_has_its_default(alice: Client) -> None:
    send(alice, "tiles", count="", seconds="2 min", seed="")
    assert Job.objects.get().parameters == {"count": 20, "seconds": 120.0, "seed": 0}


def test_a_text_may_be_empty(alice: Client) -> None:
    send(alice, "echo", words="")
    assert Job.objects.get().parameters == {"words": ""}


def test_every_fault_is_told_at_its_field_and_what_was_typed_stays(alice: Client) -> None:
    answer = send(alice, "tiles", count="-3", seconds="3 kg", seed="seven", job_days="soon")
    text = answer.content.decode()
    assert answer.status_code == 422
    assert Job.objects.count() == 0
    for name, told in [
        ("count", "must be at least 0 and at most 100000, got -3"),
        ("seconds", "must be a number in s, at least 0 s, got 3 kg"),
        ("seed", "must be a whole number, got &#x27;seven&#x27;"),
    ]:
        place = re.search(rf'id="p-{name}-fault".*?</div>', text, re.DOTALL)
        assert place is not None
        assert told.lower() in place[0].lower()
    assert 'value="3 kg"' in text
    assert "must be a number from 0 to 1e+06, got &#x27;soon&#x27;" in text


def test_conditions_between_parameters_are_told_as_well(alice: Client, user: User) -> None:
    upload = make_upload(user)
    answer = send(alice, "weigh", files=f"upload:{upload.pk}", repeat="101", patient="false")
    assert "Must be at most 100 without patient, got 101" in answer.content.decode()
    assert (
        send(
            alice, "weigh", files=f"upload:{upload.pk}", repeat="101", patient=["false", "true"]
        ).status_code
        == 302
    )


def test_files_that_come_with_the_form_become_uploads(alice: Client, user: User) -> None:
    files = [SimpleUploadedFile("a.txt", b"first"), SimpleUploadedFile("../b.txt", b"second")]
    answer = send(alice, "copy", files=files)
    assert answer.status_code == 302
    names = dict(Upload.objects.values_list("name", "received"))
    assert names == {"a.txt": 5, "b.txt": 6}
    assert len(Job.objects.get().parameters["files"]) == 2


def test_files_of_a_refused_form_stay_chosen(alice: Client) -> None:
    answer = send(alice, "weigh", files=[SimpleUploadedFile("a.txt", b"first")], repeat="0")
    assert answer.status_code == 422
    assert Job.objects.count() == 0
    assert f"upload:{Upload.objects.get().pk}" in answer.content.decode()
    assert "a.txt" in answer.content.decode()


def test_an_empty_choice_of_files_is_missing_and_no_upload(alice: Client) -> None:
    answer = send(alice, "copy", files="")
    assert "Must be given (Files that are put together), got nothing" in answer.content.decode()
    assert (Job.objects.count(), Upload.objects.count()) == (0, 0)


def test_references_of_others_are_refused(alice: Client, stranger: User) -> None:
    upload = make_upload(stranger, "secret-name.fits")
    answer = send(alice, "copy", files=f"upload:{upload.pk}")
    assert answer.status_code == 422
    assert "must be an upload of yours" in answer.content.decode()
    assert "secret-name" not in answer.content.decode()


def test_the_terms_of_the_job_are_taken(alice: Client) -> None:
    send(
        alice, "echo", job_lane="batch", job_mail_on="failure", job_days="3", job_minutes="1.5",
        job_start="draft", job_fresh="yes",
    )  # fmt: skip
    job = Job.objects.get()
    assert (job.lane, job.mail_on, job.mail_to) == (Lane.BATCH, "failure", "alice@example.org")
    assert (job.phase, job.fresh, job.execution_duration) == (Phase.PENDING, True, 90)
    assert 2.9 < (job.destruction - job.created).total_seconds() / 86400 < 3.1


def test_a_job_can_start_at_a_time(alice: Client) -> None:
    send(alice, "echo", job_start="later", job_not_before="2099-01-02T03:04", job_days="100")
    assert Job.objects.count() == 0  # Its files would be gone before.
    from django.utils import timezone

    soon = timezone.now() + timezone.timedelta(days=2)
    send(alice, "echo", job_start="later", job_not_before=soon.strftime("%Y-%m-%dT%H:%M"))
    found = Job.objects.get().not_before
    assert found is not None
    assert found.strftime("%Y-%m-%dT%H:%M") == soon.strftime("%Y-%m-%dT%H:%M")


def test_only_administrators_send_jobs_ahead(alice: Client, ada: Client) -> None:
    assert send(alice, "echo", job_lane="real-time").status_code == 422
    assert b"real-time" not in alice.get(_RUN.format("echo")).content
    assert send(ada, "echo", job_lane="real-time").status_code == 302


def test_the_same_form_sent_twice_makes_one_job(alice: Client) -> None:
    first = send(alice, "echo", words="a", job_key="k1")
    second = send(alice, "echo", words="a", job_key="k1")
    assert first["Location"] == second["Location"]
    changed = send(alice, "echo", words="b", job_key="k1")
    assert changed["Location"] != first["Location"]
    assert Job.objects.count() == 2


def test_check_only_makes_nothing(alice: Client) -> None:
    assert send(alice, "echo", job_do="check").status_code == 200
    assert Job.objects.count() == 0


def test_an_address_fills_the_form(alice: Client, user: User) -> None:
    upload = make_upload(user, "m31.fits")
    page = alice.get(_RUN.format("weigh") + f"?files=upload:{upload.pk}&repeat=7&offset=9&wrong=1")
    text = page.content.decode()
    assert "m31.fits" in text
    assert 'value="7"' in text
    assert "Must be at least -1 and at most 1, got 9" in text
    assert "is not a parameter of weigh" in text


def test_again_fills_the_form_with_what_differs_from_defaults(alice: Client, user: User) -> None:
    upload = make_upload(user, "m31.fits")
    send(alice, "weigh", files=f"upload:{upload.pk}", repeat="7", center="10h 20d", job_label="old")
    first = Job.objects.get()
    page = alice.get(f"/jobs/{first.pk}/again/", follow=True)
    text = page.content.decode()
    assert 'value="150.0 20.0"' in text
    assert 'value="7"' in text
    assert 'value="old"' in text
    assert f'name="job.rerun_of" value="{first.pk}"' in text
    send(alice, "weigh", files=f"upload:{upload.pk}", repeat="8", job_rerun_of=str(first.pk))
    assert Job.objects.exclude(pk=first.pk).get().rerun_of == first


def chosen_mail(text: str) -> str:
    """What the form says about mail."""
    part = text.split('id="t-mail_on"')[1].split("</select>")[0]
    return (re.findall(r'<option value="(\w*)" selected', part) or [""])[0]


def test_the_form_begins_with_mail_as_it_is_preferred(alice: Client, user: User) -> None:
    Preferences.objects.create(user=user, mail_on="failure")
    path = _RUN.format("echo")
    text = alice.get(path).content.decode()
    assert chosen_mail(text) == "failure"
    # It is no wish of this job's: that part of the form stays folded.
    assert '<details class="fold" open><summary>Start' not in text
    # A job is done again as it was, and a form as it was sent.
    job = make_job(user, application="echo", mail_on="end")
    assert chosen_mail(alice.get(f"{path}?job.again={job.pk}").content.decode()) == "end"
    sent = send(alice, "echo", words="a" * 100_000, job_mail_on="", job_days="x")
    assert sent.status_code == 422
    assert chosen_mail(sent.content.decode()) == ""
    # Without an address there is nowhere to send it.
    User.objects.filter(pk=user.pk).update(email="")
    assert chosen_mail(alice.get(path).content.decode()) == ""


def test_nobody_fills_a_form_with_a_strangers_job(charlie: Client, user: User) -> None:
    job = make_job(user, application="echo")
    assert charlie.get(f"/jobs/{job.pk}/again/").status_code == 404
    assert charlie.get(_RUN.format("echo") + f"?job.again={job.pk}").status_code == 404


def test_a_preset_is_kept_found_replaced_and_removed(alice: Client, user: User) -> None:
    answer = send(alice, "tiles", count="7", job_do="preset", job_preset_name="small")
    row = Preset.objects.get()
    assert answer["Location"].endswith(f"?job.preset={row.pk}")
    assert 'value="7"' in alice.get(answer["Location"]).content.decode()
    send(alice, "tiles", count="9", job_do="preset", job_preset_name="small")
    assert Preset.objects.get().parameters == {"count": "9"}
    alice.post(f"/applications/tiles/presets/{row.pk}/remove/")
    assert Preset.objects.count() == 0


@pytest.mark.parametrize("name", ["", "x" * 81, "two\nlines"])
def test_a_preset_needs_a_name(alice: Client, name: str) -> None:
    answer = send(alice, "tiles", count="7", job_do="preset", job_preset_name=name)
    assert answer.status_code == 422
    assert 'value="7"' in answer.content.decode()
    assert Preset.objects.count() == 0


def test_presets_are_private(alice: Client, charlie: Client, user: User) -> None:
    row = Preset.objects.create(owner=user, application="echo", name="mine")
    assert b"mine" not in charlie.get(_RUN.format("echo")).content
    assert charlie.get(_RUN.format("echo") + f"?job.preset={row.pk}").status_code == 404
    assert charlie.post(f"/applications/echo/presets/{row.pk}/remove/").status_code == 404
    assert alice.get(f"/applications/echo/presets/{row.pk}/remove/").status_code == 405
    assert Preset.objects.count() == 1


def test_the_check_says_what_the_form_shows(alice: Client, user: User) -> None:
    upload = make_upload(user, "m31.fits", b"stars")
    given = {"files": f"upload:{upload.pk}", "pause": "2 min", "center": "10h 20d", "repeat": "0"}
    found = alice.post("/applications/weigh/run/check/", given).json()
    assert found["readings"]["pause"] == "120 s"
    assert found["readings"]["center"] == "150.000000 +20.000000 deg (ICRS)"
    assert found["faults"]["repeat"] == ["must be at least 1 and at most 10000, got 0"]
    assert "m31.fits" in found["inputs"]["files"]
    assert "--pause=" in found["commands"]["cli"]
    assert Job.objects.count() == 0


def test_an_estimate_comes_from_jobs_before_scaled_by_size(alice: Client, user: User) -> None:
    from hven.jobs.clock import now

    small, large = make_upload(user, "a", b"x" * 100), make_upload(user, "b", b"x" * 1000)
    moment = now()
    from datetime import timedelta

    make_job(
        user, Phase.COMPLETED, application="copy", parameters={"files": [f"upload:{small.pk}"]},
        attempt=1, started=moment - timedelta(seconds=30), ended=moment, result_bytes=100,
    )  # fmt: skip
    page = alice.get(_RUN.format("copy") + f"?files=upload:{large.pk}").content.decode()
    assert "≈ 5 min 0 s" in page
    assert "From 1 job of this kind, scaled" in page
    assert "≈ 1000\xa0bytes" in page


@pytest.mark.parametrize("path", ["run/", "run/check/", "inputs/", "example/"])
def test_nobody_without_an_account_sees_the_form(nobody: Client, path: str) -> None:
    for answer in (
        nobody.get(f"/applications/echo/{path}"),
        nobody.post(f"/applications/echo/{path}"),
    ):
        assert answer.status_code == 302
        assert answer["Location"].startswith("/account/login/")


def test_a_form_without_its_token_is_refused(user: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    for path in ("run/", "run/check/", "presets/1/remove/", "example/"):
        assert client.post(f"/applications/echo/{path}", {"words": "a"}).status_code == 403
    assert Job.objects.count() == 0


def test_what_can_be_chosen_is_ones_own(
    alice: Client, charlie: Client, user: User, tmp_path: Any, configuration: Any
) -> None:
    make_upload(user, "m31.fits")
    make_upload(user, "m33.fits")
    make_dataset(tmp_path / "set")
    job = make_job(user, Phase.COMPLETED, label="night one")
    make_result(job, configuration.jobs_folder, "sum")
    path = "/applications/copy/inputs/?field=files&source="
    assert b"m31.fits" in alice.get(path + "uploads").content
    assert b"m31.fits" not in alice.get(path + "uploads&q=m33").content
    assert f"job:{job.pk}/sum".encode() in alice.get(path + "results&q=night").content
    assert b"dataset:m17/j/one.fits" in alice.get(path + "datasets&q=j/one").content
    assert b"dataset:m17/**" in alice.get(path + "datasets").content
    assert b"m31.fits" not in charlie.get(path + "uploads").content
    assert b"You have no results yet" in charlie.get(path + "results").content
    assert alice.get("/applications/copy/inputs/?field=files&source=other").status_code == 404
    assert alice.get("/applications/copy/inputs/?field=other").status_code == 404


def test_a_full_service_says_so_and_keeps_the_form(alice: Client) -> None:
    from hven.jobs.models import Switch
    from hven.jobs.queue import DRAIN

    Switch.objects.create(name=DRAIN, reason="new disks")
    answer = send(alice, "echo", words="kept words")
    assert answer.status_code == 503
    assert b"new disks" in answer.content
    assert b"kept words" in answer.content
