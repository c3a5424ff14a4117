/** S19 in the browser: no text that a document can bring makes the page think for long about it. */

import assert from "node:assert/strict";
import test from "node:test";

import { inline } from "../../src/citewell/ui/asking/inline.js";
import { completeAnswer, growingAnswer, withoutMarks } from "../../src/citewell/ui/asking/marks.js";
import { pointIndex } from "../../src/citewell/ui/offsets.js";

const CHARS = 100_000;
const LIMIT_MS = 100;
const TRIES = 3;
const HEADS = ["", "**a", "# a", "[a](", '[a](b "', "```\n"];
const PUMPS = [
  " ", "\t", "\n", " \n", "\n ", "a\n\n", "[", "[1", "[1]", "[1] ", "![", "[a](", "[a](b", '[a](b "', "(", "(a)", "*", "**", "**a", "**a ",
  "`", "`a", "#", "# ", " #", "# a\n", "|", "| ", "- ", "1. ", "```\n\n", "```\n", "~~~", "a", ". ", '"', "🙂", "\ud83d",
];
const TAILS = ["x", "!\n"];

const READERS = {
  inline,
  withoutMarks,
  pointIndex,
  growing: (text) => growingAnswer(text, 9),
  complete: (text) => completeAnswer(text, [{ n: 1, answer: [0, 1] }]),
};

/** Of several tries the fastest, in processor time: another process may have slowed one down. */
function milliseconds(reader, text) {
  let best = Infinity;
  for (let attempt = 0; attempt < TRIES && best > LIMIT_MS / 2; attempt += 1) {
    const before = process.cpuUsage();
    reader(text);
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / 1000);
  }
  return best;
}

/** What reads a text of `chars` for longer than the limit, with the time that it took. */
function* slow(readers, chars) {
  for (const head of HEADS) for (const pump of PUMPS) for (const tail of TAILS) {
    const text = head + pump.repeat(Math.floor((chars - head.length - tail.length) / pump.length)) + tail;
    for (const [name, reader] of Object.entries(readers)) {
      const took = milliseconds(reader, text);
      if (took > LIMIT_MS) yield `${name} of ${JSON.stringify(head + pump)}…${JSON.stringify(tail)}: ${took} ms`;
    }
  }
}

test("a text of 100,000 characters is read in 100 ms, whatever it repeats", () => {
  assert.deepEqual([...slow(READERS, CHARS)], []);
});

test("a pattern that takes quadratic time would be seen", () => {
  const quadratic = (text) => text.replace(/[ \t]+$/, "");
  assert.match(slow({ quadratic }, CHARS / 4).next().value, /^quadratic of " "/);
});
