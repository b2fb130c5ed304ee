import pytest
from astropy.coordinates import SkyCoord
from hypothesis import given
from hypothesis import strategies as some

from hven.declare import SkyPosition


@pytest.mark.parametrize(
    "text",
    [
        "274.7 -13.816666666666666",
        "274.7, -13.816666666666666",
        "274.7d -13d49m",
        "274.7° −13°49′",
        "18h18m48s -13d49m",
        "18h18m48s −13d49m0.0s",
        "18:18:48 -13:49:00",
        "18 18 48 -13 49 00",
        "18 18.8 -13 49",
        "icrs 274.7 -13:49",
        "-85.3 -13d49m",
    ],
)
def test_one_position_can_be_typed_in_many_ways(text):
    position = SkyPosition.parse(text)
    # Sums of minutes and seconds in binary fractions are right to a few units in the last place.
    assert position.ra_deg == pytest.approx(274.7, abs=1e-12)
    assert position.dec_deg == pytest.approx(-13 - 49 / 60, abs=1e-12)


def test_a_declination_just_below_zero_keeps_its_sign():
    assert SkyPosition.parse("0 -0d30m").dec_deg == -0.5
    assert SkyPosition.parse("00:00:00 -00:00:36").dec_deg == -0.01


@pytest.mark.parametrize("text", ["galactic 17.0 0.8", "G17.0+0.8", "gal 17d 0d48m"])
def test_galactic_coordinates_are_those_of_astropy(text):
    position = SkyPosition.parse(text)
    reference = SkyCoord(17.0, 0.8, unit="deg", frame="galactic").icrs
    # Astropy is what converts, so only the reading can differ.
    assert position.ra_deg == pytest.approx(reference.ra.deg, abs=1e-12)
    assert position.dec_deg == pytest.approx(reference.dec.deg, abs=1e-12)


@given(some.floats(0, 360, exclude_max=True), some.floats(-90, 90))
def test_sexagesimal_text_of_astropy_is_read_back(ra, dec):
    place = SkyCoord(ra, dec, unit="deg")
    position = SkyPosition.parse(place.to_string("hmsdms", precision=6))
    # Six decimals of a second of time are 1.5e-5 arcseconds: 4.2e-9 degrees.
    assert place.separation(SkyCoord(position.ra_deg, position.dec_deg, unit="deg")).deg < 5e-9


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must be a position"),
        ("10", "must be a position"),
        ("10 20 30", "must be a position"),
        ("M 17", "must be a position"),
        ("fk4 10 20", "must be a position"),
        ("18h99m 10", "minutes and seconds below 60"),
        ("24:00:01 0", "at most 24 hours"),
        ("10 18h", "degrees, not hours"),
        ("400 0", "right ascension of 0 to 360"),
        ("10 -90.1", "declination of -90 to 90"),
        ("galactic 10 95", "latitude of -90 to 90"),
        ("nan 0", "must be a position"),
    ],
)
def test_a_wrong_position_is_refused_with_its_reason(text, message):
    with pytest.raises(ValueError, match=message):
        SkyPosition.parse(text)


def test_right_ascension_lies_between_0_and_360():
    assert SkyPosition(360, 0).ra_deg == 0
    assert SkyPosition(-90, 0).ra_deg == 270
    assert SkyPosition.parse("24h00m00.00s 0").ra_deg == 0
    assert 0 <= SkyPosition(-1e-20, 0).ra_deg < 360
