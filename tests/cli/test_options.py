import pytest

from hven.cli.options import HERE, application_parser, positionals, read_command, spelled
from hven.declare import registry
from hven.errors import ParameterError

APPLICATIONS = registry.applications()


def toy():
    return registry.find("weigh")


def given(*words):
    return read_command(toy(), words, HERE).given


def told(*words):
    return [str(fault) for fault in read_command(toy(), words, HERE).faults]


def test_only_what_is_typed_is_given():
    assert given() == {}
    assert given("a", "b", "--repeat", "3") == {"files": ["a", "b"], "repeat": "3"}


def test_files_may_stand_before_between_and_after_options():
    assert given("a", "--repeat", "3", "b", "-o", "folder", "c")["files"] == ["a", "b", "c"]


def test_a_list_takes_several_words_and_may_be_repeated():
    assert given("a", "--masks", "b", "c", "--masks", "d")["masks"] == ["b", "c", "d"]


@pytest.mark.parametrize("value", ["-1", "-.5", "-1e-5", "-0.5 deg", "-13d49m"])
def test_a_value_may_be_negative(value):
    assert given("a", "--offset", value)["offset"] == value
    assert given("a", f"--offset={value}")["offset"] == value


def test_a_position_with_a_minus_is_one_value():
    assert given("a", "--center", "-10 -20")["center"] == "-10 -20"
    assert given("a", "--center", "18h18m -13d49m")["center"] == "18h18m -13d49m"


def test_yes_and_no_have_an_option_each():
    assert given("--patient") == {"patient": True}
    assert given("--no-patient") == {"patient": False}


def test_all_unknown_options_are_told_with_close_ones():
    assert told("a", "--repaet", "3", "--colour=red", "--trouble", "none") == [
        "--repaet: is not an option of hven weigh; did you mean --repeat?",
        "--colour: is not an option of hven weigh; see hven weigh --help",
    ]
    assert told("--no_patient", "--masks", "x") == [
        "--no_patient: is not an option of hven weigh; did you mean --patient?"
    ]


def test_options_are_not_abbreviated():
    assert told("--rep", "3") == ["--rep: is not an option of hven weigh; did you mean --repeat?"]


def test_an_option_without_its_value_is_told():
    with pytest.raises(ParameterError, match="--pause: must be followed by a value, got nothing"):
        read_command(toy(), ["a", "--pause"], HERE)


def test_faults_are_spelled_as_the_user_types():
    assert spelled(toy(), "repeat") == "--repeat"
    assert spelled(toy(), "files") == "FILES"
    assert spelled(toy(), "output") == "--output"
    assert spelled(toy(), "m17.fits") == "m17.fits"


@pytest.mark.parametrize("name", APPLICATIONS)
def test_help_mentions_every_parameter_its_unit_and_default(name):
    application = APPLICATIONS[name]
    text = " ".join(application_parser(application, HERE).format_help().split())
    for field in application.fields:
        if field in positionals(application):
            assert field.name.upper() in text
        else:
            assert f"--{field.option}" in text
        # A line may be broken after a hyphen, so spaces are left out of the comparison.
        squeezed = text.replace(" ", "")
        assert field.help.replace(" ", "") in squeezed
        assert field.bounds.replace(" ", "") in squeezed
        assert field.unit is None or field.unit in text
        if not field.required and field.default not in (None, []):
            assert f"default {field.to_text(field.default)}".replace(" ", "") in squeezed


def test_help_has_groups_and_shows_advanced_parameters_last():
    text = application_parser(toy(), HERE).format_help()
    headings = [line for line in text.splitlines() if line.endswith(":") and line[0] != " "]
    assert headings == ["Inputs:", "Parameters:", "Sky:", "Advanced:", "Running:", "Please cite:"]
