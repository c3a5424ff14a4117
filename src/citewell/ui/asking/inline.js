// @ts-check
/** Markdown inside a quoted sentence, shown as what it means; the quote itself stays as it is. */

/** @typedef {{ kind: "plain" | "strong" | "code" | "link", text: string, title?: string }} Piece */

const INLINE = new RegExp(
  [
    "`([^`\\n]+)`",
    "\\*\\*(?=\\S)([^\\n]+?)(?<=\\S)\\*\\*",
    "!?\\[([^\\[\\]\\n]*)\\]\\(([^\\s()]*(?:\\([^\\s()]*\\)[^\\s()]*)*)(?:\\s+\"[^\"\\n]*\")?\\)",
  ].join("|"),
  "g",
);
const HEADING = /^[ \t]*#{1,6}[ \t]+(.+?)[ \t]*#*$/gm;
const BULLET = /^([ \t]*)[-*+][ \t]+/gm;

/**
 * Take the inline marks of Markdown out of a text. What is no complete mark stays as it is written.
 * A link is never one that can be followed: its address comes from somebody's file.
 * @param {string} text
 * @returns {Piece[]}
 */
export function inline(text) {
  return pieces(text.replace(HEADING, "**$1**").replace(BULLET, "$1• "), "plain");
}

/** @param {string} text the words alone, for where there is no room for more */
export const wordsOf = (text) => inline(text).map((piece) => piece.text).join("");

/**
 * @param {string} text
 * @param {"plain" | "strong"} kind of what is not marked
 * @returns {Piece[]}
 */
function pieces(text, kind) {
  /** @type {Piece[]} */
  const made = [];
  let at = 0;
  for (const found of text.matchAll(INLINE)) {
    if (found.index > at) made.push({ kind, text: text.slice(at, found.index) });
    made.push(...meant(found, kind));
    at = found.index + found[0].length;
  }
  if (at < text.length) made.push({ kind, text: text.slice(at) });
  return made;
}

/**
 * @param {RegExpMatchArray} found
 * @param {"plain" | "strong"} kind
 * @returns {Piece[]}
 */
function meant([, code, strong, label, address], kind) {
  if (code !== undefined) return [{ kind: "code", text: code }];
  if (strong !== undefined) return pieces(strong, "strong");
  // A link inside what is emphasised stays emphasised.
  return label ? [{ kind: kind === "strong" ? "strong" : "link", text: wordsOf(label), title: address }] : [];
}
