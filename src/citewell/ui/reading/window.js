// @ts-check
/** Which part of a long text is shown, and where it is cut. All places count UTF-16 units. */

import { width } from "../offsets.js";

/** @typedef {{ from: number, to: number }} Window */

/**
 * The part of a text to show around a span: about `size` units, whole lines where lines are short.
 * @param {string} text
 * @param {number} start
 * @param {number} end
 * @param {number} size
 * @returns {Window}
 */
export function windowAround(text, start, end, size) {
  const half = Math.floor(size / 2);
  return { from: lineStart(text, start - half), to: lineEnd(text, end + half) };
}

const LONGEST_LINE = 2000;

/**
 * The start of the line at `at`, or nearly `at` when that is far away.
 * @param {string} text @param {number} at
 */
export function lineStart(text, at) {
  if (at <= 0) return 0;
  const before = text.lastIndexOf("\n", at - 1) + 1;
  return at - before <= LONGEST_LINE ? before : whole(text, at);
}

/**
 * The end of the line at `at`, or nearly `at` when that is far away.
 * @param {string} text @param {number} at
 */
export function lineEnd(text, at) {
  if (at >= text.length) return text.length;
  const after = text.indexOf("\n", at);
  if (after >= 0 && after - at <= LONGEST_LINE) return after + 1;
  return after < 0 && text.length - at <= LONGEST_LINE ? text.length : whole(text, at);
}

/** Step back out of the middle of a surrogate pair. @param {string} text @param {number} at */
function whole(text, at) {
  return at > 0 && width(text, at - 1) === 2 ? at - 1 : at;
}

/**
 * Cut a window where pages begin and at the ends of the span.
 * @param {Window} window
 * @param {{ start: number, number: number, label: string }[]} pages in their order
 * @param {Window} span empty when nothing is to be marked
 * @returns {{ from: number, to: number, page: string | null, marked: boolean }[]} `page` where one begins
 */
export function pieces(window, pages, span) {
  const starts = new Map(pages.map((page) => [page.start, page.label || `Page ${page.number}`]));
  const cuts = [window.from, window.to, span.from, span.to, ...starts.keys()];
  const inside = cuts.filter((cut) => cut >= window.from && cut <= window.to);
  const sorted = [...new Set(inside)].sort((a, b) => a - b);
  return sorted.slice(0, -1).map((from, place) => ({
    from,
    to: sorted[place + 1],
    page: starts.get(from) ?? null,
    marked: from >= span.from && from < span.to,
  }));
}
