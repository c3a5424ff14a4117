"""Units: each factor as its source prints it, there and back again; unclear ones are refused."""

from fractions import Fraction

import pytest

from citewell.agent.tools.calling import Toolbox
from citewell.agent.tools.contract import Setting
from citewell.agent.tools.measures.conversion import convert, require, unit_named
from citewell.agent.tools.measures.table import units
from citewell.agent.tools.units import make
from citewell.domain.errors import InvalidError


# As printed in NIST SP 811 (2008), appendix B.8, and in NIST Handbook 44, appendix C.
@pytest.mark.parametrize(
    ("unit", "to", "factor"),
    [
        ("inch", "cm", "2.54"),
        ("foot", "m", "0.3048"),
        ("yard", "m", "0.9144"),
        ("mile", "km", "1.609344"),
        ("nautical mile", "m", "1852"),
        ("acre", "m2", "4046.8564224"),
        ("square foot", "m2", "0.09290304"),
        ("square mile", "km2", "2.589988110336"),
        ("gallon", "l", "3.785411784"),
        ("imperial gallon", "l", "4.54609"),
        ("pint", "ml", "473.176473"),
        ("fluid ounce", "ml", "29.5735295625"),
        ("cup", "ml", "236.5882365"),
        ("pound", "kg", "0.45359237"),
        ("ounce", "g", "28.349523125"),
        ("stone", "kg", "6.35029318"),
        ("short ton", "kg", "907.18474"),
        ("long ton", "kg", "1016.0469088"),
        ("mph", "km/h", "1.609344"),
        ("knot", "km/h", "1.852"),
        ("GiB", "B", "1073741824"),
        ("MB", "kB", "1000"),
        ("Mbit", "kB", "125"),
        ("day", "h", "24"),
    ],
)
def test_a_factor_is_what_its_source_says(unit: str, to: str, factor: str) -> None:
    assert convert(Fraction(1), require(unit), require(to)) == Fraction(factor)


@pytest.mark.parametrize(
    ("value", "unit", "to", "expected"),
    [("32", "°F", "°C", "0"), ("-40", "°F", "°C", "-40"), ("0", "K", "°C", "-273.15"),
     ("100", "celsius", "fahrenheit", "212"), ("98.6", "F", "C", "37")],
)  # fmt: skip
def test_temperatures_have_their_zero(value: str, unit: str, to: str, expected: str) -> None:
    assert convert(Fraction(value), require(unit), require(to)) == Fraction(expected)


def test_there_and_back_again_is_the_same() -> None:
    known = list(dict.fromkeys(units().values()))
    for unit in known:
        for to in known:
            if unit.kind == to.kind:
                there = convert(Fraction(7, 3), unit, to)
                assert convert(there, to, unit) == Fraction(7, 3)


def test_every_unit_is_found_by_each_of_its_names_and_by_their_plurals() -> None:
    for name, unit in units().items():
        assert unit_named(name) == unit
        assert unit_named(name.replace("_", " ")) == unit
    for plural in ("miles", "meters per second", "square metres", "gallons", "Kilometers", "Unzen"):
        assert unit_named(plural) is not None, plural


@pytest.mark.parametrize(
    "unit", ["ton", "tons", "month", "years", "mb", "KB", "parsnip", "", "m" * 50]
)
def test_what_means_several_things_or_none_is_refused(unit: str) -> None:
    with pytest.raises(InvalidError, match="no unit"):
        require(unit)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"value": "5", "unit": "miles", "to": "km"}, "5 mi = 8.04672 km"),
        ({"value": "2 * 35", "unit": "kg", "to": "lb"}, "70 kg ≈ 154.323583529414 lb"),
        ({"value": "5", "unit": "m", "to": "kg"}, "m measures length and kg measures mass."),
        (
            {"value": "5", "unit": "tons", "to": "kg"},
            "'tons' is no unit that is known here. Write tonne, short ton or long ton.",
        ),
    ],
)
async def test_the_tool_says_what_it_converted(
    setting: Setting, arguments: dict[str, object], text: str
) -> None:
    used = Toolbox.of(setting.principal, "run-1", [make(setting)], untrusted=False)
    result = await used.call({"name": "convert_units", "args": arguments, "id": "1"})
    assert result.text == text
