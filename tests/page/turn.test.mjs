/** A turn is what its events say, live or replayed. */

import assert from "node:assert/strict";
import test from "node:test";

import { after, failedTurn, grouped, isOver, newTurn } from "../../src/citewell/ui/asking/turn.js";

const told = (...events) => events.reduce(after, newTurn("Why?"));
const source = (n) => ({ n, title: `t${n}` });

test("a run ends with its text, its citations and its steps", () => {
  const turn = told(
    { type: "RUN_STARTED", runId: "r" },
    { type: "STEP_STARTED", stepName: "retrieve" },
    { type: "STEP_FINISHED", stepName: "retrieve", metadata: { rag: { ms: 12 } } },
    { type: "TEXT_MESSAGE_START" },
    { type: "TEXT_MESSAGE_CONTENT", delta: "Be" },
    { type: "TEXT_MESSAGE_CONTENT", delta: "cause. [1]" },
    { type: "TEXT_MESSAGE_END", metadata: { rag: { citations: [{ n: 1 }], answered: true } } },
    { type: "RUN_FINISHED", outcome: { type: "success" } },
  );
  assert.equal(turn.text, "Because. [1]");
  assert.equal(turn.phase, "done");
  assert.deepEqual(turn.steps, [{ name: "retrieve", done: true, ms: 12 }]);
  assert.equal(turn.citations.length, 1);
  assert.ok(turn.complete && turn.answered && isOver(turn));
});

test("a second message takes the place of the first", () => {
  const turn = told(
    { type: "TEXT_MESSAGE_START" },
    { type: "TEXT_MESSAGE_CONTENT", delta: "wrong" },
    { type: "TEXT_MESSAGE_END", metadata: { rag: { partial: true } } },
    { type: "TEXT_MESSAGE_START" },
    { type: "TEXT_MESSAGE_CONTENT", delta: "right" },
    { type: "TEXT_MESSAGE_END", metadata: { rag: {} } },
  );
  assert.equal(turn.text, "right");
  assert.equal(turn.partial, false);
});

test("a cancelled run is stopped, not done, and keeps what was said", () => {
  const turn = told(
    { type: "TEXT_MESSAGE_START" },
    { type: "TEXT_MESSAGE_CONTENT", delta: "Half" },
    { type: "RUN_FINISHED", outcome: { type: "cancelled" } },
  );
  assert.equal(turn.phase, "stopped");
  assert.equal(turn.text, "Half");
});

test("an answer that is none says so and brings related passages", () => {
  const turn = told({ type: "TEXT_MESSAGE_END", metadata: { rag: { answered: false, reason: "nothing_near", related: [source(1)] } } });
  assert.equal(turn.answered, false);
  assert.deepEqual(turn.related, [source(1)]);
});

test("a failed run tells its hint", () => {
  const turn = told({ type: "RUN_ERROR", message: "No index.", code: "unavailable", metadata: { rag: { hint: "Wait." } } });
  assert.deepEqual(turn.failure, { message: "No index.", hint: "Wait.", code: "unavailable" });
  assert.ok(isOver(turn));
});

test("a question that was refused is over", () => {
  assert.ok(isOver(failedTurn(newTurn("?"), { message: "Too long.", hint: "", code: "invalid" })));
});

test("an event that nobody knows changes nothing", () => {
  const turn = newTurn("Why?");
  assert.deepEqual(after(turn, { type: "toString" }), turn);
});

test("sources are told apart by whether they are cited", () => {
  const turn = { ...newTurn("?"), sources: [source(1), source(2), source(3)], citations: [{ n: 3 }, { n: 3 }] };
  const { cited, read } = grouped(turn);
  assert.deepEqual(cited.map((one) => one.n), [3]);
  assert.deepEqual(read.map((one) => one.n), [1, 2]);
});
