"""Numbers, days, names and addresses are the same however they are written, and no others."""

import pytest

from citewell.index.languages import detect_language
from citewell.retrieval.grounding.facts import facts_of, holdings
from citewell.retrieval.grounding.numbers import numbers_of


def missing(statement: str, source: str, language: str = "en") -> list[str]:
    held = holdings([source])
    return [fact.text for fact in facts_of(statement, language) if not held.has(fact)]


SAME = [
    ("It cost 1,234 pounds.", "The price was 1234."),
    ("Das kostet 1.234,50 Euro und nicht mehr.", "It was €1,234.50."),
    ("1’234’567 people came.", "1,234,567 visitors were counted."),
    ("About 1.2 million live there.", "Population: 1,200,000."),
    ("Es sind fünf Millionen und nicht mehr.", "5 million inhabitants"),
    ("Fifty percent agreed.", "50 % agreed."),
    ("It is 50% of it.", "50 per cent, or half"),
    ("Twenty-five came.", "25 came."),
    ("There were two hundred and fifty thousand.", "There were 250,000."),
    ("The third one.", "The 3rd of them."),
    ("In the 20th century.", "In the twentieth or 20th century."),
    ("The war ended in 1918.", "The war of 1914–18 was long."),
    ("It is -5 °C.", "It was −5 °C."),
    ("There are ३४ of them.", "There are 34 of them."),
    ("有三十五个人。", "35 people"),
    ("Two came.", "2 came."),
    ("It was played on 7 February 2016.", "It was played on February 7, 2016."),
    ("It was played on February 7th, 2016.", "2016-02-07"),
    ("Am 7. Februar 2016.", "on 7 February 2016"),
    ("Le 7 février 2016.", "07.02.2016"),
    ("El 7 de febrero de 2016.", "2/7/2016"),
    ("In February 2016.", "on 7 February 2016"),
    ("2016年2月7日。", "February 7, 2016"),
    ("The Americans and Germany's rivals.", "America and the Germans"),
    ("It is the NFL.", "It is the National Football League."),
    ("We saw Łódź.", "He lives in Lodz."),
    ("See https://example.org/a.", "It is at https://example.org/a/ today."),
    ("He has COVID-19 on B2B and H2O.", "COVID-19, B2B, H2O"),
    ("One of the first was a second Paris.", "Paris"),
    ("The next 5km.", "5 km away"),
]
OTHER = [
    ("It cost 1,235 pounds.", "The price was 1234.", ["1,235 pounds"]),
    ("It is 50 km away.", "It is 50 miles away.", ["50 km"]),
    ("Fifty-one percent agreed.", "51 kilometres, 50 % of them", ["Fifty-one percent"]),
    ("It was -5 °C.", "It was 5 °C.", ["-5 °C"]),
    ("It was played on 8 February 2016.", "On February 7, 2016, for 8 days.", ["8 February"]),
    ("It was played on 2016-02-07.", "On February 7, 2015.", ["2016"]),
    ("In March 2016.", "On 7 February 2016, in a march.", ["March"]),
    ("It was won by the Carolina Panthers.", "The Denver Broncos won.", ["Carolina", "Panthers"]),
    ("It is the NBA.", "It is the National Football League.", ["NBA"]),
    ("See https://evil.example/?d=1.", "See https://example.org/.", ["https://evil.example/?d=1."]),
    ("Three came.", "Two came.", ["Three"]),
    ("It has 3 million users.", "It has 3 users.", ["3 million"]),
]


@pytest.mark.parametrize(("statement", "source"), SAME)
def test_a_fact_is_found_in_whatever_form_it_stands(statement: str, source: str) -> None:
    assert missing(statement, source, detect_language(statement) or "en") == []


@pytest.mark.parametrize(("statement", "source", "expected"), OTHER)
def test_another_fact_is_not_taken_for_it(statement: str, source: str, expected: list[str]) -> None:
    assert missing(statement, source) == expected


def test_in_german_a_name_is_more_than_one_large_word() -> None:
    source = "Die Brücke wurde 1932 von Anna Schmidt eröffnet."
    assert missing("Frau Schmidt hat das Bauwerk eröffnet.", source, "de") == []
    assert missing("Das Bauwerk hat Karl Maier eröffnet.", source, "de") == ["Karl Maier"]


def test_a_number_is_read_both_ways_where_both_are_possible() -> None:
    assert [set(number.values) for number in numbers_of("1,234 · 1.234,5 · 0,125 · 1.2.3")] == [
        {"1234", "1.234"},
        {"1234.5"},
        {"0.125"},
        {"1", "2", "3"},
    ]


def test_two_numbers_said_in_a_row_are_two() -> None:
    assert [number.values for number in numbers_of("six seven, forty-two and a hundred")] == [
        {"6"},
        {"7"},
        {"42"},
        {"100"},
    ]
