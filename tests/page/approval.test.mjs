/** A turn that waits for a person shows the exact call, and goes on by what is decided. */

import assert from "node:assert/strict";
import test from "node:test";

import { exact } from "../../src/citewell/ui/asking/approval.js";
import { after, decidedTurn, isOver, newTurn } from "../../src/citewell/ui/asking/turn.js";

const interrupt = {
  id: "i",
  message: "May it?",
  metadata: { rag: { tool: "send", arguments: { text: "a" }, digest: "d" } },
};
const asks = { type: "RUN_FINISHED", outcome: { type: "interrupt", interrupts: [interrupt] } };

test("a run that waits asks with its tool and exact arguments", () => {
  const turn = after(newTurn("Why?"), asks);
  assert.equal(turn.phase, "asked");
  assert.deepEqual(turn.asked, { id: "i", message: "May it?", tool: "send", arguments: { text: "a" } });
  assert.ok(isOver(turn), "the next question may be asked meanwhile");
});

test("what was decided is not asked again, and the run that goes on is followed", () => {
  const decided = decidedTurn(after(newTurn("Why?"), asks));
  assert.equal(decided.asked, null);
  assert.ok(!isOver(decided));
  const going = after(decided, { type: "RUN_STARTED", runId: "next", threadId: "t" });
  assert.equal(going.run, "next");
  assert.equal(after(going, { type: "RUN_FINISHED", outcome: { type: "success" } }).phase, "done");
});

test("an interrupt without a question ends the turn", () => {
  const turn = after(newTurn("Why?"), { type: "RUN_FINISHED", outcome: { type: "interrupt", interrupts: [] } });
  assert.equal(turn.phase, "done");
});

test("what is not seen is shown by its number", () => {
  const unseen = ["\u202e", "\u2066", "\u200b", "\u00ad", "\ufeff", "\u3164", "\u00a0", "\ufe0f", "\u{e0041}", "\u2028", "\u0085"];
  for (const one of unseen) {
    const number = one.codePointAt(0).toString(16);
    assert.equal(exact({ to: `a${one}b` }), `{\n  "to": "a\\u{${number}}b"\n}`);
  }
  assert.equal(exact({ to: "Zoë, 東京 & co" }), '{\n  "to": "Zoë, 東京 & co"\n}');
});
