"""Units and their factors, exact by definition.

Sources: The International System of Units (BIPM, 9th edition, 2019) with its table of non-SI units;
NIST Special Publication 811 (2008), appendix B, for the yard and pound of 1959 and the measures
derived from them; the Weights and Measures Act 1985 for the imperial gallon; IEC 80000-13 for the
binary prefixes. What has no fixed length, a month or a year, is a matter of dates, and what means
different things to different people, a ton, has to be named in full.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit: `factor` times a value, then plus `offset`, is the value in the kind's own unit."""

    symbol: str
    kind: str
    factor: Fraction
    offset: Fraction = Fraction(0)


_INCH = Fraction("0.0254")
_POUND = Fraction("453.59237")
_US_GALLON = 231 * (_INCH * 10) ** 3
_GALLON = Fraction("4.54609")
_HOUR = Fraction(3600)

# kind: unit factor names; a symbol means what it says in upper and lower case.
_TABLE: Mapping[str, tuple[tuple[str, Fraction | int | str, str], ...]] = {
    "length": (
        ("nm", "1e-9", "nanometre nanometer"),
        ("µm", "1e-6", "um micrometre micrometer micron"),
        ("mm", "0.001", "millimetre millimeter"),
        ("cm", "0.01", "centimetre centimeter zentimeter"),
        ("dm", "0.1", "decimetre decimeter"),
        ("m", 1, "metre meter mètre metro"),
        ("km", 1000, "kilometre kilometer kilomètre kilómetro"),
        ("in", _INCH, "inch inches zoll"),
        ("ft", 12 * _INCH, "foot feet fuß"),
        ("yd", 36 * _INCH, "yard"),
        ("mi", 63360 * _INCH, "mile meile milla"),
        ("nmi", 1852, "nautical_mile"),
    ),
    "area": (
        ("mm²", "1e-6", "mm2 square_millimetre square_millimeter"),
        ("cm²", "0.0001", "cm2 square_centimetre square_centimeter"),
        ("m²", 1, "m2 sqm square_metre square_meter quadratmeter"),
        ("ha", 10_000, "hectare hektar"),
        ("km²", 1_000_000, "km2 square_kilometre square_kilometer quadratkilometer"),
        ("ft²", (12 * _INCH) ** 2, "ft2 sqft square_foot square_feet"),
        ("ac", 4840 * (36 * _INCH) ** 2, "acre"),
        ("mi²", (63360 * _INCH) ** 2, "mi2 square_mile"),
    ),
    "volume": (
        ("ml", "0.001", "millilitre milliliter"),
        ("cl", "0.01", "centilitre centiliter"),
        ("dl", "0.1", "decilitre deciliter"),
        ("l", 1, "litre liter litro"),
        ("m³", 1000, "m3 cubic_metre cubic_meter kubikmeter"),
        ("cm³", "0.001", "cm3 cc cubic_centimetre cubic_centimeter"),
        ("tsp (US)", _US_GALLON / 768, "tsp teaspoon"),
        ("tbsp (US)", _US_GALLON / 256, "tbsp tablespoon"),
        ("fl oz (US)", _US_GALLON / 128, "fl_oz fluid_ounce"),
        ("cup (US)", _US_GALLON / 16, "cup"),
        ("pt (US)", _US_GALLON / 8, "pt pint us_pint"),
        ("qt (US)", _US_GALLON / 4, "qt quart us_quart"),
        ("gal (US)", _US_GALLON, "gal gallon us_gallon"),
        ("pt (imperial)", _GALLON / 8, "imperial_pint uk_pint"),
        ("gal (imperial)", _GALLON, "imperial_gallon uk_gallon"),
    ),
    "mass": (
        ("µg", "1e-6", "ug microgram mikrogramm"),
        ("mg", "0.001", "milligram milligramm"),
        ("g", 1, "gram gramme gramm gramo"),
        ("kg", 1000, "kilogram kilogramm kilo"),
        ("t", 1_000_000, "tonne metric_ton"),
        ("oz", _POUND / 16, "ounce unze"),
        ("lb", _POUND, "lbs pound pfund_avoirdupois"),
        ("st", 14 * _POUND, "stone"),
        ("short ton", 2000 * _POUND, "short_ton us_ton"),
        ("long ton", 2240 * _POUND, "long_ton uk_ton imperial_ton"),
    ),
    "time": (
        ("ns", "1e-9", "nanosecond"),
        ("µs", "1e-6", "us microsecond"),
        ("ms", "0.001", "millisecond millisekunde"),
        ("s", 1, "sec second sekunde seconde segundo"),
        ("min", 60, "minute minuto"),
        ("h", _HOUR, "hr hour stunde heure hora"),
        ("d", 24 * _HOUR, "day tag jour día"),
        ("wk", 168 * _HOUR, "week woche semaine semana"),
    ),
    "speed": (
        ("m/s", 1, "mps metre_per_second meter_per_second"),
        ("km/h", 1000 / _HOUR, "kmh kph kilometre_per_hour kilometer_per_hour"),
        ("mph", 63360 * _INCH / _HOUR, "mi/h mile_per_hour"),
        ("kn", 1852 / _HOUR, "kt knot knoten"),
        ("ft/s", 12 * _INCH, "fps foot_per_second feet_per_second"),
    ),
    "data": (
        ("bit", 1, "b"),
        ("B", 8, "byte octet"),
        *((f"{p}bit", 1000**n, f"{p}b {name}bit") for p, n, name in (
            ("k", 1, "kilo"), ("M", 2, "mega"), ("G", 3, "giga"), ("T", 4, "tera"))),
        *((f"{p}B", 8 * 1000**n, f"{name}byte") for p, n, name in (
            ("k", 1, "kilo"), ("M", 2, "mega"), ("G", 3, "giga"), ("T", 4, "tera"),
            ("P", 5, "peta"))),
        *((f"{p}iB", 8 * 1024**n, f"{name}byte") for p, n, name in (
            ("K", 1, "kibi"), ("M", 2, "mebi"), ("G", 3, "gibi"), ("T", 4, "tebi"),
            ("P", 5, "pebi"))),
    ),
}  # fmt: skip
_ZERO_C, _ZERO_F = Fraction("273.15"), Fraction("459.67")
_TEMPERATURES = (
    (Unit("K", "temperature", Fraction(1)), "kelvin"),
    (Unit("°C", "temperature", Fraction(1), _ZERO_C), "c celsius degree_celsius grad_celsius"),
    (
        Unit("°F", "temperature", Fraction(5, 9), _ZERO_F * Fraction(5, 9)),
        "f fahrenheit degree_fahrenheit grad_fahrenheit",
    ),
)


def units() -> dict[str, Unit]:
    """Every unit by its symbol as it is written, and by its names in lower case with `_`."""
    known: dict[str, Unit] = {}
    for kind, rows in _TABLE.items():
        for symbol, factor, names in rows:
            unit = Unit(symbol, kind, Fraction(factor))
            known |= dict.fromkeys((symbol, *names.split()), unit)
    for unit, names in _TEMPERATURES:
        known |= dict.fromkeys((unit.symbol, *names.split()), unit)
    return known
