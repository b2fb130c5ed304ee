from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import pytest

from hven.declare import Output, Param, application
from hven.errors import DeclarationError, Fault, ParameterError

if TYPE_CHECKING:
    from hven.engine import Run


@dataclass(frozen=True)
class Sum:
    total: Annotated[int, Output("The sum")]
    table: Annotated[Path | None, Output("Its terms", media_type="text/csv")] = None


@dataclass
class Thawed:
    total: Annotated[int, Output("The sum")]


@dataclass(frozen=True)
class Unexplained:
    total: int


@dataclass(frozen=True)
class Reserved:
    folder: Annotated[Path, Output("A folder")]


def in_order(values):
    if values["low"] > values["high"]:
        yield Fault("low", f"must be at most high, got {values['low']} above {values['high']}")


@application("counting", title="Counting", version=3, references=["Euclid"], check=in_order)
def counting(
    run: "Run",
    low: Annotated[int, Param("Where to begin", low=0)],
    high: Annotated[int, Param("Where to end", low=0)] = 10,
    width: Annotated[float | None, Param("Size of a step", unit="arcsec", low=0)] = None,
    only: Annotated[list[int], Param("Numbers to count")] = [],  # noqa: B006
) -> Sum:
    """Counts.

    From low to high.
    """
    only.append(low)
    return Sum(low + high)


def test_a_declared_function_is_an_application():
    assert counting.name == "counting"
    assert counting.title == "Counting"
    assert counting.summary == "Counts"
    assert counting.help == "Counts.\n\nFrom low to high."
    assert counting.version == 3
    assert counting.references == ("Euclid",)
    assert [field.name for field in counting.fields] == ["low", "high", "width", "only"]
    assert [(output.name, output.media_type) for output in counting.outputs] == [
        ("total", None),
        ("table", "text/csv"),
    ]
    assert [output.is_file for output in counting.outputs] == [False, True]
    assert counting.field("high").default == 10
    assert counting.result is Sum
    with pytest.raises(KeyError):
        counting.field("middle")


def test_defaults_are_filled_in_and_texts_are_read():
    values = counting.parse({"low": "2", "width": "1 arcmin"})
    assert values == {"low": 2, "high": 10, "width": 60.0, "only": []}
    assert counting.parse(counting.to_json(values)) == values


def test_all_faults_of_a_request_are_told_at_once():
    with pytest.raises(ParameterError) as caught:
        counting.parse({"High": 3, "high": -1, "width": "nan", "only": ["x", 2], "colour": 1})
    assert str(caught.value).splitlines() == [
        "High: is not a parameter of counting; did you mean high?",
        "colour: is not a parameter of counting; its parameters are low, high, width, only",
        "low: must be given (Where to begin), got nothing",
        "high: must be at least 0, got -1",
        "width: must be a finite number in arcsec, got 'nan'",
        "only: value 1 of 2 must be a whole number, got 'x'",
    ]


def test_conditions_between_parameters_are_checked_when_each_is_right():
    with pytest.raises(ParameterError) as caught:
        counting.parse({"low": 20})
    assert str(caught.value) == "low: must be at most high, got 20 above 10"


def test_calling_an_application_checks_and_runs_its_body():
    assert counting(None, low="1").total == 11
    with pytest.raises(ParameterError):
        counting(None, low=-1)


def test_a_default_that_is_a_list_is_not_shared_between_calls():
    counting(None, low=1)
    assert counting.field("only").default == []
    assert counting.parse({"low": 1})["only"] == []


def declared(body, name="wrong"):
    with pytest.raises(DeclarationError) as caught:
        application(name, title="Wrong")(body)
    return str(caught.value)


def test_a_wrong_declaration_is_refused_with_all_its_faults():
    def body(
        run,
        bare,
        plain: int,
        shape: Annotated[dict, Param("x")],
        either: Annotated[int | str, Param("x")],
        word: Annotated[str, Param("x", unit="deg")],
        many: Annotated[int, Param("x", low=1)] = 0,
        real: Annotated[float, Param("x")] = 1,
        phase: Annotated[int, Param("x")] = 1,
        unknown: "Annotated[Nothing, Param('x')]" = 1,  # noqa: F821
    ) -> Sum: ...

    faults = declared(body)
    for part in (
        "bare: must be Annotated[type, Param(...)]",
        "plain: must be Annotated[type, Param(...)]",
        "shape: its type must be bool, int, float, str, pathlib.Path, SkyPosition",
        "either: its type must be",
        "word: only an int or a float can have a unit and bounds",
        "many: its default is refused: many: must be at least 1, got 0",
        "phase: must be another name, this one is reserved",
        "unknown: cannot read the annotation",
    ):
        assert part in faults
    assert "real" not in faults


def test_the_first_parameter_must_be_run():
    def body(images: Annotated[list[Path], Param("x")]) -> Sum: ...

    assert "must be `run`" in declared(body)


def test_names_that_differ_only_by_case_are_refused():
    def body(
        run,
        ra: Annotated[int, Param("x")] = 1,
        RA: Annotated[int, Param("x")] = 1,  # noqa: N803
    ) -> Sum: ...

    assert "differ by more than case" in declared(body)


@pytest.mark.parametrize("name", ["Mosaic", "two words", "1st", "", "a-b"])
def test_the_name_must_be_a_word_of_python_and_of_the_shell(name):
    with pytest.raises(DeclarationError, match="small letters"):
        application(name, title="Wrong")


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (None, "must return a frozen dataclass"),
        (int, "must return a frozen dataclass"),
        (Thawed, "Thawed: must be a frozen dataclass"),
        (Unexplained, "Unexplained.total: must be Annotated"),
        (Reserved, "Reserved.folder: must be another name"),
    ],
)
def test_the_result_must_be_a_frozen_dataclass_of_outputs(result, message):
    def body(run): ...

    body.__annotations__["return"] = result
    assert message in declared(body)


def test_a_literal_of_words_is_a_choice():
    def body(run, mode: Annotated[Literal["a", "b"], Param("x")] = "a") -> Sum: ...

    assert application("choosing", title="t")(body).field("mode").choices == ("a", "b")
