/** A long document shows the part around its passage, in whole lines, cut at its pages. */

import assert from "node:assert/strict";
import test from "node:test";

import { lineEnd, lineStart, pieces, windowAround } from "../../src/citewell/ui/reading/window.js";

const LINES = Array.from({ length: 1000 }, (_, n) => `line ${n}\n`).join("");

test("a short text is shown whole", () => {
  assert.deepEqual(windowAround("short", 1, 2, 100), { from: 0, to: 5 });
});

test("a window begins and ends with whole lines", () => {
  const start = LINES.indexOf("line 500");
  const { from, to } = windowAround(LINES, start, start + 8, 200);
  assert.ok(from > 0 && to < LINES.length);
  assert.equal(LINES[from - 1], "\n");
  assert.equal(LINES[to - 1], "\n");
  assert.ok(LINES.slice(from, to).includes("line 500"));
});

test("a text without line breaks still gets a window of about the size asked for", () => {
  const { from, to } = windowAround("x".repeat(100_000), 50_000, 50_010, 1000);
  assert.deepEqual([from, to], [49_500, 50_510]);
});

test("a window never cuts an emoji in two", () => {
  const text = "😀".repeat(10_000);
  assert.equal(lineStart(text, 5001) % 2, 0);
  assert.equal(lineEnd(text, 5001) % 2, 0);
});

test("a window is cut where a page begins and at both ends of the passage", () => {
  const pages = [{ start: 0, number: 1, label: "" }, { start: 10, number: 2, label: "Costs" }];
  assert.deepEqual(pieces({ from: 0, to: 20 }, pages, { from: 8, to: 12 }), [
    { from: 0, to: 8, page: "Page 1", marked: false },
    { from: 8, to: 10, page: null, marked: true },
    { from: 10, to: 12, page: "Costs", marked: true },
    { from: 12, to: 20, page: null, marked: false },
  ]);
});

test("nothing is marked where there is no passage, or where it lies elsewhere", () => {
  assert.deepEqual(pieces({ from: 0, to: 5 }, [], { from: 0, to: 0 }).map((piece) => piece.marked), [false]);
  assert.deepEqual(pieces({ from: 0, to: 5 }, [], { from: 7, to: 9 }).map((piece) => piece.marked), [false]);
});

test("the pieces of a window add up to the window", () => {
  const pages = [3, 7, 40].map((start, at) => ({ start, number: at + 1, label: "" }));
  const cut = pieces({ from: 2, to: 30 }, pages, { from: 5, to: 29 });
  assert.equal(cut[0].from, 2);
  assert.equal(cut.at(-1).to, 30);
  cut.slice(1).forEach((piece, at) => assert.equal(piece.from, cut[at].to));
});
