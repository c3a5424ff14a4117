"""Lines of right-to-left scripts that a PDF shows in the order in which they meet the eye.

The PDF library gives the letters of a word as they are read, but the words of a line from left to
right; `as_read` turns them round. Words of other scripts inside such a line keep their order.
"""

import re

# Letters and marks, without the punctuation of these scripts.
_RTL_CLASS = (
    "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7-\u05f2\u0610-\u061a\u0620-\u06d3\u06d5-\u08ff"
    "\ufb1d-\ufdcf\ufdf0-\ufdff\ufe70-\ufefc"
)
_RTL = re.compile(f"[{_RTL_CLASS}]")
_LTR = re.compile("[A-Za-z\u00c0-\u024f\u0370-\u052f]")
_OTHER = f"[^\\W{_RTL_CLASS}]"
_WORD = rf"{_OTHER}+(?:[.,:/@%+&'-]{_OTHER}+)*"
# Words of a left-to-right script with single spaces between them stay together, and so do the
# numbers that follow one; a number alone stands where a word would.
_RUN = re.compile(rf"[{_RTL_CLASS}]+|(?=[^\W\d]){_WORD}(?:[ ]{_WORD})*|{_WORD}|\s+|.", re.DOTALL)
_MIRRORED = str.maketrans("()[]{}<>«»", ")(][}{><»«")
_STOP_BEFORE = re.compile("^[^\\S\n]*[.،؛؟!:]", re.MULTILINE)
_STOP_BEHIND = re.compile("[.،؛؟!:]\\s*$", re.MULTILINE)
# The library puts the spaces around a bracket on its other side.
_OPENING = re.compile("(?<=\\S)([(\\[{])\\s+")
_CLOSING = re.compile("(?<!\\s)\\s+([)\\]}])(?=\\w)")
# A word of the script that follows one of another is never written without a space.
_GLUED = re.compile(f"(?<={_OTHER})(?=[{_RTL_CLASS}])")
# An alef before an alef with a mark cannot be: they stood around the ligature of lam and alef.
_TORN_LIGATURE = re.compile("\u0627([\u0622\u0623\u0625])\u0644")


def as_read(text: str) -> str:
    """The text with the words of right-to-left lines in the order in which they are read."""
    lines = text.split("\n")
    backward = [at for at, line in enumerate(lines) if _is_backward(line)]
    if not backward:
        return text
    shown = "\n".join(lines[at] for at in backward)
    # Sentences end at the left end of a line that is written from the right.
    if len(_STOP_BEHIND.findall(shown)) > len(_STOP_BEFORE.findall(shown)):
        return text
    for at in backward:
        lines[at] = _turned(lines[at])
    return "\n".join(lines)


def _is_backward(line: str) -> bool:
    return len(_RTL.findall(line)) > len(_LTR.findall(line))


def _turned(line: str) -> str:
    runs = [m[0] if len(m[0]) > 1 else m[0].translate(_MIRRORED) for m in _RUN.finditer(line)]
    read = _GLUED.sub(" ", "".join(reversed(runs)).strip())
    read = _CLOSING.sub(r"\1 ", _OPENING.sub(r" \1", read))
    return _TORN_LIGATURE.sub("\u0627\u0644\\1", read)
