// @ts-check
/** One question and what became of it, told by the events of its run. */

import { noticed } from "../wording.js";
import { doubtsOf } from "./doubts.js";

/**
 * @typedef {import("./marks.js").Citation} Citation
 * @typedef {{ n: number, passage_id: string, document_id: string, version_id: string, title: string,
 *   filename: string, page: number | null, page_label: string, start: number, end: number,
 *   scores: Record<string, number>, preview: string }} Source
 * @typedef {{ name: string, done: boolean, ms: number | null }} Step
 * @typedef {{ message: string, hint: string, code: string }} Failure
 * @typedef {{ id: string, message: string, tool: string, arguments: Record<string, unknown> }} Question
 * @typedef {"waiting" | "running" | "asked" | "done" | "stopped" | "failed"} Phase
 * @typedef {{ question: string, run: string | null, conversation: string | null, phase: Phase, steps: Step[], sources: Source[],
 *   text: string, complete: boolean, partial: boolean, citations: Citation[], answered: boolean,
 *   reason: string, related: Source[], doubts: import("./doubts.js").Doubt[], notices: string[], asked: Question | null,
 *   failure: Failure | null }} Turn
 */

/**
 * @param {string} question
 * @returns {Turn}
 */
export function newTurn(question) {
  return {
    question, run: null, conversation: null, phase: "waiting", steps: [], sources: [], text: "", complete: false,
    partial: false, citations: [], answered: true, reason: "", related: [], doubts: [], notices: [], asked: null, failure: null,
  };
}

/** @type {ReadonlySet<Phase>} */
const OVER = new Set(["asked", "done", "stopped", "failed"]);

/** @param {Turn} turn whether nothing more will come by itself */
export const isOver = (turn) => OVER.has(turn.phase);

/** @type {Record<string, (turn: Turn, event: any) => Partial<Turn>>} */
const CHANGES = {
  RUN_STARTED: (_, event) => ({ phase: "running", run: event.runId, conversation: event.threadId, asked: null }),
  STEP_STARTED: (turn, event) => ({ steps: [...turn.steps, { name: event.stepName, done: false, ms: null }] }),
  STEP_FINISHED: (turn, event) => ({
    steps: turn.steps.map((step) =>
      step.name === event.stepName ? { ...step, done: true, ms: event.metadata?.rag?.ms ?? null } : step,
    ),
  }),
  ACTIVITY_SNAPSHOT: (_, event) =>
    event.activityType === "rag.sources" ? { sources: event.content?.sources ?? [] } : {},
  // A second message replaces the first: the answer differed from what had been said.
  TEXT_MESSAGE_START: () => ({ text: "", complete: false, partial: false, citations: [], doubts: [] }),
  TEXT_MESSAGE_CONTENT: (turn, event) => ({ text: turn.text + event.delta }),
  TEXT_MESSAGE_END: (turn, event) => ended(turn.text, event.metadata?.rag ?? {}),
  CUSTOM: (turn, event) =>
    event.name === "rag.notice" && event.value?.kind !== "no_answer"
      ? { notices: [...turn.notices, noticed(String(event.value?.message ?? ""))] }
      : {},
  RUN_FINISHED: (_, event) => finished(event.outcome ?? {}),
  RUN_ERROR: (_, event) => ({
    phase: "failed",
    failure: { message: event.message, hint: event.metadata?.rag?.hint ?? "", code: event.code ?? "" },
  }),
};

/**
 * The turn after an event; events of a kind that is not known change nothing.
 * @param {Turn} turn
 * @param {{ type: string }} event
 * @returns {Turn}
 */
export function after(turn, event) {
  const change = Object.hasOwn(CHANGES, event.type) ? CHANGES[event.type](turn, event) : {};
  return { ...turn, ...change };
}

/**
 * @param {{ type?: string, interrupts?: any[] }} outcome
 * @returns {Partial<Turn>}
 */
function finished({ type, interrupts = [] }) {
  const [one] = interrupts;
  if (type !== "interrupt" || !one) return { phase: type === "cancelled" ? "stopped" : "done" };
  const { tool = "", arguments: given = {} } = one.metadata?.rag ?? {};
  return { phase: "asked", asked: { id: one.id, message: one.message ?? "", tool, arguments: given } };
}

/**
 * @param {string} text
 * @param {any} rag
 * @returns {Partial<Turn>}
 */
function ended(text, rag) {
  if (rag.partial) return { partial: true };
  return {
    complete: true,
    citations: rag.citations ?? [],
    answered: rag.answered !== false,
    reason: rag.reason ?? "",
    related: rag.related ?? [],
    doubts: doubtsOf(text, rag.doubts ?? []),
  };
}

/**
 * The turn after a failure outside of its run: refused, or the connection lost before it began.
 * @param {Turn} turn
 * @param {Failure} failure
 * @returns {Turn}
 */
export const failedTurn = (turn, failure) => ({ ...turn, phase: "failed", failure });

/**
 * The turn once a person has decided: what follows is told by the run that goes on.
 * @param {Turn} turn
 * @returns {Turn}
 */
export const decidedTurn = (turn) => ({ ...turn, phase: "waiting", asked: null });

/**
 * The sources in two groups: those that the answer cites, and those that were only read.
 * @param {Turn} turn
 * @returns {{ cited: Source[], read: Source[] }}
 */
export function grouped(turn) {
  const numbers = new Set(turn.citations.map((citation) => citation.n));
  return {
    cited: turn.sources.filter((source) => numbers.has(source.n)),
    read: turn.sources.filter((source) => !numbers.has(source.n)),
  };
}
