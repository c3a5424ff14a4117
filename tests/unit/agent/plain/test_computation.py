"""Which questions are computed, and which look like it and belong to the documents."""

from datetime import date

import pytest

from citewell.agent.plain.computation import Computation, computation

TODAY = date(2026, 3, 14)


def found(question: str) -> Computation | None:
    return computation(question, TODAY)


@pytest.mark.parametrize(
    ("question", "expression"),
    [
        ("What is 2 + 2?", "2 + 2"),
        ("2+2", "2+2"),
        ("12 * (3 + 4) =", "12 * (3 + 4)"),
        ("what is 15% of 80", "15% of 80"),
        ("What is 15 percent of 80?", "15% of 80"),
        ("How much is 1250 minus 980?", "1250 - 980"),
        ("Calculate 24/7", "24/7"),
        ("What is 9 / 11?", "9 / 11"),
        ("Was ist 3 mal 4?", "3 * 4"),
        ("Wie viel ist 15 % von 80?", "15 % von 80"),
        ("Combien font 3 fois 4 ?", "3 * 4"),
        ("¿Cuánto es 3 por 4?", "3 * 4"),
        ("sqrt(2)", "sqrt(2)"),
        ("What is 9**9**9?", "9**9**9"),
        ("mean(3, 4, 8)", "mean(3, 4, 8)"),
    ],
)
def test_a_sum_is_computed(question: str, expression: str) -> None:
    assert found(question) == Computation("calculator", {"expression": expression})


@pytest.mark.parametrize(
    ("question", "value", "unit", "to"),
    [
        ("Convert 5 miles to km", "5", "miles", "km"),
        ("How many feet are in 3 meters?", "3", "meters", "feet"),
        ("How many kilometres are 26.2 miles?", "26.2", "miles", "kilometres"),
        ("How many hours are there in a week?", "1", "week", "hours"),
        ("What is 100 °F in °C?", "100", "°F", "°C"),
        ("what is 2.5kg in pounds", "2.5", "kg", "pounds"),
        ("Wie viele Minuten sind 3 Stunden?", "3", "Stunden", "Minuten"),
        ("1,000 MB to GiB", "1,000", "MB", "GiB"),
    ],
)
def test_a_conversion_is_computed(question: str, value: str, unit: str, to: str) -> None:
    expected = Computation("convert_units", {"value": value, "unit": unit, "to": to})
    assert found(question) == expected


@pytest.mark.parametrize(
    ("question", "arguments"),
    [
        ("What is today's date?", {"action": "look_up", "date": "today"}),
        ("Welcher Tag ist heute?", {"action": "look_up", "date": "today"}),
        ("What day of the week was 14 March 1879?", {"action": "look_up", "date": "14 march 1879"}),
        (
            "How many days between 2024-01-01 and 2024-03-01?",
            {"action": "between", "date": "2024-01-01", "until": "2024-03-01"},
        ),
        (
            "How many days until 24 December 2026?",
            {"action": "between", "date": "today", "until": "24 december 2026"},
        ),
        (
            "What date is 90 days after 2024-01-15?",
            {"action": "shift", "date": "2024-01-15", "days": 90},
        ),
        ("What date is 3 weeks from today?", {"action": "shift", "date": "today", "weeks": 3}),
        ("What day was 2 months ago?", None),
    ],
)
def test_a_question_about_days_is_computed(
    question: str, arguments: dict[str, str | int] | None
) -> None:
    expected = None if arguments is None else Computation("dates", arguments)
    assert found(question) == expected


@pytest.mark.parametrize(
    "question",
    [
        "What is 42?",
        "What is 24/7?",
        "What is 9/11?",
        "What is 3-2-1?",
        "What is 2026-03-14?",
        "What is 1.2.3?",
        "+49 30 123456",
        "What is 3G?",
        "What is ISO 9001?",
        "What is C++?",
        "What is C++17?",
        "What is the 80/20 rule?",
        "What is section 3 - 4?",
        "How many days are in the trial?",
        "How many days of leave do I have in 2026?",
        "How many meters is the tower?",
        "How many miles are in the plan for 2026?",
        "What day is the meeting on 14 March 2026?",
        "When is 2026?",
        "What is 5 in the table?",
        "How many people work 24 * 7 shifts?",
        "Who is number 1 + 1?",
        "What is 5 km in kg?",
        "Convert 5 files to pdf",
        "How many seconds?",
        "What is x + 1?",
        "",
        "???",
        "2 + 2" + " " * 10 + "and what is the warranty?",
        "1 + " * 100 + "1",
    ],
)
def test_what_is_not_wholly_understood_is_asked_of_the_documents(question: str) -> None:
    assert found(question) is None
