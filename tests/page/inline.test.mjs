/** Markdown in a quote is shown as what it means, and what is no Markdown stays as it is. */

import assert from "node:assert/strict";
import test from "node:test";

import { inline, wordsOf } from "../../src/citewell/ui/asking/inline.js";

const flat = (text) => inline(text).map(({ kind, text: words }) => (kind === "plain" ? words : `<${kind}:${words}>`)).join("");

test("emphasis, code and links lose their marks and keep their words", () => {
  assert.equal(flat("Use **at least** `19 MiB` of [memory](https://e.org/a_(b) \"T\")."), "Use <strong:at least> <code:19 MiB> of <link:memory>.");
  assert.equal(flat("- **Use [Argon2id](#argon2id) with 19 MiB.**"), "• <strong:Use ><strong:Argon2id><strong: with 19 MiB.>");
  assert.equal(flat("### Argon2id\nIt won."), "<strong:Argon2id>\nIt won.");
  assert.equal(flat("![](chart.png)See."), "See.");
});

test("a heading loses the marks that close it, keeps a sign that is its own, and may be long", () => {
  assert.equal(flat("## Two ## \n# C#\n# a #b"), "<strong:Two>\n<strong:C#>\n<strong:a #b>");
  assert.equal(flat(`# ${"long ".repeat(100)}`), "long ".repeat(100).trim());
});

test("what is not a complete mark stays as it is written", () => {
  for (const text of ["2 ** 3 ** 4", "a **b", "`open", "[1]", "see [1] (2)", "f(x)[0](", "** **", "#hash", "-1 degrees", "snake_case_name"]) {
    assert.equal(flat(text), text);
  }
});

test("code keeps what would be a mark outside of it", () => {
  assert.equal(flat("`a ** b ** [c](d)`"), "<code:a ** b ** [c](d)>");
});

test("an address is told and never becomes something to follow", () => {
  const [piece] = inline("[click](javascript:alert)");
  assert.deepEqual(piece, { kind: "link", text: "click", title: "javascript:alert" });
});

test("a preview is the words alone", () => {
  assert.equal(wordsOf("- **Use [Argon2id](#a)** `now`"), "• Use Argon2id now");
});

test("a long line of unclosed marks is read in no time", () => {
  const began = performance.now();
  inline("**a [b](c `d ".repeat(2000));
  assert.ok(performance.now() - began < 1000);
});
