"""Minified JSON is laid out without losing, changing or inventing a token."""

import json

from hypothesis import given
from hypothesis import strategies as st

from citewell.documents.parsers.formats.tables import laid_out, read_rows
from citewell.documents.parsers.media import MEDIA_TYPES, Media

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES, st.booleans())
def test_what_was_valid_means_the_same(value: object, ascii_only: bool) -> None:
    raw = json.dumps(value, ensure_ascii=ascii_only, separators=(",", ":"))
    assert json.loads(laid_out(raw)) == value


@given(st.text('{}[]",:\\ \n1ae.'))
def test_what_was_broken_loses_nothing_but_white_space(raw: str) -> None:
    assert "".join(laid_out(raw).split()) == "".join(raw.split())


def test_each_field_has_a_line() -> None:
    assert laid_out('{"a":1,"b":[],"c":{"d":2}}') == (
        '{\n  "a": 1,\n  "b": [],\n  "c": {\n    "d": 2\n  }\n}'
    )


def test_very_deep_json_is_indented_within_bounds() -> None:
    raw = "[" * 3_000 + "]" * 3_000
    assert len(laid_out(raw)) < 100 * len(raw)


def test_rows_in_a_legacy_encoding_are_read_with_a_word_about_it() -> None:
    rows = "Stadt;Straße\nKöln;Große Gasse\n"
    found = read_rows(rows.encode("cp1252"), Media(MEDIA_TYPES["csv"], "csv"))
    assert found.text == rows
    assert "Windows-1252" in found.warnings[0]
