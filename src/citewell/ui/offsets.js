// @ts-check
/** Places in a text: the server counts Unicode code points, JavaScript counts UTF-16 units. */

const STRIDE = 4096;

/** @typedef {{ toUnits: (point: number) => number, toPoints: (unit: number) => number, length: number }} PointIndex */

/**
 * Translate offsets of `text` both ways in constant time; offsets outside are clamped to its ends.
 * @param {string} text
 * @returns {PointIndex} `length` counts code points
 */
export function pointIndex(text) {
  if (!/[\ud800-\udbff][\udc00-\udfff]/.test(text)) {
    const same = (/** @type {number} */ offset) => clamp(offset, text.length);
    return { toUnits: same, toPoints: same, length: text.length };
  }
  const { marks, length } = checkpoints(text);
  return {
    length,
    toUnits(point) {
      let left = clamp(point, length);
      let unit = marks[Math.floor(left / STRIDE)];
      for (left %= STRIDE; left > 0; left -= 1) unit += width(text, unit);
      return unit;
    },
    toPoints(unit) {
      const goal = clamp(unit, text.length);
      const mark = lastAtMost(marks, goal);
      let point = mark * STRIDE;
      for (let at = marks[mark]; at + width(text, at) <= goal && at < goal; point += 1) at += width(text, at);
      return point;
    },
  };
}

/**
 * Every STRIDE-th code point's place in UTF-16 units.
 * @param {string} text
 */
function checkpoints(text) {
  const marks = [0];
  let points = 0;
  for (let unit = 0; unit < text.length; unit += width(text, unit)) {
    if (points > 0 && points % STRIDE === 0) marks.push(unit);
    points += 1;
  }
  // The end is a place too: a text of exactly n strides needs a mark there.
  if (points > 0 && points % STRIDE === 0) marks.push(text.length);
  return { marks, length: points };
}

/**
 * How many units the code point at a place takes, 1 or 2.
 * @param {string} text
 * @param {number} unit
 */
export function width(text, unit) {
  const high = text.charCodeAt(unit);
  if (high < 0xd800 || high > 0xdbff) return 1;
  const low = text.charCodeAt(unit + 1);
  return low >= 0xdc00 && low <= 0xdfff ? 2 : 1;
}

/** @param {number} offset @param {number} length */
function clamp(offset, length) {
  return Math.min(Math.max(Math.trunc(offset) || 0, 0), length);
}

/** @param {number[]} sorted @param {number} value */
function lastAtMost(sorted, value) {
  let low = 0;
  let high = sorted.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (sorted[middle] <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}
