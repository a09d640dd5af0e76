// Texts that were marked elsewhere (on the map while this is the plane, or the other way round):
// one bit a row comes from the server; here they stand out and all others are faint.

import { readHead } from "./columns.js";

/** The message of the server, or null where nothing is marked elsewhere. */
export function readBrush(bytes) {
  if (!bytes?.length) return null;
  const head = readHead(bytes);
  return { ...head, bits: bytes.subarray(head.offset) };
}

/** One byte a row, in the order in which the rows are kept here: whether it is marked. */
export function brushed(c, brush) {
  const marked = new Uint8Array(c.n), { bits } = brush;
  for (let i = 0; i < c.n; i++) {
    const row = c.row[i];
    marked[i] = (bits[row >> 3] >> (row & 7)) & 1;
  }
  return marked;
}
