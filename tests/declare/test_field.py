import math
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pytest
from astropy import units
from astropy.coordinates import SkyCoord
from hypothesis import given
from hypothesis import strategies as some

from hven.declare import Field, Param, SkyPosition
from hven.declare.annotations import parameter_of
from hven.errors import ParameterError


class Colour(StrEnum):
    RED = "red"
    DARK_BLUE = "dark blue"


def field_of(annotation, param=None, name="p", **default):
    """The field that a parameter with this annotation declares."""
    import inspect

    parameter = inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        annotation=Annotated[annotation, param or Param("A thing")],
        **default,
    )
    return parameter_of(field_of, parameter)


SIGMA = field_of(float, Param("Threshold", unit="sigma", low=0.5), name="threshold")
SCALE = field_of(float | None, Param("Pixel size", unit="arcsec", low=0.001, high=3600))
WIDTH = field_of(float, Param("Width", unit="deg", low=0, low_open=True, high=360, high_open=True))
COUNT = field_of(int, Param("Count", low=1, high=10))


def refusal(field: Field, value: object) -> str:
    with pytest.raises(ParameterError) as caught:
        field.check(value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        (SCALE, "1", 1.0),
        (SCALE, " 1.5 ", 1.5),
        (SCALE, "1e-2", 0.01),
        (SCALE, "0.5 arcmin", 30.0),
        (SCALE, "0.5arcmin", 30.0),
        (SCALE, "500 mas", 0.5),
        (SCALE, '2"', 2.0),
        (SCALE, "2'", 120.0),
        (SCALE, "", None),
        (WIDTH, "30 arcmin", 0.5),
        (WIDTH, "1°", 1.0),
        (SIGMA, "3 sigma", 3.0),
        (COUNT, "7", 7),
        (COUNT, "+7", 7),
        (field_of(bool), "Yes", True),
        (field_of(bool), "off", False),
        (field_of(str), " kept as it is ", " kept as it is "),
        (field_of(Path), "a b.fits", Path("a b.fits")),
        (field_of(Literal["TAN", "SIN"]), "tan", "TAN"),
        (field_of(Literal["a", "A"]), "A", "A"),
        (field_of(Literal[1, 2]), "2", 2),
        (field_of(Colour), "dark blue", Colour.DARK_BLUE),
        (field_of(list[int]), "1, 2,3", [1, 2, 3]),
        (field_of(list[int]), "[1, 2]", [1, 2]),
        (field_of(list[Path]), "a, b.fits\nc.fits\n", [Path("a, b.fits"), Path("c.fits")]),
        (field_of(list[SkyPosition]), "1 2\n3 4", [SkyPosition(1, 2), SkyPosition(3, 4)]),
    ],
)
def test_a_text_becomes_a_value(field, text, value):
    parsed = field.parse(text)
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        (SIGMA, 0.1, "threshold: must be at least 0.5 sigma, got 0.1"),
        (SIGMA, "0.1", "threshold: must be at least 0.5 sigma, got 0.1"),
        (SCALE, "1 mas x", "p: must be a number in arcsec, at least 0.001 and at most 3600 arcsec"),
        (SCALE, "5 m", "at most 3600 arcsec, got 5 m"),
        (SCALE, "2 deg", "p: must be at least 0.001 and at most 3600 arcsec, got 2 deg"),
        (SCALE, "1 2 arcsec", "got 1 2 arcsec"),
        (SCALE, "1,5", "got 1,5"),
        (SCALE, "abc", "got 'abc'"),
        (SCALE, "1" + " " * 50 + "arcsec" * 50, "..."),
        (SCALE, 5 * units.m, "p: must be a number in arcsec"),
        (SCALE, [1, 2] * units.arcsec, "p: must be a number in arcsec"),
        (SCALE, True, "got True"),
        (SCALE, [1.0], "got [1.0]"),
        (WIDTH, 0, "p: must be above 0 and below 360 deg, got 0"),
        (WIDTH, 360, "p: must be above 0 and below 360 deg, got 360"),
        (WIDTH, "", "p: must be a number in deg, above 0 and below 360 deg, got ''"),
        (WIDTH, None, "got None"),
        (COUNT, "1.5", "p: must be a whole number, at least 1 and at most 10, got 1.5"),
        (COUNT, 1.5, "got 1.5"),
        (COUNT, "3 pix", "without a unit, got 3 pix"),
        (COUNT, "1_0", "got 1_0"),
        (COUNT, "٣", "got '٣'"),
        (COUNT, 10**400, "p: must be a finite whole number"),
        (COUNT, "9" * 5000, "p: must be a finite whole number"),
        (field_of(bool), "maybe", "p: must be true or false, got 'maybe'"),
        (field_of(bool), 1, "p: must be true or false, got 1"),
        (field_of(str), 3, "p: must be a text, got 3"),
        (field_of(str), "a\0b", "zero bytes, got 'a\\x00b'"),
        (field_of(Path), "  ", "p: must be the name of a file, got '  '"),
        (field_of(Path), 3, "p: must be the name of a file, got 3"),
        (
            field_of(Literal["none", "level", "plane"]),
            "plan",
            "p: must be one of none, level, plane, got 'plan'; did you mean plane?",
        ),
        (field_of(Literal["none", "plane"]), None, "got None"),
        (field_of(Literal[1, 2]), True, "p: must be one of 1, 2, got True"),
        (field_of(Colour), "blue", "p: must be one of red, dark blue"),
        (field_of(SkyPosition), "M17", "p: must be a position such as '274.7 -13.8' (degrees)"),
        (field_of(SkyPosition), (1, 91), "must have a declination of -90 to 90 degrees"),
        (field_of(SkyPosition), (math.nan, 1), "p: must be a finite number in deg"),
        (field_of(SkyPosition), (1, 2, 3), "p: must be a position"),
        (field_of(SkyPosition), {"ra_deg": 1}, "p: must be a position"),
        (field_of(list[int]), {"a": 1}, "p: must be a whole number, got {'a': 1}"),
        (field_of(list[Path]), [], "p: must have at least one value, got none"),
        (field_of(list[Path]), "\n", "p: must have at least one value, got none"),
    ],
)
def test_a_refusal_says_what_it_must_be_and_what_it_was(field, value, message):
    assert message in refusal(field, value)


