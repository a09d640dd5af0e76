// A component that is on a page which is being left.
//
// With whatever a component says, Streamlit names the page that the browser shows. What is said
// between a click on a link and the arrival of the new page names the old one, and the server goes
// back to it. So a component says what it has to before the click is let through, and nothing after.

const SILENT_FOR = 30000; // milliseconds; a page that takes longer did not come

/** The link that a click follows to another page of this app in this tab, or null. */
export function linkAway(event) {
  const link = event.composedPath().find((at) => at instanceof HTMLAnchorElement);
  if (!link?.href || link.origin !== location.origin || link.pathname === location.pathname) return null;
  if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return null;
  return link.hasAttribute("download") || (link.target && link.target !== "_self") ? null : link;
}

/** Calls `left` when another page was asked for: by a link, or by the browser's own back. */
export class Leaving {
  constructor(left, signal) {
    this.left = left;
    this.path = location.pathname;
    this.since = -SILENT_FOR;
    addEventListener("popstate", () => location.pathname !== this.path && this.now(), { signal });
  }

  now() {
    this.since = performance.now();
    this.left();
  }

  /** Whether nothing may be said. */
  get silent() {
    return performance.now() - this.since < SILENT_FOR;
  }
}
