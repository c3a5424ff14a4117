// @ts-check
/** The page put together: sign-in, the choice of a collection, documents, questions, the reader. */

import * as api from "./api.js";
import { Conversation } from "./asking/conversation.js";
import { announce, byId, el, tell } from "./dom.js";
import { takeFiles } from "./documents/dropping.js";
import { Library } from "./documents/library.js";
import { providerLinks } from "./providers.js";
import { Reader } from "./reading/reader.js";
import { Socket } from "./asking/socket.js";
import { Uploads } from "./documents/uploads.js";
import { isUnfinished, plural } from "./wording.js";

const CHOSEN = "citewell.collection";
const RETRY = 3000;
/** @type {Record<string, string>} */
const CONNECTION = {
  reconnecting: "Reconnecting…",
  lost: "Not connected.",
};

const chooser = byId("collection", HTMLSelectElement);
/** @type {api.Collection[]} */
let collections = [];

const reader = new Reader();
const socket = new Socket(showConnection, () => void api.info().catch(() => {}));
const conversation = new Conversation(socket, (places, at) => reader.open(places, at));
const library = new Library(openDocument, showProgress);
const uploads = new Uploads(() => library.refresh());

/** @param {api.Document} document */
function openDocument({ id, version_id, title, filename }) {
  reader.open([{ document_id: id, version_id, title, filename, start: 0, end: 0 }], 0);
}

/** @param {import("./asking/socket.js").Connection} state */
function showConnection(state) {
  byId("connection").textContent = CONNECTION[state] ?? "";
  byId("reconnect").hidden = state !== "lost";
}

/**
 * @param {api.Document[]} documents
 * @param {boolean} more there are others than these
 */
function showProgress(documents, more) {
  const ready = documents.filter((one) => one.status === "ready").length;
  const working = documents.filter(isUnfinished).length;
  byId("view-library").textContent = documents.length ? `Documents (${documents.length}${more ? "+" : ""})` : "Documents";
  byId("welcome-add").hidden = documents.length > 0;
  const hint = working
    ? `${plural(working, "document")} still being read. What is ready can be asked about now.`
    : ready && `${more ? "More than " : ""}${plural(ready, "document")} ready. What would you like to know?`;
  tell(byId("welcome-hint"), hint || null);
}

/** Read what the server offers; while it cannot be reached, try again. */
async function load() {
  try {
    const [about, all] = await Promise.all([api.info(), api.collections()]);
    byId("sign-out").hidden = false;
    byId("formats").textContent = about.formats.join(" ");
    uploads.bounds(about);
    conversation.limit(about.limits.question_chars);
    offer(all, remembered());
    conversation.restore();
  } catch (error) {
    if (error instanceof api.Problem && error.status === 401) return;
    tell(byId("document-summary"), api.explained(error));
    setTimeout(load, RETRY);
  }
}

function remembered() {
  return localStorage.getItem(CHOSEN) ?? "";
}

/**
 * @param {api.Collection[]} all
 * @param {string} chosen
 */
function offer(all, chosen) {
  collections = all;
  chooser.replaceChildren(...all.map(({ id, name }) => el("option", { value: id }, name)));
  const first = all.find((one) => one.id === chosen) ?? all.find((one) => one.name === "default") ?? all[0];
  if (!first) return byId("new-collection", HTMLDialogElement).showModal();
  chooser.value = first.id;
  choose(first.id);
}

/** @param {string} id */
function choose(id) {
  const collection = collections.find((one) => one.id === id) ?? null;
  localStorage.setItem(CHOSEN, id);
  byId("dropping-name").textContent = collection?.name ?? "";
  conversation.askOf(collection);
  uploads.into(id);
  library.show(id);
}

/** @param {"ask" | "library"} view which of the two a narrow screen shows */
function show(view) {
  document.body.dataset.view = view;
  byId("view-ask").setAttribute("aria-pressed", String(view === "ask"));
  byId("view-library").setAttribute("aria-pressed", String(view === "library"));
}

/** @param {SubmitEvent} event */
async function signIn(event) {
  event.preventDefault();
  const field = byId("signin-key", HTMLInputElement);
  try {
    await api.signIn(field.value.trim());
    field.value = "";
    tell(byId("signin-error"));
    byId("signin", HTMLDialogElement).close();
    load();
  } catch (error) {
    const unknown = error instanceof api.Problem && error.status === 401;
    tell(byId("signin-error"), unknown ? "This is not the admin key." : api.explained(error));
    field.select();
  }
}

/** A link for each provider through which people may sign in; without any nothing is shown. */
async function showProviders() {
  const { items } = await api.providers().catch(() => ({ items: [] }));
  byId("signin-providers").replaceChildren(...providerLinks(items));
  byId("signin-providers").hidden = items.length === 0;
}

async function signOut() {
  try {
    await api.signOut();
    // What was asked belongs to who asked it.
    sessionStorage.clear();
    location.reload();
  } catch (error) {
    announce(api.explained(error));
  }
}

/** @param {SubmitEvent} event */
async function createCollection(event) {
  event.preventDefault();
  const name = byId("new-collection-name", HTMLInputElement).value.trim();
  const description = byId("new-collection-description", HTMLTextAreaElement).value.trim();
  try {
    const made = await api.createCollection(name, description);
    byId("new-collection", HTMLDialogElement).close();
    byId("new-collection-form", HTMLFormElement).reset();
    offer(await api.collections(), made.id);
  } catch (error) {
    tell(byId("new-collection-error"), api.explained(error));
  }
}

api.session.addEventListener("signedout", () => {
  const dialog = byId("signin", HTMLDialogElement);
  if (dialog.open) return;
  dialog.showModal();
  void showProviders();
});
byId("signin").addEventListener("cancel", (event) => event.preventDefault());
byId("signin-form", HTMLFormElement).addEventListener("submit", signIn);
byId("new-collection-form", HTMLFormElement).addEventListener("submit", createCollection);
byId("new-collection-open").addEventListener("click", () => byId("new-collection", HTMLDialogElement).showModal());
byId("new-collection-cancel").addEventListener("click", () => byId("new-collection", HTMLDialogElement).close());
byId("sign-out").addEventListener("click", signOut);
byId("reconnect").addEventListener("click", () => socket.reconnect());
byId("view-ask").addEventListener("click", () => show("ask"));
byId("view-library").addEventListener("click", () => show("library"));
chooser.addEventListener("change", () => choose(chooser.value));
takeFiles((files, fromFolder) => {
  show("library");
  uploads.add(files, fromFolder);
});
load();
