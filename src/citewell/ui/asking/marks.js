// @ts-check
/** An answer's text taken apart: what is said, and the footnote marks `[n]` in it. */

import { pointIndex } from "../offsets.js";

/**
 * @typedef {{ n: number, answer: [number, number], passage_id: string, document_id: string,
 *   version_id: string, start: number, end: number, quote: string, title: string, filename: string,
 *   page: number | null, verified: boolean }} Citation
 * @typedef {{ kind: "text", text: string }} Words
 * @typedef {{ kind: "mark", n: number, citation: number | null }} Mark `citation` is its place in the list
 * @typedef {Words | Mark} Part
 * @typedef {{ form: "prose" | "lines" | "verbatim", parts: Part[] }} Block
 * @typedef {{ from: number, to: number, n: number, citation: number | null }} Found
 */

const MARK = /\[(\d{1,3})\]/g;
const ONLY_MARKS = /^(?:\s|\[\d{1,3}\]|[.,;:!?。！？])*$/;
const FENCE = /^[ \t]*(?:```|~~~)/m;
const FENCES = new RegExp(FENCE, "gm");
const ROW = /^[ \t]*\|.*\|[ \t]*(?:\[\d{1,3}\][ \t]*)*$/m;
const ITEM = /^[ \t]*(?:[-*+•‣◦]|\d{1,3}[.)])[ \t]+/m;

/**
 * Take apart an answer that is complete. A `[n]` that the quoted document itself contains stays text:
 * a mark is one that stands at the end of what a citation with its number covers.
 * @param {string} text
 * @param {Citation[]} citations their `answer` counts code points
 * @returns {Block[]}
 */
export function completeAnswer(text, citations) {
  const index = pointIndex(text);
  const brackets = [...text.matchAll(MARK)].map((match) => ({ from: match.index, to: match.index + match[0].length, n: Number(match[1]) }));
  /** @type {Map<number, Found>} */
  const found = new Map();
  citations.forEach(({ n, answer }, citation) => {
    const free = brackets.filter((bracket) => bracket.n === n && !found.has(bracket.from));
    const bracket = markOf(text, free, { from: index.toUnits(answer[0]), to: index.toUnits(answer[1]) });
    if (bracket) found.set(bracket.from, { ...bracket, citation });
  });
  return laidOut(text, [...found.values()].sort((a, b) => a.from - b.from));
}

/**
 * Take apart an answer that is still being written; its marks point to sources, not yet to quotes.
 * @param {string} text
 * @param {number} sources how many there are; a higher number is no mark
 * @returns {Block[]}
 */
export function growingAnswer(text, sources) {
  const found = [...text.matchAll(MARK)].flatMap((match) => {
    const n = Number(match[1]);
    return n >= 1 && n <= sources ? [{ from: match.index, to: match.index + match[0].length, n, citation: null }] : [];
  });
  return laidOut(text, found);
}

/** @param {string} text @returns {string} without anything that looks like a mark, for who listens */
export const withoutMarks = (text) => text.replace(/(?<!\s)\s*\[\d{1,3}\]/g, "");

/**
 * The bracket that is a span's mark: the first after it, else the last at its end.
 * @template {{ from: number, to: number }} Bracket
 * @param {string} text
 * @param {Bracket[]} brackets
 * @param {{ from: number, to: number }} span
 * @returns {Bracket | undefined}
 */
function markOf(text, brackets, span) {
  const following = brackets.find(({ from }) => from >= span.to && ONLY_MARKS.test(text.slice(span.to, from)));
  return following ?? brackets.findLast(({ from, to }) => from >= span.from && to <= span.to && ONLY_MARKS.test(text.slice(to, span.to)));
}

/**
 * @param {string} text
 * @param {Found[]} found
 * @returns {Block[]}
 */
function laidOut(text, found) {
  return paragraphs(text).map(({ from, to }) => ({
    form: form(text.slice(from, to)),
    parts: parts(text, from, to, found.filter((mark) => mark.from >= from && mark.to <= to)),
  }));
}

/**
 * Where the paragraphs are; an empty line inside a fenced code block does not end one.
 * @param {string} text
 * @returns {{ from: number, to: number }[]}
 */
function paragraphs(text) {
  const found = [];
  let [from, seen, open] = [0, 0, false];
  for (const gap of text.matchAll(/\n[ \t]*\n\s*/g)) {
    open = fences(text.slice(seen, gap.index)) % 2 === 1 ? !open : open;
    seen = gap.index;
    if (open) continue;
    if (gap.index > from) found.push({ from, to: gap.index });
    from = seen = gap.index + gap[0].length;
  }
  if (from < text.length) found.push({ from, to: text.length });
  return found;
}

/** @param {string} text */
const fences = (text) => (text.match(FENCES) ?? []).length;

/** @param {string} text @returns {Block["form"]} */
function form(text) {
  if (FENCE.test(text) || ROW.test(text)) return "verbatim";
  return ITEM.test(text) ? "lines" : "prose";
}

/**
 * @param {string} text
 * @param {number} from
 * @param {number} to
 * @param {Found[]} found
 * @returns {Part[]}
 */
function parts(text, from, to, found) {
  /** @type {Part[]} */
  const made = [];
  let at = from;
  for (const mark of found) {
    // The mark is set high, so the space before it would only be a gap.
    const words = text.slice(at, mark.from).trimEnd();
    if (words) made.push({ kind: "text", text: words });
    made.push({ kind: "mark", n: mark.n, citation: mark.citation });
    at = mark.to;
  }
  if (at < to) made.push({ kind: "text", text: text.slice(at, to) });
  return made;
}
