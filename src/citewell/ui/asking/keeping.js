// @ts-check
/** The runs of this tab, which a reload of the page finds again. */

const KEPT = "citewell.turns";
const MOST_KEPT = 10;

/** @returns {{ run: string, question: string }[]} the oldest first */
export const kept = () => JSON.parse(sessionStorage.getItem(KEPT) ?? "[]");

/**
 * @param {{ run: string, question: string }} turn
 * @param {string | null} before the run that it goes on from, whose place it takes
 */
export const keep = (turn, before) => store([...kept().filter((one) => one.run !== before), turn].slice(-MOST_KEPT));

/** @param {string} run */
export const forget = (run) => store(kept().filter((one) => one.run !== run));

/** @param {{ run: string, question: string }[]} turns */
const store = (turns) => sessionStorage.setItem(KEPT, JSON.stringify(turns));
