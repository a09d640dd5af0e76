// The rows as typed arrays, sorted so that each class is one stretch of memory: a moved threshold
// of one class then touches that class's rows only, and the inner loops look no label up.

export const SCALE = 60000; // grid units per 1, the same as in packing.py
export const FLAG = { noConfidence: 1, noNeed: 2, human: 4, excluded: 8, known: 16, right: 32, disagrees: 64, outside: 128 };

export function readHead(bytes) {
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  return { ...JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length))), offset: 4 + length };
}

export function decode(bytes, head) {
  const n = head.rows, C = head.classes;
  const body = bytes.slice(head.offset).buffer; // a copy, as 16-bit views must start at an even byte
  let at = 0;
  const take = (Type, length) => new Type(body, (at += length * Type.BYTES_PER_ELEMENT) - length * Type.BYTES_PER_ELEMENT, length);
  // On a map each row has a place of its own; on the plane its two signals are its place.
  const [u, v] = head.map ? [take(Uint16Array, n), take(Uint16Array, n)] : [];
  const x = take(Uint16Array, n), y = take(Uint16Array, n);
  const label = take(C < 255 ? Uint8Array : Uint16Array, n), none = C < 255 ? 255 : 65535;
  const flags = take(Uint8Array, n);
  const codes = head.categories.map(() => take(Uint8Array, n));

  // Three stretches a class: rows that thresholds decide on, rows a person labelled (always kept),
  // rows a person excluded (never kept). Rows without a label come last.
  const key = (i) => label[i] === none ? 3 * C : 3 * label[i] + (flags[i] & (FLAG.excluded | FLAG.outside) ? 2 : flags[i] & FLAG.human ? 1 : 0);
  const start = new Uint32Array(3 * C + 2);
  for (let i = 0; i < n; i++) start[key(i) + 1]++;
  for (let k = 1; k < start.length; k++) start[k] += start[k - 1];
  const next = start.slice();
  const c = {
    n, C, start, map: head.map, needKnown: head.needKnown, categories: head.categories,
    confidence: new Uint16Array(n), need: new Uint16Array(n), flags: new Uint8Array(n),
    row: new Uint32Array(n), label: new Uint16Array(n), codes: codes.map(() => new Uint8Array(n)),
    missing: FLAG.noConfidence | (head.needKnown && !head.map ? FLAG.noNeed : 0), placed: 0, goldKnown: 0, people: 0,
  };
  if (head.map) [c.x, c.y] = [new Uint16Array(n), new Uint16Array(n)];
  for (let i = 0; i < n; i++) {
    const j = next[key(i)]++;
    let f = flags[i];
    if (head.map) {
      // What is missing here is a place, whatever signals the row has.
      f = (f & ~(FLAG.noConfidence | FLAG.noNeed)) | (u[i] > SCALE ? FLAG.noConfidence : 0);
      c.x[j] = u[i]; c.y[j] = v[i];
    }
    c.confidence[j] = x[i]; c.need[j] = y[i]; c.flags[j] = f; c.row[j] = i;
    c.label[j] = label[i] === none ? C : label[i];
    for (let g = 0; g < codes.length; g++) c.codes[g][j] = codes[g][i];
    if (!(f & c.missing)) c.placed++;
    if (f & FLAG.known) c.goldKnown++;
    if (f & (FLAG.human | FLAG.excluded)) c.people++;
  }
  if (head.map) return c;
  c.x = c.confidence;
  // Before the probe no need is known: a fixed scatter, as in packing.coordinates, spreads the marks.
  c.y = head.needKnown ? c.need : c.row.length ? Uint16Array.from(c.row, (i) => (Math.imul(i, 2654435761) >>> 16) % (SCALE + 1)) : c.need;
  return c;
}

/** Where the rows of class k (or with k < 0 all rows) stand: [from, to). */
export function stretch(c, k) {
  return k < 0 ? [0, c.n] : [c.start[3 * k], c.start[3 * k + 3]];
}

/** Where the row that came at this position stands among the sorted ones; -1 where it does not. */
export function placeOf(c, position) {
  c.places ??= c.row.reduce((places, row, i) => ((places[row] = i), places), new Int32Array(c.n));
  return position >= 0 && position < c.n ? c.places[position] : -1;
}

/** Whether the row at position i is kept at thresholds t, s, and if not why, in a few words. */
export function reason(c, i, t, s) {
  const f = c.flags[i], k = c.label[i];
  if (f & FLAG.excluded) return "not kept: excluded by a person";
  if (f & FLAG.human) return "kept: labelled by a person";
  if (k === c.C) return "not kept: no teacher label";
  if (f & FLAG.outside) return "not kept: left out by the preset";
  if (c.confidence[i] < t[k]) return "not kept: teacher not sure enough";
  if (c.need[i] < s[k]) return "not kept: student knows it already";
  return "kept";
}

export function isKept(c, i, t, s) {
  const f = c.flags[i], k = c.label[i];
  return !(f & (FLAG.excluded | FLAG.outside)) && ((f & FLAG.human) !== 0 || (k < c.C && c.confidence[i] >= t[k] && c.need[i] >= s[k]));
}
