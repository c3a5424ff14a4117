"""What encloses a place in a source file: its head comment and the signatures above it."""

import re
from bisect import bisect_right
from dataclasses import dataclass

HEAD_LINES = 12
HEAD_CHARS = 240
SIGNATURE_CHARS = 160

_SIGNATURE = re.compile(
    r"^(?P<indent>[ \t]*)(?:(?:pub(?:\([^)\n]{0,40}\))?|export|default|async|unsafe|static|public"
    r"|private|protected|internal|abstract|final|override|virtual|extern|inline|const)[ \t]+){0,6}"
    r"(?:fn|impl|struct|trait|enum|mod|macro_rules!|class|def|function|func|interface|type|record"
    r"|namespace|module|object|protocol|extension|contract)\b[^\n{;]{0,200}",
    re.MULTILINE,
)
_COMMENT = re.compile(r"^[ \t]*(?://|#|/\*|\*|--|;;|%|\"\"\"|''')")


@dataclass(frozen=True, slots=True)
class Outline:
    """Signatures of a file in order: where each starts, how deep it is indented, its words."""

    head: str
    starts: tuple[int, ...]
    depths: tuple[int, ...]
    signatures: tuple[str, ...]

    def enclosing(self, place: int) -> tuple[str, ...]:
        """Signatures that are open at `place`, the outermost first."""
        found: list[str] = []
        at = bisect_right(self.starts, place) - 1
        depth = 1 << 30
        while at >= 0 and depth > 0:
            if self.depths[at] < depth:
                depth = self.depths[at]
                found.append(self.signatures[at])
            at -= 1
        return tuple(reversed(found[-3:]))


def outline(text: str) -> Outline:
    """Read the signatures of a source file, by their keywords."""
    found = list(_SIGNATURE.finditer(text))
    return Outline(
        head=_head(text),
        starts=tuple(m.start() for m in found),
        depths=tuple(len(m["indent"].expandtabs(4)) for m in found),
        signatures=tuple(" ".join(m.group().split())[:SIGNATURE_CHARS] for m in found),
    )


def _head(text: str) -> str:
    lines = text[:4000].split("\n")[:HEAD_LINES]
    said = [line.strip("/!#*\"'-;% \t") for line in lines if _COMMENT.match(line)]
    return " ".join(part for part in said if part)[:HEAD_CHARS]
