/** Footnote marks are told from brackets that the documents themselves contain. */

import assert from "node:assert/strict";
import test from "node:test";

import { completeAnswer, growingAnswer } from "../../src/citewell/ui/asking/marks.js";

const cited = (n, from, to, more = {}) => ({ n, answer: [from, to], ...more });
const flat = (blocks) => blocks.flatMap((block) => block.parts.map((part) => (part.kind === "mark" ? `<${part.n}:${part.citation}>` : part.text)));

test("a sentence is followed by the mark of its own citation", () => {
  const text = "One. [1] Two. [1]";
  assert.deepEqual(flat(completeAnswer(text, [cited(1, 0, 4), cited(1, 9, 13)])), ["One.", "<1:0>", " Two.", "<1:1>"]);
});

test("brackets inside a quote are text, whatever their number", () => {
  const text = "As shown in [1], it holds [2]. [1]";
  assert.deepEqual(flat(completeAnswer(text, [cited(1, 0, 30)])), ["As shown in [1], it holds [2].", "<1:0>"]);
});

test("a bracket that ends a quote stays text when the mark comes after it", () => {
  const text = "See [1] [1]";
  assert.deepEqual(flat(completeAnswer(text, [cited(1, 0, 7)])).at(-1), "<1:0>");
  assert.equal(flat(completeAnswer(text, [cited(1, 0, 7)])).length, 2);
});

test("offsets count code points, so an emoji before a mark does not shift it", () => {
  const text = "Paid 😀😀. [2] Next. [1]";
  const parts = flat(completeAnswer(text, [cited(2, 0, 8), cited(1, 13, 18)]));
  assert.deepEqual(parts, ["Paid 😀😀.", "<2:0>", " Next.", "<1:1>"]);
});

test("one sentence may carry several marks", () => {
  const text = "Both say so. [1][3]";
  assert.deepEqual(flat(completeAnswer(text, [cited(1, 0, 12), cited(3, 0, 12)])), ["Both say so.", "<1:0>", "<3:1>"]);
});

test("a mark may stand before the full stop, inside what its citation covers", () => {
  const text = "It is so [1].";
  assert.deepEqual(flat(completeAnswer(text, [cited(1, 0, 13)])), ["It is so", "<1:0>", "."]);
});

test("an answer without citations has no marks", () => {
  assert.deepEqual(flat(completeAnswer("I looked for “a[1]”. [1]", [])), ["I looked for “a[1]”. [1]"]);
});

test("while it grows, only numbers of known sources are marks", () => {
  assert.deepEqual(flat(growingAnswer("A. [1] B. [7] C. [", 2)), ["A.", "<1:null>", " B. [7] C. ["]);
});

test("paragraphs become blocks, and a list keeps its lines", () => {
  const blocks = completeAnswer("Prose. [1]\n\nPaid back:\n- trains\n- hotels [2]", [cited(1, 0, 6), cited(2, 12, 41)]);
  assert.deepEqual(blocks.map((block) => block.form), ["prose", "lines"]);
});

test("code stays in one block with its empty lines, and its mark follows", () => {
  const code = "```py\na = 1\n\nb = [1]\n```";
  const [block, ...rest] = completeAnswer(`${code}\n[1]`, [cited(1, 0, code.length)]);
  assert.equal(rest.length, 0);
  assert.equal(block.form, "verbatim");
  assert.deepEqual(flat([block]), [code, "<1:0>"]);
});

test("a table is shown as it was written", () => {
  const [block] = completeAnswer("| a | b |\n|---|---|\n| 1 | 2 | [1]", [cited(1, 0, 29)]);
  assert.equal(block.form, "verbatim");
});
