import textwrap

import pytest

from hven.declare import registry
from hven.errors import DeclarationError, ParameterError

MODULE = """
    from dataclasses import dataclass
    from typing import Annotated
    from hven.declare import Output, application

    @dataclass(frozen=True)
    class Nothing:
        count: Annotated[int, Output("A count")]

    @application("stars", title="Star counts")
    def stars(run) -> Nothing:
        '''Counts stars.'''

    number = 3
"""


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Install a package that has the given entry points."""

    def install(package, **entry_points):
        (tmp_path / f"{package}.py").write_text(textwrap.dedent(MODULE))
        about = tmp_path / f"{package}-1.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        lines = [f"{name} = {value}" for name, value in entry_points.items()]
        (about / "entry_points.txt").write_text("\n".join(["[hven.applications]", *lines]))

    monkeypatch.syspath_prepend(tmp_path)
    return install


def test_applications_of_other_packages_are_found(installed):
    installed("other_codes", stars="other_codes:stars")
    assert "stars" in registry.names()
    assert registry.find("stars").title == "Star counts"
    assert registry.applications()["stars"] is registry.find("stars")


def test_a_broken_package_is_reported_and_breaks_no_other(installed):
    installed("good_codes", stars="good_codes:stars")
    installed(
        "bad_codes",
        gone="bad_codes:absent",
        missing="bad_nothing:stars",
        wrong="bad_codes:number",
        misnamed="bad_codes:stars",
    )
    assert "stars" in registry.applications()
    reasons = {entry.name: entry.reason for entry in registry.broken()}
    assert "AttributeError" in reasons["gone"]
    assert "ModuleNotFoundError" in reasons["missing"]
    assert reasons["wrong"] == "bad_codes:number is no application but a int"
    assert "is named stars, its entry point misnamed" in reasons["misnamed"]
    with pytest.raises(DeclarationError, match="gone: cannot be used, bad_codes is broken"):
        registry.find("gone")


def test_an_unknown_name_is_answered_with_close_ones(installed):
    installed("other_codes", stars="other_codes:stars")
    with pytest.raises(ParameterError) as caught:
        registry.find("starz")
    assert "got 'starz'; did you mean stars?" in str(caught.value)


def test_the_first_of_two_packages_with_one_name_is_taken(installed):
    installed("a_codes", stars="a_codes:stars")
    installed("b_codes", stars="b_codes:stars")
    assert registry.names().count("stars") == 1
    assert len([name for name in registry.applications() if name == "stars"]) == 1
