/** Numbers and states are put into words that people use. */

import assert from "node:assert/strict";
import test from "node:test";

import { delay } from "../../src/citewell/ui/asking/backoff.js";
import { duration, noticed, origin, page, plural, removed, size, state, stepName } from "../../src/citewell/ui/wording.js";

const document = {
  status: "ready", filename: "a.pdf", size: 1_834_000, pages: 14, chunks_done: 32, chunks_total: 32,
  version_number: 2, failure: null, warnings: [],
};

test("sizes are decimal and short", () => {
  assert.deepEqual([0, 999, 1000, 20_500_000, 123_456_789].map(size), ["0 B", "999 B", "1.0 kB", "20.5 MB", "123 MB"]);
});

test("one is not many", () => {
  assert.equal(plural(1, "file"), "1 file");
  assert.equal(plural(1200, "file"), "1,200 files");
});

test("a document tells what it is when it is ready, and how far it has come before", () => {
  assert.equal(state(document), "PDF · 1.8 MB · 14 pages · 32 passages · version 2");
  assert.equal(state({ ...document, status: "embedding", chunks_done: 3 }), "Indexing 3 of 32 passages");
  assert.equal(state({ ...document, status: "embedding", chunks_done: 0, chunks_total: 0 }), "Indexing");
  assert.equal(state({ ...document, status: "failed", failure: { code: "empty", reason: "It is empty." } }), "It is empty.");
});

test("a repeated step is named as a repetition", () => {
  assert.equal(stepName({ name: "retrieve", done: false }), "Searching the documents");
  assert.equal(stepName({ name: "retrieve#2", done: true }), "Searched the documents again");
  assert.equal(stepName({ name: "novel", done: true }), "novel");
});

test("a receipt counts what is gone", () => {
  const receipt = { document_id: "d", removed: { versions: 1, chunks: 32, embeddings: 32, blobs: 1 }, searchable: false };
  assert.equal(removed(receipt), "1 version, 32 passages, 32 embeddings, 1 file removed. No search finds it from now on.");
});

test("a place is named by its label, else by its page, else not at all", () => {
  assert.equal(page({ page: 3, page_label: "Costs" }), "Costs");
  assert.equal(page({ page: 3, page_label: "" }), "page 3");
  assert.equal(page({ page: null }), "");
});

test("short times are in milliseconds", () => {
  assert.deepEqual([48.2, 2400].map(duration), ["48 ms", "2.4 s"]);
});

test("attempts to connect again come ever later, up to a bound", () => {
  assert.deepEqual([0, 1, 2, 9].map((attempt) => delay(attempt, 0.5)), [250, 500, 1000, 5000]);
  assert.ok(delay(3, 0) < delay(3, 1));
});

test("a notice is put into words, and one that is not known is shown as it is", () => {
  assert.match(noticed("model_unavailable"), /the documents are quoted instead/);
  assert.equal(noticed("Something new."), "Something new.");
});

test("an answer without footnotes says where it comes from, and every other nothing", () => {
  assert.match(origin("computed"), /not quoted from the documents/);
  assert.match(origin("from_memory"), /not from the documents/);
  assert.deepEqual(["", "nothing_near", "constructor"].map(origin), ["", "", ""]);
});
