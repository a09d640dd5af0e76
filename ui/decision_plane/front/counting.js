// What the thresholds keep, of all rows, counted anew at every move: 1,000,000 rows are a few
// milliseconds, as there is one tight loop over one stretch of memory for each class.

import { FLAG } from "./columns.js";

export class Counter {
  constructor(columns) {
    this.columns = columns;
    const C = columns.C;
    this.kept = new Uint32Array(C);
    this.known = new Uint32Array(C);
    this.right = new Uint32Array(C);
    this.labelled = Uint32Array.from({ length: C }, (_, k) => columns.start[3 * k + 3] - columns.start[3 * k]);
    this.sum = { kept: 0, known: 0, right: 0 };
  }

  /** Count at thresholds t, s (grid units by class); a grid that shows rows gets its kept cells. */
  count(t, s, grid) {
    const c = this.columns;
    if (grid) grid.kept.fill(0);
    const sum = this.sum;
    sum.kept = sum.known = sum.right = 0;
    for (let k = 0; k < c.C; k++) {
      const cells = grid && c.start[3 * k] >= grid.from && c.start[3 * k + 3] <= grid.to ? grid : null;
      this.#class(k, t[k], s[k], cells);
      sum.kept += this.kept[k];
      sum.known += this.known[k];
      sum.right += this.right[k];
    }
  }

  /** Count one class into the cells of a grid of its own. */
  cells(k, a, b, grid) {
    grid.kept.fill(0);
    this.#class(k, a, b, grid);
  }

  #class(k, a, b, grid) {
    const { start, confidence, need, flags } = this.columns;
    const from = start[3 * k], middle = start[3 * k + 1], to = start[3 * k + 2];
    let kept = 0, gold = 0; // gold: known in the low, right in the high half, to count both in one step
    if (grid) {
      const { bin, kept: cells, from: base } = grid;
      for (let i = from; i < middle; i++) {
        if (confidence[i] >= a && need[i] >= b) { kept++; gold += GOLD[flags[i] & 48]; cells[bin[i - base]]++; }
      }
      for (let i = middle; i < to; i++) { kept++; gold += GOLD[flags[i] & 48]; cells[bin[i - base]]++; }
    } else {
      for (let i = from; i < middle; i++) {
        if (confidence[i] >= a && need[i] >= b) { kept++; gold += GOLD[flags[i] & 48]; }
      }
      for (let i = middle; i < to; i++) { kept++; gold += GOLD[flags[i] & 48]; }
    }
    this.kept[k] = kept;
    this.known[k] = gold % HALF;
    this.right[k] = Math.floor(gold / HALF);
  }
}

const HALF = 2 ** 26; // doubles are exact to 2 ** 53: 67 million rows a class
const GOLD = new Float64Array(64);
GOLD[FLAG.known] = 1;
GOLD[FLAG.known | FLAG.right] = 1 + HALF;
