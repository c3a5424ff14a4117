// @ts-check
/** A turn on the page: the question, the steps, the answer with its footnotes, and the sources. */

import { approvalPanel } from "./approval.js";
import { el, tell } from "../dom.js";
import { inline, wordsOf } from "./inline.js";
import { completeAnswer, growingAnswer } from "./marks.js";
import { grouped, isOver } from "./turn.js";
import { duration, origin, page, plural, stepName } from "../wording.js";

/**
 * @typedef {import("./turn.js").Turn} Turn
 * @typedef {import("./turn.js").Source} Source
 * @typedef {import("./marks.js").Part} Part
 * @typedef {import("./marks.js").Citation} Citation
 * @typedef {import("../reading/reader.js").Place} Place
 * @typedef {{ onOpen: (places: Place[], at: number) => void, onAgain: (question: string) => void,
 *   onDecide: (approved: boolean) => void }} Actions
 */

/**
 * Make the article of a turn.
 * @param {Turn} first
 * @param {Actions} actions
 * @returns {{ article: HTMLElement, show: (turn: Turn) => void }}
 */
export function turnView(first, actions) {
  const steps = el("details", { class: "steps" }, el("summary"), el("ol"));
  const notices = el("div", { class: "notices" });
  const text = el("div", { class: "answer" });
  const end = el("div", { class: "ending" });
  const article = el("article", { class: "turn", "aria-label": "Question and answer" },
    el("h2", { class: "question", tabindex: "-1" }, first.question), steps, notices, text, end);
  /** @type {Turn | null} */
  let shown = null;

  /** @param {Turn} turn */
  function show(turn) {
    article.dataset.phase = turn.phase;
    article.setAttribute("aria-busy", String(!isOver(turn)));
    showSteps(steps, turn);
    notices.replaceChildren(...turn.notices.map((notice) => el("p", { class: "notice" }, notice)));
    if (!shown || shown.text !== turn.text || shown.complete !== turn.complete || shown.sources !== turn.sources) {
      showText(text, turn, actions);
    }
    end.replaceChildren(...(isOver(turn) ? ending(turn, actions) : []));
    shown = turn;
  }

  show(first);
  return { article, show };
}

/** @param {HTMLDetailsElement} target @param {Turn} turn */
function showSteps(target, turn) {
  const [summary, list] = target.children;
  const running = turn.steps.findLast((step) => !step.done);
  const total = turn.steps.reduce((sum, step) => sum + (step.ms ?? 0), 0);
  const doing = running ? `${stepName(running)}…` : "Working…";
  summary.textContent = isOver(turn) ? `${plural(turn.steps.length, "step")} · ${duration(total)}` : doing;
  target.hidden = isOver(turn) && turn.steps.length === 0;
  list.replaceChildren(...turn.steps.map((step) =>
    el("li", {}, stepName(step), step.ms !== null && el("span", { class: "muted" }, ` ${duration(step.ms)}`))));
}

/**
 * Set the text anew and give the focus back to the footnote that had it.
 * @param {HTMLElement} target
 * @param {Turn} turn
 * @param {Actions} actions
 */
function showText(target, turn, actions) {
  const marks = [...target.querySelectorAll("button.mark")];
  const focused = marks.indexOf(/** @type {Element} */ (document.activeElement));
  const blocks = turn.complete ? completeAnswer(turn.text, turn.citations) : growingAnswer(turn.text, turn.sources.length);
  target.classList.toggle("unanswered", turn.complete && !turn.answered);
  target.replaceChildren(...blocks.map(({ form, parts }) =>
    el(form === "verbatim" ? "pre" : "p", { class: form }, ...parts.flatMap((part) => piece(part, form, turn, actions)))));
  if (focused >= 0) /** @type {HTMLElement | undefined} */ (target.querySelectorAll("button.mark")[focused])?.focus();
}

/**
 * @param {Part} part
 * @param {import("./marks.js").Block["form"]} form
 * @param {Turn} turn
 * @param {Actions} actions
 */
function piece(part, form, turn, actions) {
  if (part.kind === "text") return form === "verbatim" ? part.text : inline(part.text).map(styled);
  const citation = part.citation === null ? null : turn.citations[part.citation];
  return citation ? citationMark(part.n, citation, turn, actions) : sourceMark(part.n, turn, actions);
}

/** @type {Record<import("./inline.js").Piece["kind"], "strong" | "code" | "span" | null>} */
const TAGS = { plain: null, strong: "strong", code: "code", link: "span" };

/** @param {import("./inline.js").Piece} piece */
function styled({ kind, text, title }) {
  const tag = TAGS[kind];
  return tag ? el(tag, { class: kind === "link" && "link", title }, text) : text;
}

