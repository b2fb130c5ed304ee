"""The settings: their documentation, their checks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hven.errors import ParameterError
from hven.server import settings_source

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.parametrize("field", settings_source.fields(), ids=lambda field: field.name)
def test_every_setting_is_documented_with_its_default(field: settings_source.Field) -> None:
    text = (ROOT / "docs" / "service.md").read_text()
    rows = re.findall(rf"^\| `{field.name}` \| (.*?) \| (.*?) \|$", text, re.MULTILINE)
    assert len(rows) == 1
    meaning, default = rows[0]
    assert meaning.startswith(field.help)
    assert default


def test_what_looks_like_a_setting_and_is_none_is_found() -> None:
    assert settings_source.unknown(
        {"HVEN_PROT": "1", "HVEN_PORT": "1", "HVEN_TEST_MARKS": "x", "HOME": "/"}
    ) == ["HVEN_PROT"]


@pytest.mark.parametrize(
    ("variable", "text", "words"),
    [
        ("HVEN_MAIL_SERVER", "mail.example.org", "must be an address smtp://... or smtps://..."),
        ("HVEN_MAIL_FROM", "nobody", "must be a mail address, got 'nobody'"),
        ("HVEN_RETENTION_DAYS", "400", "must be at most longest_retention_days, 365 d, got 400 d"),
        ("HVEN_NODE", "a b", "must be a name without blanks and slashes"),
        ("HVEN_URL", "ftp://example.org", "must be an address http://... or https://..."),
        ("HVEN_URL", "https://example.org:x", "must be an address"),
        ("HVEN_EXECUTOR", "local:8", "must be local, inline, dask or dask:ADDRESS"),
        ("HVEN_FETCH_FROM", "a.org, private:*", "must name a host or *.DOMAIN behind private:"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(variable: str, text: str, words: str) -> None:
    with pytest.raises(ParameterError) as caught:
        settings_source.read({variable: text, "HVEN_DATA": "/nonexistent"})
    assert [fault.name for fault in caught.value.faults] == [variable]
    assert words in caught.value.faults[0].text


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    (tmp_path / "hven.toml").write_text('port = 1\nhost = "0.0.0.0"\n')
    found = settings_source.read({"HVEN_DATA": str(tmp_path), "HVEN_PORT": "2"})
    assert (found.port, found.host) == (2, "0.0.0.0")
