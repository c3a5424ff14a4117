// @ts-check
/** Files on their way to the server: chosen, dropped or pasted, a few at a time, no failure lost. */

import * as api from "../api.js";
import { announce, byId, el } from "../dom.js";
import { plural, size } from "../wording.js";

/**
 * @typedef {"waiting" | "sending" | "sent" | "duplicate" | "failed"} State
 * @typedef {{ file: File, collection: string, state: State, share: number, reason: string,
 *   stop: AbortController | null }} Item
 */

const AT_ONCE = 3;
const ROWS = 30;

/** The queue of uploads and the tray that shows it. */
export class Uploads {
  /** @type {Item[]} */ #items = [];
  /** @type {api.Info | null} */ #info = null;
  /** @type {string | null} */ #collection = null;
  #leftOut = 0;
  #drawing = 0;
  #onSent;

  /** @param {() => void} onSent the server has taken a file */
  constructor(onSent) {
    this.#onSent = onSent;
    byId("upload-retry").addEventListener("click", () => this.#retry(this.#items.filter((item) => item.state === "failed")));
    byId("upload-clear").addEventListener("click", () => this.#clear());
    window.addEventListener("beforeunload", (event) => {
      if (this.#items.some(isOpen)) event.preventDefault();
    });
  }

  /** @param {api.Info} info what the server reads and how much it takes */
  bounds(info) {
    this.#info = info;
  }

  /** @param {string} collection where files that are added from now on go */
  into(collection) {
    this.#collection = collection;
  }

  /**
   * Queue files; what a folder holds besides documents is left out and counted.
   * @param {File[]} files
   * @param {boolean} fromFolder
   */
  add(files, fromFolder) {
    const { formats = [] } = this.#info ?? {};
    const wanted = fromFolder ? files.filter((file) => isDocument(file.name, formats)) : files;
    this.#leftOut += files.length - wanted.length;
    const collection = this.#collection;
    if (collection) this.#items.push(...wanted.map((file) => newItem(file, collection)));
    this.#pump();
  }

  #pump() {
    const sending = this.#items.filter((item) => item.state === "sending").length;
    const next = this.#items.filter((item) => item.state === "waiting").slice(0, AT_ONCE - sending);
    for (const item of next) this.#send(item);
    this.#draw();
  }

  /** @param {Item} item */
  async #send(item) {
    item.state = "sending";
    const limit = this.#info?.limits.upload_bytes ?? Infinity;
    try {
      if (item.file.size > limit) throw new api.Problem(`${size(item.file.size)} is more than the limit of ${size(limit)}.`);
      item.stop = new AbortController();
      const onDuplicate = byId("on-duplicate", HTMLSelectElement).value;
      const onProgress = (/** @type {number} */ share) => {
        item.share = share;
        this.#draw();
      };
      const accepted = await api.upload(item.collection, item.file, { onDuplicate, onProgress, signal: item.stop.signal });
      item.state = accepted.duplicate ? "duplicate" : "sent";
      this.#onSent();
    } catch (error) {
      item.state = "failed";
      item.reason = isAbort(error) ? "Cancelled." : api.explained(error);
    }
    this.#pump();
  }

  /** @param {Item[]} items */
  #retry(items) {
    for (const item of items) Object.assign(item, { state: "waiting", share: 0, reason: "" });
    this.#pump();
  }

  #clear() {
    this.#items = this.#items.filter(isOpen);
    this.#leftOut = 0;
    this.#draw();
  }

  #draw() {
    this.#drawing ||= requestAnimationFrame(() => {
      this.#drawing = 0;
      this.#show();
    });
  }

  #show() {
    if (this.#items.length && !this.#leftOut && this.#items.every((item) => item.state === "sent")) {
      announce(`${plural(this.#items.length, "file")} sent.`);
      this.#items = [];
    }
    const tray = byId("upload-tray");
    tray.hidden = this.#items.length === 0 && this.#leftOut === 0;
    const open = this.#items.some(isOpen);
    byId("upload-retry").hidden = !this.#items.some((item) => item.state === "failed");
    byId("upload-clear").hidden = open;
    const summary = byId("upload-summary");
    const text = summaryOf(this.#items, this.#leftOut);
    if (summary.textContent !== text) summary.textContent = text;
    const total = byId("upload-total", HTMLProgressElement);
    total.hidden = !open;
    total.value = this.#items.reduce((sum, item) => sum + (isOpen(item) ? item.share : 1), 0) / (this.#items.length || 1);
    const rows = this.#items.filter((item) => item.state !== "sent" && item.state !== "waiting");
    rows.sort((a, b) => Number(b.state === "sending") - Number(a.state === "sending"));
    this.#rows(rows.slice(0, ROWS), rows.length - ROWS);
  }

  /**
   * @param {Item[]} shown
   * @param {number} more
   */
  #rows(shown, more) {
    const list = byId("uploads");
    const focused = document.activeElement instanceof HTMLElement && list.contains(document.activeElement) ? document.activeElement.getAttribute("aria-label") : null;
    list.replaceChildren(...shown.map((item) => this.#row(item)), ...(more > 0 ? [el("li", { class: "muted" }, `and ${more} more`)] : []));
    if (focused) /** @type {HTMLElement | undefined} */ ([...list.querySelectorAll("button")].find((one) => one.getAttribute("aria-label") === focused))?.focus();
  }

  /** @param {Item} item */
  #row(item) {
    const { name } = item.file;
    const button = (/** @type {string} */ words, /** @type {() => void} */ onclick) =>
      el("button", { type: "button", class: "quiet", "aria-label": `${words} ${name}`, onclick }, words);
    const row = el("li", { class: item.state }, el("span", { class: "title" }, name));
    if (item.state === "sending") {
      row.append(button("Cancel", () => item.stop?.abort()), el("progress", { max: 1, value: item.share, "aria-label": `Sending ${name}` }));
    } else if (item.state === "failed") {
      row.append(button("Retry", () => this.#retry([item])), el("p", { class: "state" }, item.reason));
    } else {
      row.append(el("p", { class: "state" }, "Already here; kept once."));
    }
    return row;
  }
}

/** @param {File} file @param {string} collection @returns {Item} */
function newItem(file, collection) {
  return { file, collection, state: "waiting", share: 0, reason: "", stop: null };
}

/** @param {Item} item */
const isOpen = (item) => item.state === "waiting" || item.state === "sending";

/** @param {unknown} error */
const isAbort = (error) => error instanceof DOMException && error.name === "AbortError";

/** @param {string} name @param {string[]} formats */
function isDocument(name, formats) {
  return !name.startsWith(".") && formats.some((format) => name.toLowerCase().endsWith(format));
}

/** @param {Item[]} items @param {number} leftOut */
function summaryOf(items, leftOut) {
  const count = (/** @type {State} */ state) => items.filter((item) => item.state === state).length;
  const done = count("sent") + count("duplicate");
  const sent = items.length ? `${done} of ${plural(items.length, "file")} sent` : "";
  return [sent, count("failed") && `${count("failed")} failed`, leftOut && `${plural(leftOut, "other file")} left out`].filter(Boolean).join(" · ");
}
