"""Words of any script: letters, digits, and the marks that belong to them."""

import re

# Python's \w knows no combining marks: without them "दिल्ली" is three letters and no word. The
# dandas, full stops of India, are left out.
MARKS = (
    r"\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670"
    r"\u0900-\u0963\u0966-\u0dff\u0e00-\u0e4e\u0e80-\u0eff\u1000-\u1049\u1050-\u109f\u1780-\u17d3"
)
# Scripts that are written without spaces between the words.
UNSPACED = r"\u0e00-\u0e7f\u0e80-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff"

WORD = re.compile(rf"[\w{MARKS}]+")
# The mark of a footnote, `[1]`, and the space before it.
FOOTNOTE = re.compile(r"(?<!\s)\s*+\[\d++\]")
