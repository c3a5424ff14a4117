/** Shows each text of a JSON list from stdin in every place of a turn and of a document; HTML out. */

import { readFileSync } from "node:fs";

import { install } from "./dom.mjs";

install();
const ui = "../../../src/citewell/ui";
const { turnView } = await import(`${ui}/asking/answer.js`);
const { newTurn } = await import(`${ui}/asking/turn.js`);
const { showExcerpt } = await import(`${ui}/reading/excerpt.js`);

const actions = { onOpen() {}, onAgain() {}, onDecide() {} };

function place(text, n) {
  return { n, passage_id: "p", document_id: "d", version_id: "v", title: text, filename: text, page: 1, page_label: text, start: 0, end: 1, scores: {}, preview: text };
}

function turns(text) {
  const citation = { ...place(text, 1), answer: [0, text.length], quote: text, verified: false };
  const base = { ...newTurn(text), sources: [place(text, 1), place(text, 2)], text, notices: [text], steps: [{ name: text, done: true, ms: 1 }] };
  return [
    { ...base, phase: "running" },
    { ...base, phase: "done", complete: true, text: `${text} [1]`, citations: [citation] },
    { ...base, phase: "done", complete: true, answered: false, related: [place(text, 1)] },
    { ...base, phase: "asked", asked: { id: "i", message: text, tool: text, arguments: { [text]: text } } },
    { ...base, phase: "failed", failure: { message: text, hint: text, code: text } },
  ];
}

const shown = JSON.parse(readFileSync(0, "utf-8")).map((text) => {
  const views = turns(text).map((turn) => {
    const view = turnView(turn, actions);
    view.show(turn);
    return view.article.outerHTML;
  });
  const body = document.createElement("div");
  showExcerpt(body, { text, pages: [{ start: 0, number: 1, label: text }] }, { from: 0, to: text.length }, "cited");
  return views.join("") + body.outerHTML;
});
process.stdout.write(JSON.stringify(shown));