@pytest.mark.parametrize("field", [SCALE, WIDTH, COUNT, SIGMA])
@pytest.mark.parametrize(
    "value", ["nan", "inf", "-Infinity", math.nan, math.inf, -math.inf, np.float32("nan"), "1e999"]
)
def test_nan_and_infinity_never_pass(field, value):
    assert "finite" in refusal(field, value)


def test_every_item_of_a_list_is_reported():
    faults = refusal(field_of(list[int], name="planes"), ["1", "x", 3, "y"]).splitlines()
    assert faults == [
        "planes: value 2 of 4 must be a whole number, got 'x'",
        "planes: value 4 of 4 must be a whole number, got 'y'",
    ]


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        (SCALE, 0.5 * units.arcmin, 30.0),
        (SCALE, np.float32(1.5), 1.5),
        (SCALE, np.array(2.0), 2.0),
        (SCALE, 2, 2.0),
        (COUNT, np.int16(3), 3),
        (COUNT, 3.0, 3),
        (field_of(float), 2 * units.dimensionless_unscaled, 2.0),
        (field_of(bool), np.True_, True),
        (field_of(list[Path]), Path("one.fits"), [Path("one.fits")]),
        (field_of(list[Path]), "one.fits", [Path("one.fits")]),
        (field_of(list[Path]), (Path("a"), "b"), [Path("a"), Path("b")]),
        (field_of(list[float]), np.array([1.0, 2.0]), [1.0, 2.0]),
        (field_of(SkyPosition), (10, -20), SkyPosition(10, -20)),
        (field_of(SkyPosition), {"ra_deg": 10, "dec_deg": -20}, SkyPosition(10, -20)),
        (field_of(SkyPosition), SkyCoord(15, 2, unit="deg"), SkyPosition(15, 2)),
        (field_of(Colour), Colour.RED, Colour.RED),
    ],
)
def test_values_of_other_types_become_the_declared_type(field, value, expected):
    checked = field.check(value)
    assert checked == expected
    assert type(checked) is type(expected)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (SCALE, 0.1 + 0.2),
        (SCALE, None),
        (COUNT, 3),
        (field_of(bool), False),
        (field_of(Colour), Colour.DARK_BLUE),
        (field_of(Literal[1, 2]), 2),
        (field_of(SkyPosition), SkyPosition(1 / 3, -1 / 7)),
        (field_of(list[Path]), [Path("[a].fits"), Path("b c")]),
        (field_of(list[str]), ["one\ntwo", "[three]"]),
        (field_of(list[SkyPosition]), [SkyPosition(1, 2), SkyPosition(3, 4)]),
        (field_of(list[int] | None), None),
    ],
)
def test_values_survive_text_and_json(field, value):
    import json

    assert field.parse(field.to_text(value)) == value
    assert field.check(json.loads(json.dumps(field.to_json(value)))) == value


@given(some.floats(0.001, 3600))
def test_any_number_survives_text(number):
    assert SCALE.parse(SCALE.to_text(number)) == number


@given(some.lists(some.text(some.characters(codec="utf-8", exclude_characters="\0"), min_size=1)))
def test_any_list_of_texts_survives_json(texts):
    field = field_of(list[str], default=[])
    assert field.check(field.to_json(texts)) == texts


@given(some.text(max_size=20))
def test_any_text_is_either_read_or_refused(text):
    for field in (SCALE, COUNT, field_of(SkyPosition), field_of(bool), field_of(list[float])):
        try:
            value = field.parse(text)
        except ParameterError:
            continue
        assert field.parse(field.to_text(value)) == value


def test_a_field_tells_forms_what_they_need():
    assert (SCALE.kind, SCALE.unit, SCALE.required, SCALE.optional) == (
        "number",
        "arcsec",
        True,
        True,
    )
    assert WIDTH.bounds == "above 0 and below 360 deg"
    assert field_of(Literal["a", "b"]).choices == ("a", "b")
    assert field_of(list[Path], name="weight_images").option == "weight-images"
    assert field_of(bool, default=False).default is False
