// Presses that the server has not confirmed yet. Each is sent, with all others, until it is.
//
// They also lie in the tab's own storage, so that a reload sends them again. A press has a name that
// is given once, and the server does what it names once, however often it comes.

const RETRY_FIRST = 3000, RETRY_LONGEST = 30000;

const hex = (bytes) => [...crypto.getRandomValues(new Uint8Array(bytes))].map((b) => b.toString(16).padStart(2, "0")).join("");

export class Queue {
  /** `send(presses, attempt)` hands all that waits to the server. */
  constructor(send) {
    this.send = send;
    this.waiting = [];
    this.nonce = hex(6);
    this.count = 0;
    this.attempt = 0;
    this.place = null;
    this.timer = 0;
    this.paused = false;
  }

  /** Where the tab keeps them: another project, home or person has another place. */
  keepAt(place, again = false) {
    if (place === this.place && !again) return;
    this.place = place;
    let kept = [];
    try { kept = JSON.parse(sessionStorage.getItem(place) ?? "[]"); } catch { kept = []; }
    this.waiting = Array.isArray(kept) ? kept : [];
    if (this.waiting.length) this.tell();
  }

  /** Twenty hexadecimal letters that no other press has. */
  nextId() {
    return this.nonce + (++this.count).toString(16).padStart(8, "0");
  }

  add(press) {
    this.waiting.push({ ...press, since: Date.now() });
    this.#keep();
    this.tell();
  }

  /** The server has done these, or says why it does not. */
  confirm(ids) {
    const done = new Set(ids), before = this.waiting.length;
    this.waiting = this.waiting.filter((press) => !done.has(press.id));
    if (this.waiting.length === before) return;
    this.attempt = 0;
    this.#keep();
    if (!this.waiting.length) clearTimeout(this.timer);
  }

  tell() {
    if (this.paused) return;
    this.send(this.unsent(), this.attempt);
    clearTimeout(this.timer);
    if (!this.waiting.length) return;
    this.timer = setTimeout(() => { this.attempt++; this.tell(); }, Math.min(RETRY_LONGEST, RETRY_FIRST * 2 ** this.attempt));
  }

  /** All that waits, as the server takes it. */
  unsent() {
    return this.waiting.map(({ since, ...press }) => press);
  }

  /** What can be undone, the last at the end: confirmed acts (newest first), and those on their way. */
  undoable(confirmed) {
    const gone = new Set(), acts = confirmed.map((act) => ({ ...act })).reverse();
    for (const press of this.waiting) {
      if (press.do === "undo") gone.add(press.target);
      else if (!acts.some((act) => act.target === press.id)) acts.push({ target: press.id, row: press.row });
    }
    return acts.filter((act) => !gone.has(act.target));
  }

  /** How long the oldest of them has waited, in milliseconds. */
  age() {
    return this.waiting.length ? Date.now() - this.waiting[0].since : 0;
  }

  stop() {
    clearTimeout(this.timer);
  }

  /** Nothing is sent, and all is kept, until `resume`. */
  pause() {
    this.paused = true;
    this.stop();
  }

  resume() {
    this.paused = false;
    if (this.waiting.length) this.tell();
  }

  #keep() {
    try {
      if (this.waiting.length) sessionStorage.setItem(this.place, JSON.stringify(this.waiting));
      else sessionStorage.removeItem(this.place);
    } catch { /* no storage: they are sent all the same, only a reload would lose them */ }
  }
}
