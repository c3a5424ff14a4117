/** What the sources do not confirm is named in the answer's own words, with the reason. */

import assert from "node:assert/strict";
import test from "node:test";

import { doubtsOf } from "../../src/citewell/ui/asking/doubts.js";
import { after, newTurn } from "../../src/citewell/ui/asking/turn.js";

const text = "😀 It is so. [1] It was opened in 1933 [1].";
const told = [
  { answer: [16, 42], reason: "unsupported_number" },
  { answer: [12, 15], reason: "unknown_mark", n: 1 },
  { answer: [0, 11], reason: "something new" },
];

test("a doubt quotes the sentence, counted in code points, and says why", () => {
  const [number, mark, other] = doubtsOf(text, told);
  assert.ok(number.said.startsWith("It was opened in 1933"), number.said);
  assert.equal(number.why, "the source has no such number");
  assert.equal(mark.said, "[1]");
  assert.ok(other.why);
});

test("a turn has the doubts of its last message", () => {
  const events = [
    { type: "TEXT_MESSAGE_START" },
    { type: "TEXT_MESSAGE_CONTENT", delta: text },
    { type: "TEXT_MESSAGE_END", metadata: { rag: { doubts: told } } },
  ];
  const turn = events.reduce(after, newTurn("Why?"));
  assert.equal(turn.doubts.length, 3);
  assert.deepEqual(after(turn, { type: "TEXT_MESSAGE_START" }).doubts, []);
});
