// @ts-check
/** The panel in which a person decides about a call of a tool: what it would do, exactly. */

import { el } from "../dom.js";

/** @typedef {import("./turn.js").Question} Question */

/** What is not seen as it is: controls, directions, fillers, and spaces that are none of the keyboard's. */
const UNSEEN = /[\p{C}\p{Default_Ignorable_Code_Point}\p{Zl}\p{Zp}]|[^\S \n]/gu;

/**
 * The arguments as JSON, with an escape in place of every character that is not seen.
 * @param {Record<string, unknown>} given
 */
export function exact(given) {
  return JSON.stringify(given, null, 2).replace(UNSEEN, (character) =>
    character === "\n" ? character : `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}

/**
 * @param {Question} question
 * @param {(approved: boolean) => void} onDecide
 */
export function approvalPanel({ message, tool, arguments: given }, onDecide) {
  const decide = (/** @type {boolean} */ approved) => () => onDecide(approved);
  return el("section", { class: "notice approval", role: "group", "aria-label": "A tool needs your approval" },
    el("p", {}, message),
    el("p", {}, el("strong", {}, tool)),
    el("pre", { tabindex: "0", "aria-label": "Arguments" }, exact(given)),
    el("p", { class: "actions" },
      el("button", { type: "button", class: "quiet", onclick: decide(false) }, "Refuse"), " ",
      el("button", { type: "button", class: "quiet", onclick: decide(true) }, "Approve")));
}
