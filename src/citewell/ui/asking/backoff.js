// @ts-check
/** When to try a lost connection again. */

const FIRST_DELAY = 250;
const LONGEST_DELAY = 5000;

/**
 * How long to wait before the next attempt: doubling, bounded, and spread so that tabs do not
 * come back all at once.
 * @param {number} attempt from 0
 * @param {number} random from 0 to 1
 * @returns {number} milliseconds
 */
export function delay(attempt, random) {
  return Math.min(FIRST_DELAY * 2 ** attempt, LONGEST_DELAY) * (0.5 + random);
}
