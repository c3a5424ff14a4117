// @ts-check
/** The conversation: the composer, the turns, and the runs that a reload of the page finds again. */

import { turnView } from "./answer.js";
import { withoutMarks } from "./marks.js";
import { announce, byId } from "../dom.js";
import { forget, keep, kept } from "./keeping.js";
import { after, decidedTurn, failedTurn, isOver, newTurn } from "./turn.js";
import { plural, stepName } from "../wording.js";

/**
 * @typedef {import("./turn.js").Turn} Turn
 * @typedef {import("../reading/reader.js").Place} Place
 */

/** Questions and answers of this tab. */
export class Conversation {
  /** @type {Turn | null} */ #current = null;
  /** @type {string[]} */ #collections = [];
  /** @type {{ conversation?: string }} where the next question goes on */ #within = {};
  #question = byId("question", HTMLTextAreaElement);
  #send = byId("send", HTMLButtonElement);
  #stop = byId("stop", HTMLButtonElement);
  #hint = byId("composer-hint");
  #usualHint = this.#hint.textContent ?? "";
  #limit = Infinity;
  #lastQuestion = "";
  #socket;
  #onOpen;

  /**
   * @param {import("./socket.js").Socket} socket
   * @param {(places: Place[], at: number) => void} onOpen a footnote or source was followed
   */
  constructor(socket, onOpen) {
    this.#socket = socket;
    this.#onOpen = onOpen;
    byId("composer").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#question.addEventListener("keydown", (event) => this.#key(event));
    this.#question.addEventListener("input", () => this.#measure());
    this.#stop.addEventListener("click", () => this.#current?.run && this.#socket.cancel(this.#current.run));
  }

  /** @param {{ id: string, name: string } | null} collection the one that the next question asks */
  askOf(collection) {
    this.#collections = collection ? [collection.id] : [];
    this.#question.placeholder = collection ? `Ask about “${collection.name}”` : "Ask a question";
  }

  /** @param {number} points the most code points that a question may have */
  limit(points) {
    this.#limit = points;
    this.#measure();
  }

  /** Show again what was asked in this tab before the page was loaded anew; the last may go on. */
  restore() {
    const turns = kept().map(({ run, question }) => ({ run, ...this.#add({ ...newTurn(question), run }) }));
    const last = turns.at(-1);
    if (!last) return;
    this.#current = last.turn();
    this.#busy(true);
    for (const { run, event, remove } of turns) this.#socket.follow(run, { onEvent: event, onFailure: remove });
    last.article.scrollIntoView();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    // Enter that ends the composition of a character must not send.
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.#submit();
    } else if (event.key === "ArrowUp" && this.#question.value === "" && this.#lastQuestion) {
      event.preventDefault();
      this.#question.value = this.#lastQuestion;
      this.#measure();
    }
  }

  #measure() {
    this.#question.style.height = "auto";
    this.#question.style.height = `${this.#question.scrollHeight + 2}px`;
    const excess = [...this.#question.value].length - this.#limit;
    this.#hint.textContent = excess > 0 ? `${plural(excess, "character")} too long.` : this.#usualHint;
    this.#hint.classList.toggle("failed", excess > 0);
    return excess <= 0;
  }

  #submit() {
    const question = this.#question.value.trim();
    if (!question || !this.#measure() || (this.#current && !isOver(this.#current))) return;
    this.#question.value = "";
    this.#measure();
    this.#ask(question);
  }

  /** @param {string} question */
  #ask(question) {
    this.#lastQuestion = question;
    const turn = this.#add(newTurn(question));
    this.#current = turn.turn();
    this.#busy(true);
    turn.article.scrollIntoView({ block: "start", behavior: "smooth" });
    announce("Question sent.");
    const asked = { input: question, collections: this.#collections, ...this.#within };
    this.#socket.ask(asked, { onEvent: turn.event, onFailure: turn.fail });
  }

  /**
   * Put a turn on the page; what its run tells is drawn once a frame.
   * @param {Turn} first
   */
  #add(first) {
    let turn = first;
    let drawing = 0;
    const { article, show } = turnView(first, {
      onOpen: this.#onOpen,
      onAgain: (question) => this.#again(question),
      onDecide: (approved) => {
        const { run, asked } = turn;
        if (!run || !asked) return;
        change(decidedTurn(turn));
        this.#socket.decide(run, asked.id, approved, { onEvent: event, onFailure: fail });
      },
    });
    byId("welcome").hidden = true;
    byId("turns").append(article);
    const change = (/** @type {Turn} */ next) => {
      const mine = this.#current === turn;
      if (mine) this.#follow(turn, next);
      turn = next;
      if (mine) this.#current = turn;
      drawing ||= requestAnimationFrame(() => {
        drawing = 0;
        show(turn);
      });
    };
    const event = (/** @type {any} */ told, /** @type {string} */ run) => change({ ...after(turn, told), run });
    const fail = (/** @type {import("./turn.js").Failure} */ failure) => change(failedTurn(turn, failure));
    return {
      article,
      turn: () => turn,
      event,
      fail,
      remove: () => {
        if (turn.run) forget(turn.run);
        if (this.#current === turn) {
          this.#current = null;
          this.#busy(false);
        }
        article.remove();
      },
    };
  }

  /**
   * What the change of the question that is being answered means for the composer and for listeners.
   * @param {Turn} before
   * @param {Turn} now
   */
  #follow(before, now) {
    // One that was deleted meanwhile takes no question: the next one begins another.
    if (now.failure?.code === "not_found") this.#within = {};
    else if (now.conversation) this.#within = { conversation: now.conversation };
    if (now.run && now.run !== before.run) keep({ run: now.run, question: now.question }, before.run);
    const step = now.steps.at(-1);
    if (step && now.steps.length > before.steps.length) announce(`${stepName(step)}.`);
    if (isOver(now) !== isOver(before)) this.#busy(!isOver(now));
    if (isOver(now)) announce(spoken(now));
  }

  /** @param {string} question */
  #again(question) {
    if (!this.#current || isOver(this.#current)) this.#ask(question);
  }

  /** @param {boolean} busy */
  #busy(busy) {
    const focused = document.activeElement === this.#send || document.activeElement === this.#stop;
    this.#send.hidden = busy;
    this.#stop.hidden = !busy;
    if (focused) this.#question.focus();
  }
}

/** @param {Turn} turn the outcome as a screen reader says it */
function spoken(turn) {
  if (turn.failure) return `${turn.failure.message} ${turn.failure.hint}`;
  if (turn.phase === "stopped") return "Stopped.";
  if (turn.asked) return turn.asked.message;
  const footnotes = turn.citations.length ? ` ${plural(turn.citations.length, "footnote")}.` : "";
  return `${turn.answered ? "Answer" : "No answer"}: ${withoutMarks(turn.text)}${footnotes}`;
}
