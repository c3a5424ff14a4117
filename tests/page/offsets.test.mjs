/** Places in a text stay true where a character takes two UTF-16 units. */

import assert from "node:assert/strict";
import test from "node:test";

import { pointIndex } from "../../src/citewell/ui/offsets.js";

test("an emoji counts as one point and two units", () => {
  const index = pointIndex("a😀b");
  assert.equal(index.length, 3);
  assert.deepEqual([0, 1, 2, 3].map(index.toUnits), [0, 1, 3, 4]);
  assert.deepEqual([0, 1, 3, 4].map(index.toPoints), [0, 1, 2, 3]);
});

test("a unit in the middle of a pair belongs to the point that it is part of", () => {
  assert.equal(pointIndex("😀b").toPoints(1), 0);
});

test("half of a pair counts as a point of its own", () => {
  const index = pointIndex("\ud83d😀\ude00b");
  assert.equal(index.length, 4);
  assert.deepEqual([0, 1, 2, 3, 4].map(index.toUnits), [0, 1, 3, 4, 5]);
});

test("offsets outside of the text are clamped to its ends", () => {
  for (const text of ["plain", "with 😀"]) {
    const index = pointIndex(text);
    assert.equal(index.toUnits(-5), 0);
    assert.equal(index.toUnits(1e9), text.length);
    assert.equal(index.toPoints(1e9), [...text].length);
  }
});

test("every offset agrees with counting by hand across several strides", () => {
  const text = "é😀x".repeat(4096) + "end";
  const index = pointIndex(text);
  let unit = 0;
  [...text].forEach((character, point) => {
    if (index.toUnits(point) !== unit || index.toPoints(unit) !== point) assert.fail(`at point ${point}`);
    unit += character.length;
  });
  assert.equal(index.toUnits(index.length), text.length);
  assert.equal(index.toPoints(text.length), index.length);
});

test("a text of exactly one stride has an end", () => {
  const text = "😀".repeat(4096);
  assert.equal(pointIndex(text).toUnits(4096), text.length);
});

test("an empty text has one place", () => {
  assert.equal(pointIndex("").toUnits(3), 0);
  assert.equal(pointIndex("").length, 0);
});
