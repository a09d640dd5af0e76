// A component that is on a page which is being left.
//
// With whatever a component says, Streamlit names the page that the browser shows. What is said
// between a click on a link and the arrival of the new page names the old one, and the server goes
// back to it. So a component says what it has to before the click is let through, and nothing after,
// unless the page turns out to stay: without a connection Streamlit drops what a click asks for.

const SILENT_FOR = 30000; // milliseconds; a page that takes longer did not come
const CONNECTION = "data-test-connection-state";

/** The link that a click follows to another page of this app in this tab, or null. */
export function linkAway(event) {
  const link = event.composedPath().find((at) => at instanceof HTMLAnchorElement);
  if (!link?.href || link.origin !== location.origin || link.pathname === location.pathname) return null;
  if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return null;
  return link.hasAttribute("download") || (link.target && link.target !== "_self") ? null : link;
}

/** Calls `left` when another page was asked for, by a link or by the browser's own back, and `stayed` when it did not come. */
export class Leaving {
  constructor(left, stayed, signal) {
    this.left = left;
    this.stayed = stayed;
    this.silent = false; // whether nothing may be said
    this.path = location.pathname;
    this.connection = new MutationObserver(() => this.#connected() || this.#end());
    addEventListener("popstate", () => location.pathname !== this.path && this.now(), { signal });
    signal.addEventListener("abort", () => this.#stop());
  }

  now() {
    if (!this.#connected()) return;
    this.#stop();
    this.silent = true;
    this.timer = setTimeout(() => this.#end(), SILENT_FOR);
    if (this.app) this.connection.observe(this.app, { attributeFilter: [CONNECTION] });
    this.left();
  }

  #connected() {
    this.app = document.querySelector(`[${CONNECTION}]`);
    return !this.app || this.app.getAttribute(CONNECTION) === "CONNECTED";
  }

  #stop() {
    clearTimeout(this.timer);
    this.connection.disconnect();
  }

  #end() {
    this.#stop();
    this.silent = false;
    this.stayed();
  }
}
