// @ts-check
/** The documents of a collection: their progress, failures and removal. */

import * as api from "../api.js";
import { byId, confirmed, el, tell } from "../dom.js";
import { isUnfinished, plural, removed, state } from "../wording.js";

/** @typedef {import("../api.js").Document} Document */

const POLL = 1000;
const POLL_AFTER_FAILURE = 5000;
const PAGE = 100;
const FILTER_FROM = 9;
const TYPING = 250;

/** The list of documents; it asks the server again only while something is unfinished. */
export class Library {
  /** @type {string | null} */ #collection = null;
  /** @type {Document[]} */ #documents = [];
  /** @type {Map<string, { row: HTMLElement, shown: string }>} */ #rows = new Map();
  /** @type {string | null} */ #next = null;
  /** @type {number | undefined} */ #timer;
  #pages = 1;
  #turn = 0;
  #list = byId("documents");
  #summary = byId("document-summary");
  #filter = byId("document-filter", HTMLInputElement);
  #more = byId("more-documents");
  #onOpen;
  #onChange;

  /**
   * @param {(document: Document) => void} onOpen
   * @param {(documents: Document[], more: boolean) => void} onChange the list was read anew, unfiltered
   */
  constructor(onOpen, onChange) {
    this.#onOpen = onOpen;
    this.#onChange = onChange;
    this.#more.addEventListener("click", () => {
      this.#pages += 1;
      this.refresh();
    });
    this.#filter.addEventListener("input", () => this.#later(TYPING));
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.refresh());
  }

  /** @param {string} collection */
  show(collection) {
    this.#collection = collection;
    this.#documents = [];
    this.#pages = 1;
    this.#filter.value = "";
    this.#draw();
    tell(this.#summary, "Loading…");
    this.refresh();
  }

  /** Read the list anew now, and from then on while something is unfinished. */
  async refresh() {
    if (!this.#collection) return;
    clearTimeout(this.#timer);
    // An answer that comes after a newer question was asked is of no use.
    const turn = (this.#turn += 1);
    try {
      const { items, next } = await this.#read(this.#collection);
      if (turn !== this.#turn) return;
      this.#documents = items;
      this.#next = next;
      this.#draw();
      if (!this.#filter.value.trim()) this.#onChange(items, next !== null);
      if (items.some(isUnfinished)) this.#later(POLL);
    } catch (error) {
      if (turn !== this.#turn) return;
      tell(this.#summary, api.explained(error));
      if (error instanceof api.Problem && error.retryable) this.#later(POLL_AFTER_FAILURE);
    }
  }

  /** @param {string} collection */
  async #read(collection) {
    /** @type {Document[]} */
    const items = [];
    /** @type {string | null} */
    let next = null;
    for (let page = 0; page < this.#pages; page += 1) {
      const asked = { collection, q: this.#filter.value.trim(), cursor: next ?? "", limit: PAGE };
      const found = await api.documents(asked);
      items.push(...found.items);
      next = found.next_cursor;
      if (!next) break;
    }
    return { items, next };
  }

  /** @param {number} milliseconds */
  #later(milliseconds) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => document.visibilityState === "visible" && this.refresh(), milliseconds);
  }

  #draw() {
    const rows = this.#documents.map((one) => this.#row(one));
    const present = new Set(this.#documents.map((one) => one.id));
    for (const [id, { row }] of this.#rows) {
      if (present.has(id)) continue;
      row.remove();
      this.#rows.delete(id);
    }
    // Rows are moved only when they must be: moving one takes the focus out of it.
    rows.forEach((row, place) => {
      if (this.#list.children[place] !== row) this.#list.insertBefore(row, this.#list.children[place] ?? null);
    });
    this.#more.hidden = !this.#next;
    this.#filter.hidden = this.#documents.length < FILTER_FROM && !this.#filter.value;
    tell(this.#summary, summary(this.#documents, Boolean(this.#next), this.#filter.value.trim()));
  }

  /** @param {Document} one */
  #row(one) {
    const content = JSON.stringify(one);
    const known = this.#rows.get(one.id);
    if (known?.shown === content) return known.row;
    const row = known?.row ?? el("li");
    const focused = row.contains(document.activeElement) ? document.activeElement?.getAttribute("data-does") : null;
    row.className = `document ${one.status}`;
    row.replaceChildren(...this.#parts(one));
    if (focused) /** @type {HTMLElement | null} */ (row.querySelector(`[data-does="${focused}"]`))?.focus();
    this.#rows.set(one.id, { row, shown: content });
    return row;
  }

  /** @param {Document} one */
  #parts(one) {
    const ready = one.version_id !== null && one.status !== "failed";
    const name = ready
      ? el("button", { type: "button", class: "title", "data-does": "open", title: one.filename, onclick: () => this.#onOpen(one) }, one.title)
      : el("span", { class: "title", title: one.filename }, one.title);
    const remove = el("button", { type: "button", class: "icon", "data-does": "delete", "aria-label": `Delete ${one.title}`, title: "Delete", onclick: () => this.#delete(one) }, "✕");
    return [
      el("div", { class: "row-head" }, name, remove),
      el("p", { class: "state" }, state(one)),
      isUnfinished(one) && bar(one),
      one.status === "failed" && el("button", { type: "button", "data-does": "retry", "aria-label": `Try ${one.title} again`, onclick: () => this.#attempt(() => api.reprocess(one.id)) }, "Try again"),
      ...one.warnings.map((warning) => el("p", { class: "warning" }, warning)),
    ].filter((part) => part instanceof HTMLElement);
  }

  /** @param {Document} one */
  async #delete(one) {
    const text = `“${one.title}” and everything made from it will be removed. This cannot be undone.`;
    if (!(await confirmed("Delete this document?", text))) return;
    const place = this.#documents.findIndex((other) => other.id === one.id);
    const receipt = await this.#attempt(() => api.deleteDocument(one.id));
    if (!receipt) return;
    tell(byId("receipt"), el("strong", {}, `Deleted “${one.title}”. `), removed(receipt), " ",
      el("button", { type: "button", class: "quiet", onclick: () => tell(byId("receipt")) }, "Dismiss"));
    const neighbour = this.#list.children[Math.min(place, this.#list.children.length - 1)];
    const target = /** @type {HTMLElement | null} */ (neighbour?.querySelector("button")) ?? byId("choose-files");
    target.focus();
  }

  /**
   * @template Result
   * @param {() => Promise<Result>} action
   * @returns {Promise<Result | null>} null when it failed; the reader has been told
   */
  async #attempt(action) {
    try {
      return await action();
    } catch (error) {
      tell(byId("receipt"), api.explained(error));
      return null;
    } finally {
      await this.refresh();
    }
  }
}

/** @param {Document} one a bar that moves by itself until there is something to count */
function bar(one) {
  const label = `${one.title}: ${state(one)}`;
  if (!one.chunks_total) return el("progress", { "aria-label": label });
  return el("progress", { "aria-label": label, max: one.chunks_total, value: one.chunks_done });
}

/**
 * @param {Document[]} documents
 * @param {boolean} more
 * @param {string} filter
 */
function summary(documents, more, filter) {
  if (!documents.length) return filter ? `No document’s name contains “${filter}”.` : "No documents yet. Add some to ask about them.";
  const working = documents.filter(isUnfinished).length;
  const failed = documents.filter((one) => one.status === "failed").length;
  const count = more ? `The newest ${plural(documents.length, "document")}` : plural(documents.length, "document");
  return [count, working && `${working} in progress`, failed && `${failed} failed`].filter(Boolean).join(" · ");
}
