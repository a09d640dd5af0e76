// The density picture: rows counted into cells of the part in view, log-scaled. A moved threshold
// recolours cells; rows are put into cells again only when the view, the size or the data change.

import { stretch } from "./columns.js";
import { mix, packColour } from "./colours.js";

export const FAINT = 0.2; // of what is not marked, where something is
const SHADES = 17; // steps between "nothing in this cell is kept" and "all of it is"

export class Grid {
  constructor() {
    this.canvas = document.createElement("canvas");
    this.from = this.to = 0;
    this.brightest = 1;
    this.bin = new Uint32Array(0);
  }

  /** Count rows of class k (all with k < 0) into W x H cells of the view; groups are for colour. */
  fill(c, k, view, W, H, groups) {
    const [from, to] = stretch(c, k), cells = W * H;
    if (this.W !== W || this.H !== H) {
      Object.assign(this, { W, H });
      this.canvas.width = W;
      this.canvas.height = H;
      this.context = this.canvas.getContext("2d");
      this.image = this.context.createImageData(W, H);
      this.pixels = new Uint32Array(this.image.data.buffer);
      // One more cell than there are takes the rows that are out of view.
      for (const name of ["total", "kept", "rank", "lit"]) this[name] = new Uint32Array(cells + 1);
      this.level = new Uint8Array(cells);
      this.group = new Uint16Array(cells + 1);
    }
    this.from = from;
    this.to = to;
    if (this.bin.length < to - from) this.bin = new Uint32Array(to - from);
    const { bin, total, rank, group } = this, { x, y, flags, row, missing } = c;
    total.fill(0);
    const units = 60000, kx = W / ((view.x1 - view.x0) * units), ox = -view.x0 * units * kx;
    const ky = -H / ((view.y1 - view.y0) * units), oy = -view.y1 * units * ky;
    for (let i = from; i < to; i++) {
      const u = x[i] * kx + ox, v = y[i] * ky + oy;
      const at = u >= 0 && v >= 0 && u < W && v < H && !(flags[i] & missing) ? (v | 0) * W + (u | 0) : cells;
      bin[i - from] = at;
      total[at]++;
    }
    this.inView = to - from - total[cells];
    // Of the rows in a cell one, drawn by lot but always the same, gives the colour: so a share of
    // 5 % shows as 5 % of the cells, where the most frequent group would hide it.
    if (groups) {
      const { codes, last } = groups;
      rank.fill(0);
      for (let i = from; i < to; i++) {
        const at = bin[i - from], g = codes[i];
        const lot = g === last ? 1 : (Math.imul(row[i] + 1, 2654435761) >>> 0) | 2;
        if (lot > rank[at]) { rank[at] = lot; group[at] = g; }
      }
    }
    this.most = 0;
    for (let i = 0; i < cells; i++) if (total[i] > this.most) this.most = total[i];
    const scale = 190 / Math.log1p(Math.max(2, this.most));
    for (let i = 0; i < cells; i++) this.level[i] = total[i] ? 65 + Math.log1p(total[i]) * scale : 0;
  }

  /** Count the marked rows of each cell; null: nothing is marked. */
  light(marked) {
    this.marked = marked !== null;
    if (!marked) return;
    const { bin, lit, from, to } = this;
    lit.fill(0);
    for (let i = from; i < to; i++) lit[bin[i - from]] += marked[i];
    this.brightest = 1;
    for (let i = 0, n = this.W * this.H; i < n; i++) if (lit[i] > this.brightest) this.brightest = lit[i];
  }

  /** Colour the cells by what is kept of them (this.kept) and, with groups, by group. */
  paint(theme, groups) {
    const { pixels, total, kept, level, group, lit, marked, W, H } = this, shine = 135 / Math.log1p(this.brightest), shade = new Uint32Array(SHADES);
    for (let q = 0; q < SHADES; q++) shade[q] = packColour(mix(theme.notKept, theme.kept, q / (SHADES - 1)));
    const colours = groups ? Uint32Array.from(groups.colours, packColour) : null;
    for (let i = 0, n = W * H; i < n; i++) {
      const t = total[i];
      if (!t) { pixels[i] = 0; continue; }
      const q = kept[i], deep = !marked ? level[i] : lit[i] ? 120 + Math.log1p(lit[i]) * shine : level[i] * FAINT;
      if (colours) {
        // Whatever the colour means, what is not kept is faded.
        const alpha = (deep * (0.36 + (0.64 * q) / t)) | 0;
        pixels[i] = (alpha << 24) | colours[group[i]];
      } else {
        const step = q === 0 ? 0 : q === t ? SHADES - 1 : 1 + Math.floor((q * (SHADES - 2)) / t);
        pixels[i] = (deep << 24) | shade[step];
      }
    }
    this.context.putImageData(this.image, 0, 0);
  }

  /** Positions of the rows in view. */
  rowsInView() {
    const found = [], outside = this.W * this.H;
    for (let i = 0, n = this.to - this.from; i < n; i++) {
      if (this.bin[i] !== outside) found.push(i + this.from);
    }
    return found;
  }
}