/**
 * @param {number} n
 * @param {Citation} citation
 * @param {Turn} turn
 * @param {Actions} actions
 */
function citationMark(n, citation, turn, { onOpen }) {
  const doubt = citation.verified ? "" : " Not confirmed in the source.";
  const label = `Footnote ${n}: ${where(citation)}.${doubt} Show the passage.`;
  const at = turn.citations.indexOf(citation);
  return mark(n, label, citation.verified ? "" : "unverified", `“${citation.quote}”\n${where(citation)}${doubt && `\n${doubt.trim()}`}`,
    () => onOpen(turn.citations, at));
}

/**
 * @param {number} n
 * @param {Turn} turn
 * @param {Actions} actions
 */
function sourceMark(n, turn, { onOpen }) {
  const at = turn.sources.findIndex((source) => source.n === n);
  const source = turn.sources[at];
  return mark(n, source ? `Source ${n}: ${where(source)}. Show the passage.` : `Source ${n}`, "", source ? where(source) : "",
    () => source && onOpen(turn.sources, at));
}

/**
 * @param {number} n
 * @param {string} label
 * @param {string} kind
 * @param {string} title
 * @param {() => void} onclick
 */
function mark(n, label, kind, title, onclick) {
  return el("sup", {}, el("button", { type: "button", class: `mark ${kind}`, "aria-label": label, title, onclick }, String(n)));
}

/** @param {{ title: string, filename: string, page: number | null, page_label?: string }} place */
function where(place) {
  return [place.title || place.filename, page(place)].filter(Boolean).join(", ");
}

/** @param {Turn} turn @param {Actions} actions @returns {HTMLElement[]} */
function ending(turn, actions) {
  const { cited, read } = grouped(turn);
  const doubts = turn.citations.filter((citation) => !citation.verified).length;
  return [
    doubts > 0 && el("p", { class: "notice doubt" }, `${plural(doubts, "footnote")} could not be confirmed in the source; look for the dashed marks.`),
    turn.doubts.length > 0 && el("ul", { class: "notice doubt", "aria-label": "Not confirmed by the sources" },
      ...turn.doubts.map(({ said, why }) => el("li", {}, `“${said}”: ${why}.`))),
    turn.answered && origin(turn.reason) && el("p", { class: "notice" }, origin(turn.reason)),
    cited.length > 0 && sourceList("Sources", cited, turn, actions),
    turn.related.length > 0 && related(turn, actions),
    turn.answered && turn.complete && read.length > 0 && el("details", { class: "also" },
      el("summary", {}, `Also read, not cited (${read.length})`), sourceList("Also read", read, turn, actions, "visually-hidden")),
    turn.phase === "stopped" && el("p", { class: "notice" }, turn.text ? "Stopped. What was written so far is kept." : "Stopped before anything was written."),
    turn.asked && approvalPanel(turn.asked, actions.onDecide),
    turn.failure && failure(turn, actions),
  ].filter((part) => part instanceof HTMLElement);
}

/** @param {Turn} turn @param {Actions} actions */
function related(turn, actions) {
  const list = sourceList("Related passages, not an answer", turn.related, turn, actions);
  list.classList.add("related");
  return list;
}

/**
 * @param {string} heading
 * @param {Source[]} sources
 * @param {Turn} turn
 * @param {Actions} actions
 * @param {string} [headingClass]
 */
function sourceList(heading, sources, turn, { onOpen }, headingClass = "") {
  const cited = sources.map((source) => turn.citations.filter((citation) => citation.n === source.n));
  const open = (/** @type {number} */ place) => {
    const citation = cited[place][0];
    if (citation) onOpen(turn.citations, turn.citations.indexOf(citation));
    else onOpen(sources, place);
  };
  return el("section", { class: "sources" }, el("h3", { class: headingClass }, heading), el("ol", {}, ...sources.map((source, place) =>
    el("li", {}, el("button", { type: "button", class: "source", onclick: () => open(place) },
      el("span", { class: "number", "aria-hidden": "true" }, String(source.n)),
      el("span", { class: "name" }, el("strong", {}, source.title || source.filename), page(source) && ` ${page(source)}`),
      el("span", { class: "preview" }, wordsOf(cited[place][0]?.quote ?? source.preview)))))));
}

/** @param {Turn} turn @param {Actions} actions */
function failure({ failure: what, question }, { onAgain }) {
  const box = el("div", { class: "notice failed", role: "alert" });
  tell(box, el("strong", {}, what?.message ?? ""), what?.hint && ` ${what.hint}`, " ",
    // What cannot be read will not be read the second time.
    what?.code !== "invalid" && el("button", { type: "button", class: "quiet", onclick: () => onAgain(question) }, "Ask again"));
  return box;
}
