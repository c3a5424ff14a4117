// @ts-check
/** How numbers, states and steps are put into words. */

const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** @param {number} bytes */
export function size(bytes) {
  const power = bytes < 1 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), UNITS.length - 1);
  const value = bytes / 1000 ** power;
  return `${value >= 100 || power === 0 ? Math.round(value) : value.toFixed(1)} ${UNITS[power]}`;
}

/**
 * @param {number} count
 * @param {string} one
 * @param {string} [many]
 */
export function plural(count, one, many = `${one}s`) {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}

/** @param {number} milliseconds */
export function duration(milliseconds) {
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}

/** @param {string} filename the format as people call it */
export function format(filename) {
  const dot = filename.lastIndexOf(".");
  return dot > 0 ? filename.slice(dot + 1).toUpperCase() : "File";
}

const UNFINISHED = new Set(["received", "parsing", "embedding"]);

/** @param {{ status: string }} document */
export const isUnfinished = (document) => UNFINISHED.has(document.status);

/**
 * What a document's state means to its reader.
 * @param {import("./api.js").Document} document
 * @returns {string}
 */
export function state(document) {
  switch (document.status) {
    case "received":
      return "Waiting its turn";
    case "parsing":
      return "Reading";
    case "embedding":
      return document.chunks_total
        ? `Indexing ${document.chunks_done.toLocaleString("en")} of ${plural(document.chunks_total, "passage")}`
        : "Indexing";
    case "failed":
      return document.failure?.reason || "It could not be read.";
    default:
      return [
        format(document.filename),
        size(document.size),
        document.pages > 1 && plural(document.pages, "page"),
        plural(document.chunks_total, "passage"),
        document.version_number > 1 && `version ${document.version_number}`,
      ].filter(Boolean).join(" · ");
  }
}

/** @type {Record<string, [string, string]>} */
const STEPS = {
  plan: ["Reading the question", "Read the question"],
  retrieve: ["Searching the documents", "Searched the documents"],
  judge: ["Choosing passages", "Chose passages"],
  answer: ["Writing the answer", "Wrote the answer"],
  verify: ["Checking every quote", "Checked every quote"],
};

/** @param {{ name: string, done: boolean }} step */
export function stepName({ name, done }) {
  const [node, times] = name.split("#");
  const words = STEPS[node]?.[done ? 1 : 0] ?? node;
  return Number(times) > 1 ? `${words} again` : words;
}

/**
 * What a deletion removed.
 * @param {import("./api.js").Receipt} receipt
 */
export function removed({ removed: counts, searchable }) {
  const nouns = [["versions", "version"], ["chunks", "passage"], ["embeddings", "embedding"], ["blobs", "file"]];
  const gone = nouns.filter(([key]) => key in counts).map(([key, noun]) => plural(counts[key], noun));
  const end = searchable ? "Searches may still find it for a moment." : "No search finds it from now on.";
  return `${gone.join(", ")} removed. ${end}`;
}

/**
 * Where in a document something stands, for people.
 * @param {{ page: number | null, page_label?: string }} place
 */
export function page({ page: number, page_label: label }) {
  if (label && label !== String(number)) return label;
  return number ? `page ${number}` : "";
}

/** @type {Record<string, string>} */
const NOTICES = {
  dense_unavailable: "Searched by words alone: the embedding model did not answer.",
  rerank_unavailable: "The reranker did not answer; the passages are in their first order.",
  time_budget: "There was no time to compare every passage closely.",
  budget_exceeded: "The budget for models is used up; what needs one was left out.",
  model_unavailable: "No language model answered; the documents are quoted instead.",
  judge_unavailable: "No language model looked at the answer again.",
  cut_off: "The answer was longer than allowed and ends early.",
};

/** @param {string} message what a notice says, in words where it is a code */
export const noticed = (message) => (Object.hasOwn(NOTICES, message) ? NOTICES[message] : message);

/** @type {Record<string, string>} */
const ORIGINS = {
  computed: "Computed, not quoted from the documents.",
  from_memory: "Repeated from what was said and kept before, not from the documents.",
};

/** @param {string} reason of an answer: where one without footnotes comes from; empty for others */
export const origin = (reason) => (Object.hasOwn(ORIGINS, reason) ? ORIGINS[reason] : "");
