// @ts-check
/** The side panel: a document's text with the cited passage marked and in view. */

import * as api from "../api.js";
import { byId, el, tell } from "../dom.js";
import { pointIndex } from "../offsets.js";
import { showExcerpt } from "./excerpt.js";

/**
 * @typedef {{ document_id: string, version_id: string | null, title: string, filename: string,
 *   start: number, end: number, page?: number | null, verified?: boolean, quote?: string, preview?: string }} Place
 *   a span of a document; `verified` only where somebody claims that it is a quote
 * @typedef {import("../offsets.js").PointIndex} PointIndex
 * @typedef {{ text: string, index: PointIndex, pages: { start: number, number: number, label: string }[], current: boolean }} Opened
 */

const KEPT = 3;
const OVERLAY = "(max-width: 1199px)";

/** Shows one document at a time; the focus comes in when it opens and goes back when it closes. */
export class Reader {
  /** @type {Place[]} */ #places = [];
  /** @type {Map<string, Opened>} */ #opened = new Map();
  /** @type {HTMLElement | null} */ #opener = null;
  /** @type {AbortController} */ #loading = new AbortController();
  #at = 0;
  #panel = byId("reader");
  #body = byId("reader-body");
  #title = byId("reader-title");
  #overlay = matchMedia(OVERLAY);

  constructor() {
    byId("reader-close").addEventListener("click", () => this.close());
    byId("reader-previous").addEventListener("click", () => this.#move(-1));
    byId("reader-next").addEventListener("click", () => this.#move(1));
    byId("reader-locate").addEventListener("click", () => this.#locate());
    this.#panel.addEventListener("keydown", (event) => this.#key(event));
    document.addEventListener("keydown", (event) => {
      const above = document.querySelector("dialog[open]");
      if (event.key === "Escape" && !this.#panel.hidden && !above) this.close();
    });
    this.#overlay.addEventListener("change", () => this.#seclude());
  }

  /**
   * @param {Place[]} places what previous and next go through
   * @param {number} at the one to show first
   */
  open(places, at) {
    if (this.#panel.hidden) this.#opener = /** @type {HTMLElement | null} */ (document.activeElement);
    this.#places = places;
    this.#at = at;
    this.#panel.hidden = false;
    this.#seclude();
    this.#show();
    this.#title.focus({ preventScroll: true });
  }

  /** Hide the panel and give the focus back. */
  close() {
    this.#loading.abort();
    this.#panel.hidden = true;
    this.#body.replaceChildren();
    this.#seclude();
    this.#opener?.focus();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "[") this.#move(-1);
    else if (event.key === "]") this.#move(1);
  }

  /** What lies under a panel that covers it cannot be reached by keyboard either. */
  #seclude() {
    const covered = !this.#panel.hidden && this.#overlay.matches;
    for (const id of ["conversation", "library"]) byId(id).inert = covered;
  }

  /** @param {number} by */
  #move(by) {
    const next = this.#at + by;
    if (next < 0 || next >= this.#places.length) return;
    this.#at = next;
    this.#show();
  }

  async #show() {
    const place = this.#places[this.#at];
    this.#loading.abort();
    this.#loading = new AbortController();
    const { signal } = this.#loading;
    this.#head(place);
    try {
      const opened = this.#opened.get(key(place)) ?? (await this.#load(place, signal));
      if (signal.aborted) return;
      tell(byId("reader-place"), this.#position(place, opened));
      tell(byId("reader-notice"), caution(place, opened.current));
      this.#text(opened, place);
    } catch (error) {
      if (!signal.aborted) this.#unavailable(place, error);
    }
  }

  /** @param {Place} place */
  #head(place) {
    this.#title.textContent = place.title || place.filename;
    byId("reader-previous", HTMLButtonElement).disabled = this.#at === 0;
    byId("reader-next", HTMLButtonElement).disabled = this.#at === this.#places.length - 1;
    for (const id of ["reader-previous", "reader-next"]) byId(id).hidden = this.#places.length < 2;
    byId("reader-locate").hidden = place.end <= place.start;
    byId("reader-original", HTMLAnchorElement).href = api.originalUrl(place.document_id);
    if (!this.#opened.has(key(place))) {
      tell(byId("reader-place"), "Loading…");
      tell(byId("reader-notice"));
      this.#body.replaceChildren();
    }
  }

  /**
   * @param {Place} place
   * @param {Opened} opened
   */
  #position(place, { index, pages }) {
    const unit = index.toUnits(place.start);
    const on = place.end > place.start ? pages.findLast((page) => page.start <= unit) : null;
    const count = this.#places.length > 1 ? `${this.#at + 1} of ${this.#places.length}` : "";
    return [count, on && (on.label || `Page ${on.number}`), place.filename].filter(Boolean).join(" · ");
  }

  /**
   * @param {Place} place
   * @param {AbortSignal} signal
   * @returns {Promise<Opened>}
   */
  async #load(place, signal) {
    const { text, pages, current } = await api.documentText(place.document_id, place.version_id, signal);
    const index = pointIndex(text);
    const opened = { text, index, current, pages: pages.map(({ start, number, label }) => ({ start: index.toUnits(start), number, label })) };
    this.#opened.set(key(place), opened);
    if (this.#opened.size > KEPT) this.#opened.delete(/** @type {string} */ (this.#opened.keys().next().value));
    return opened;
  }

  /**
   * @param {Opened} opened
   * @param {Place} place
   */
  #text(opened, place) {
    const span = { from: opened.index.toUnits(place.start), to: opened.index.toUnits(place.end) };
    const kind = place.verified === false ? "unverified" : "";
    showExcerpt(this.#body, opened, span, kind);
    this.#locate();
  }

  #locate() {
    this.#body.querySelector("mark")?.scrollIntoView({ block: "center" });
  }

  /**
   * @param {Place} place
   * @param {unknown} error
   */
  #unavailable(place, error) {
    const gone = error instanceof api.Problem && error.status === 404;
    tell(byId("reader-place"), place.filename);
    tell(byId("reader-notice"), gone ? "This document was deleted, so its text can no longer be shown." : api.explained(error));
    const kept = place.quote || place.preview;
    this.#body.replaceChildren(...(kept ? [el("p", { class: "muted" }, "The answer quoted:"), el("blockquote", {}, kept)] : []));
  }
}

/** @param {Place} place */
const key = (place) => `${place.document_id} ${place.version_id ?? ""}`;

/**
 * @param {Place} place
 * @param {boolean} current
 */
function caution(place, current) {
  const doubt = place.verified === false && "This passage could not be confirmed word for word. Read it before you rely on it.";
  return [doubt, !current && "This is an earlier version of the document."].filter(Boolean).join(" ");
}
