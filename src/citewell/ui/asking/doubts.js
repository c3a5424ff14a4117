// @ts-check
/** What of an answer its sources do not confirm, in words. */

import { withoutMarks } from "./marks.js";

/**
 * @typedef {{ answer: [number, number], reason: string, n?: number }} Told `answer` counts code points
 * @typedef {{ said: string, why: string }} Doubt
 */

/** @type {Record<string, string>} */
const WHY = {
  no_citation: "it has no footnote",
  unknown_mark: "the footnote points to nothing",
  quote_changed: "the source does not hold the quote any more",
  misquoted: "the source does not say it in these words",
  misattributed: "another source says it in these words, not this one",
  unsupported_number: "the source has no such number",
  unsupported_date: "the source has no such date",
  unsupported_name: "the source has no such name",
  unsupported_link: "the source has no such address",
  negated: "the source says the opposite, or does not deny it",
  not_similar: "the source says something else",
  other_language: "the source is in another language",
  model_doubts: "a language model that looked again does not find it there",
  not_computed: "no tool has said it",
  unrelated: "the footnote has nothing to do with it",
};

/**
 * @param {string} text
 * @param {Told[]} told
 * @returns {Doubt[]}
 */
export function doubtsOf(text, told) {
  const points = [...text];
  return told.map(({ answer: [start, end], reason, n }) => ({
    said: n === undefined ? withoutMarks(points.slice(start, end).join("")) : `[${n}]`,
    why: WHY[reason] ?? "it could not be confirmed",
  }));
}
