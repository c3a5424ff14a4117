// @ts-check
/** A part of a document's text on the page, which grows on demand: a long text is never shown whole. */

import { el } from "../dom.js";
import { lineEnd, lineStart, pieces, windowAround } from "./window.js";

/**
 * @typedef {import("./window.js").Window} Window
 * @typedef {{ text: string, pages: { start: number, number: number, label: string }[] }} Readable
 */

const SIZE = 200_000;

/**
 * Fill `body` with the text around a span, the span marked, and buttons for what is before and after.
 * @param {HTMLElement} body scrolls
 * @param {Readable} readable
 * @param {Window} span in UTF-16 units; empty when nothing is to be marked
 * @param {string} kind the class of the mark
 */
export function showExcerpt(body, readable, span, kind) {
  const { text } = readable;
  const shown = windowAround(text, span.from, span.to, SIZE);
  const above = moreButton("Show more before");
  const below = moreButton("Show more after");
  const bound = () => {
    above.hidden = shown.from === 0;
    below.hidden = shown.to === text.length;
  };
  above.addEventListener("click", () => {
    const from = lineStart(text, shown.from - SIZE);
    const fromEnd = body.scrollHeight - body.scrollTop;
    above.after(fragment(readable, { from, to: shown.from }, span, kind));
    shown.from = from;
    bound();
    // What was in view stays in view.
    body.scrollTop = body.scrollHeight - fromEnd;
    if (above.hidden) body.focus({ preventScroll: true });
  });
  below.addEventListener("click", () => {
    const to = lineEnd(text, shown.to + SIZE);
    below.before(fragment(readable, { from: shown.to, to }, span, kind));
    shown.to = to;
    bound();
    if (below.hidden) body.focus({ preventScroll: true });
  });
  bound();
  body.replaceChildren(above, fragment(readable, shown, span, kind), below);
  body.scrollTop = 0;
}

/** @param {string} words */
const moreButton = (words) => el("button", { type: "button", class: "more" }, words);

/**
 * @param {Readable} readable
 * @param {Window} window
 * @param {Window} span
 * @param {string} kind
 */
function fragment({ text, pages }, window, span, kind) {
  const made = document.createDocumentFragment();
  for (const piece of pieces(window, pages, span)) {
    if (piece.page) made.append(el("span", { class: "page", role: "separator", "aria-label": piece.page }, piece.page));
    const words = text.slice(piece.from, piece.to);
    made.append(piece.marked ? el("mark", { class: kind }, words) : words);
  }
  return made;
}
