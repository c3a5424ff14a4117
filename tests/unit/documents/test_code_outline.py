"""What encloses a line of source code is told by the signatures above it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citewell.documents.code_outline import outline

PYTHON = '''"""Keeps the lamps of a lighthouse burning."""

class Lamp:
    def light(self):
        return self.oil

    async def wait(self):
        pass

def supply():
    return 7
'''
RUST = """// Fog signals.
pub(crate) struct Horn { pitch: u8 }
impl Horn {
    pub async fn blow(&self) -> u8 {
        self.pitch
    }
}
"""


@pytest.mark.parametrize(
    ("source", "line", "enclosing"),
    [
        (PYTHON, "return self.oil", ("class Lamp:", "def light(self):")),
        (PYTHON, "pass", ("class Lamp:", "async def wait(self):")),
        (PYTHON, "return 7", ("def supply():",)),
        (RUST, "self.pitch", ("impl Horn", "pub async fn blow(&self) -> u8")),
    ],
)
def test_a_line_is_enclosed_by_the_signatures_that_are_less_indented(
    source: str, line: str, enclosing: tuple[str, ...]
) -> None:
    assert outline(source).enclosing(source.index(line)) == enclosing


def test_nothing_encloses_what_stands_before_the_first_signature() -> None:
    assert outline(PYTHON).enclosing(0) == ()


def test_the_head_is_what_the_first_comments_say() -> None:
    assert outline(PYTHON).head == "Keeps the lamps of a lighthouse burning."
    assert outline(RUST).head == "Fog signals."


@given(st.text("def class fn(){}:\n\t #/*x"), st.integers(0, 200))
def test_any_text_has_an_outline_of_at_most_three_levels(text: str, place: int) -> None:
    found = outline(text)
    assert len(found.enclosing(place)) <= 3
    assert list(found.starts) == sorted(found.starts)
