// @ts-check
/** The server's API: JSON in and out, every failure as a `Problem`. */

/**
 * @typedef {{ code: string, reason: string }} Failure
 * @typedef {{ id: string, collection_id: string, title: string, filename: string, media_type: string,
 *   size: number, status: string, version_id: string | null, version_number: number,
 *   chunks_done: number, chunks_total: number, pages: number, failure: Failure | null,
 *   warnings: string[] }} Document
 * @typedef {{ id: string, name: string, description: string, documents: number, chunks: number }} Collection
 * @typedef {{ number: number, start: number, end: number, label: string }} Page
 * @typedef {{ document_id: string, version_id: string, title: string, filename: string, kind: string,
 *   text: string, pages: Page[], current: boolean }} DocumentText
 * @typedef {{ document_id: string, removed: Record<string, number>, searchable: boolean }} Receipt
 * @typedef {{ document: Document, duplicate: boolean }} Accepted
 * @typedef {{ name: string, version: string, formats: string[],
 *   limits: { upload_bytes: number, question_chars: number } }} Info
 */

/** A failure that can be shown: the message says what happened, the hint what to do. */
export class Problem extends Error {
  /**
   * @param {string} detail
   * @param {{ status?: number, code?: string, hint?: string, retryable?: boolean }} [more]
   */
  constructor(detail, { status = 0, code = "", hint = "", retryable = false } = {}) {
    super(detail);
    this.status = status;
    this.code = code;
    this.hint = hint;
    this.retryable = retryable;
  }
}

/** Tells of a `signedout` event whenever the server does not know the caller. */
export const session = new EventTarget();

/**
 * Detail and hint of any error in one sentence or two.
 * @param {unknown} error
 * @returns {string}
 */
export function explained(error) {
  if (error instanceof Problem) return [error.message, error.hint].filter(Boolean).join(" ");
  return error instanceof Error ? error.message : String(error);
}

const UNREACHABLE = { code: "unreachable", hint: "Check that Citewell is running.", retryable: true };

/**
 * @param {string} path relative to the page, so that a prefix of a proxy is kept
 * @param {{ method?: string, body?: unknown, signal?: AbortSignal }} [options]
 * @returns {Promise<any>}
 */
async function request(path, { method = "GET", body, signal } = {}) {
  /** @type {Record<string, string>} */
  const headers = body === undefined ? {} : { "content-type": "application/json" };
  let response;
  try {
    response = await fetch(path, { method, signal, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Problem("The server cannot be reached.", UNREACHABLE);
  }
  if (response.status === 204) return null;
  const text = await response.text();
  if (!response.ok) throw problem(response.status, text);
  return JSON.parse(text);
}

/**
 * @param {number} status
 * @param {string} text
 * @returns {Problem}
 */
function problem(status, text) {
  if (status === 401) session.dispatchEvent(new Event("signedout"));
  try {
    const { detail, title, code, hint, retryable } = JSON.parse(text);
    return new Problem(detail || title || `The server answered ${status}.`, { status, code, hint, retryable });
  } catch {
    // Not ours: a proxy in between answers in its own words.
    return new Problem(`The server answered ${status}.`, { status, hint: "Try again in a moment.", retryable: status >= 500 });
  }
}

const V1 = "api/v1";

/** @returns {Promise<Info>} */
export const info = () => request(`${V1}/info`);

/** @returns {Promise<Collection[]>} every collection, page after page */
export async function collections() {
  /** @type {Collection[]} */
  const all = [];
  let cursor = "";
  do {
    const page = await request(`${V1}/collections?${query({ cursor })}`);
    all.push(...page.items);
    cursor = page.next_cursor ?? "";
  } while (cursor);
  return all;
}

/**
 * @param {string} name
 * @param {string} description
 * @returns {Promise<Collection>}
 */
export const createCollection = (name, description) =>
  request(`${V1}/collections`, { method: "POST", body: { name, description } });

/**
 * @param {{ collection: string, q?: string, cursor?: string, limit?: number }} asked
 * @returns {Promise<{ items: Document[], next_cursor: string | null }>}
 */
export const documents = (asked) => request(`${V1}/documents?${query(asked)}`);

/** @param {string} id @returns {Promise<Receipt>} */
export const deleteDocument = (id) => request(`${V1}/documents/${encodeURIComponent(id)}`, { method: "DELETE" });

/** @param {string} id @returns {Promise<Accepted>} */
export const reprocess = (id) => request(`${V1}/documents/${encodeURIComponent(id)}/reprocess`, { method: "POST" });

/**
 * @param {string} id
 * @param {string | null} version
 * @param {AbortSignal} signal
 * @returns {Promise<DocumentText>} offsets in it count code points
 */
export const documentText = (id, version, signal) =>
  request(`${V1}/documents/${encodeURIComponent(id)}/text?${query({ version: version ?? "" })}`, { signal });

/** @param {string} id */
export const originalUrl = (id) => `${V1}/documents/${encodeURIComponent(id)}/original`;

/** @returns {Promise<{ items: { name: string, start: string }[] }>} where else one may sign in */
export const providers = () => request(`${V1}/auth/providers`);

/** @param {string} key @returns {Promise<null>} */
export const signIn = (key) => request("signin", { method: "POST", body: { key } });

/** @returns {Promise<null>} */
export const signOut = () => request("signout", { method: "POST" });

/** @param {Record<string, string | number | undefined>} values */
function query(values) {
  const given = Object.entries(values).filter(([, value]) => value !== undefined && value !== "");
  return new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
}

/**
 * Send one file; XMLHttpRequest because `fetch` does not tell how much has been sent.
 * @param {string} collection
 * @param {File} file
 * @param {{ onDuplicate: string, onProgress: (share: number) => void, signal: AbortSignal }} options
 * @returns {Promise<Accepted>}
 */
export function upload(collection, file, { onDuplicate, onProgress, signal }) {
  const form = new FormData();
  form.append("on_duplicate", onDuplicate);
  form.append("file", file, file.name);
  const sending = new XMLHttpRequest();
  return new Promise((resolve, reject) => {
    sending.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
    sending.onload = () => {
      if (sending.status >= 200 && sending.status < 300) resolve(JSON.parse(sending.responseText));
      else reject(problem(sending.status, sending.responseText));
    };
    sending.onerror = () =>
      reject(new Problem("The file could not be sent.", { code: "unreachable", hint: "Check the connection, or whether the file is still there.", retryable: true }));
    sending.onabort = () => reject(new DOMException("cancelled", "AbortError"));
    signal.addEventListener("abort", () => sending.abort(), { once: true });
    sending.open("POST", `${V1}/collections/${encodeURIComponent(collection)}/documents`);
    sending.send(form);
  });
}
