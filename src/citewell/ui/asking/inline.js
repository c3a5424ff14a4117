// @ts-check
/** Markdown inside a quoted sentence, shown as what it means; the quote itself stays as it is. */

/** @typedef {{ kind: "plain" | "strong" | "code" | "link", text: string, title?: string }} Piece */

// Without a bound, each of many marks that nothing closes would be looked after to the end.
const MOST_STRONG = 400;
const INLINE = new RegExp(
  [
    "`([^`\\n]+)`",
    `\\*\\*(?=\\S)([^\\n]{1,${MOST_STRONG}}?)(?<=\\S)\\*\\*`,
    "!?\\[([^\\[\\]\\n]*)\\]\\(([^\\s()]*(?:\\([^\\s()]*\\)[^\\s()]*)*)(?:\\s+\"[^\"\\n]*\")?\\)",
  ].join("|"),
  "g",
);
const HEADING = /^[ \t]*#{1,6}[ \t]+(\S.*)$/gm;
const BULLET = /^([ \t]*)[-*+][ \t]+/gm;

/**
 * Take the inline marks of Markdown out of a text. What is no complete mark stays as it is written.
 * A link is never one that can be followed: its address comes from somebody's file.
 * @param {string} text
 * @returns {Piece[]}
 */
export function inline(text) {
  const plain = text.replace(HEADING, (_, words) => strong(unclosed(words))).replace(BULLET, "$1• ");
  return pieces(plain, "plain");
}

/** @param {string} words */
const strong = (words) => (words.length > MOST_STRONG ? words : `**${words}**`);

/** @param {string} heading @returns {string} without the marks that may close it */
function unclosed(heading) {
  const words = heading.trimEnd();
  let end = words.length;
  while (words[end - 1] === "#") end -= 1;
  return /\s/.test(words[end - 1] ?? "") ? words.slice(0, end).trimEnd() : words;
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
