// @ts-check
/** One WebSocket for the tab: questions go out, events come in, a lost connection is resumed. */

import { delay } from "./backoff.js";

/**
 * @typedef {import("./turn.js").Failure} Failure
 * @typedef {{ onEvent: (event: any, run: string) => void, onFailure: (failure: Failure) => void }} Listener
 * @typedef {"idle" | "connecting" | "open" | "reconnecting" | "lost"} Connection
 */

const ATTEMPTS = 6;
const SILENCE = 40_000;
const TERMINAL = new Set(["RUN_FINISHED", "RUN_ERROR"]);
const SIGN_IN_AGAIN = 4401;
/** Comes back with the answer to a `start`. */
const START = "question";

/** A connection that is opened when it is needed and resumed while a run is unfinished. */
export class Socket {
  /** @type {WebSocket | null} */ #socket = null;
  /** @type {Map<string, { seq: number, listener: Listener }>} */ #runs = new Map();
  /** @type {{ message: string, listener: Listener, sent: boolean } | null} */ #asked = null;
  /** @type {number | undefined} */ #timer;
  /** @type {number | undefined} */ #silence;
  /** @type {Set<string>} */ #cancelled = new Set();
  #attempt = 0;
  #onState;
  #onRefused;

  /**
   * @param {(state: Connection) => void} onState
   * @param {() => void} onRefused not opened: are we signed in?
   */
  constructor(onState, onRefused) {
    this.#onState = onState;
    this.#onRefused = onRefused;
    window.addEventListener("online", () => this.reconnect());
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.reconnect());
  }

  /**
   * Ask a question; one may be waiting for its run at a time.
   * @param {{ input: string, collections: string[], conversation?: string }} question
   * @param {Listener} listener
   */
  ask(question, listener) {
    this.#begin({ op: "start", ...question }, listener);
  }

  /**
   * Answer what a run has asked; the listener hears the run that goes on.
   * @param {string} run @param {string} interruptId @param {boolean} approved @param {Listener} listener
   */
  decide(run, interruptId, approved, listener) {
    const answer = { interruptId, status: "resolved", payload: { approved } };
    this.#begin({ op: "resume_interrupt", run, resume: [answer] }, listener);
  }

  /** Hear a run from the beginning, as after a reload of the page. @param {string} run @param {Listener} listener */
  follow(run, listener) {
    this.#runs.set(run, { seq: -1, listener });
    if (this.#isOpen()) this.#subscribe(run);
    else this.#use();
  }

  /** Have a run stopped; without a connection, as soon as there is one again. @param {string} run */
  cancel(run) {
    this.#cancelled.add(run);
    if (this.#isOpen()) this.#send({ op: "cancel", run });
  }

  /** Try now instead of later, when there is something to wait for. */
  reconnect() {
    if (this.#socket || !this.#isNeeded()) return;
    this.#attempt = 0;
    this.#connect();
  }

  #isOpen() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  #isNeeded() {
    return this.#asked !== null || this.#runs.size > 0;
  }

  #begin(/** @type {object} */ command, /** @type {Listener} */ listener) {
    this.#asked = { message: JSON.stringify({ id: START, ...command }), listener, sent: false };
    this.#use();
  }

  #use() {
    if (this.#isOpen()) this.#flush();
    else this.reconnect();
  }

  #connect() {
    clearTimeout(this.#timer);
    const address = new URL("ws", document.baseURI);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(address);
    this.#socket = socket;
    if (this.#attempt === 0) this.#onState("connecting");
    socket.onopen = () => this.#opened();
    socket.onmessage = (message) => this.#receive(JSON.parse(message.data));
    socket.onclose = (closed) => this.#closed(closed.code);
  }

  #opened() {
    this.#attempt = 0;
    this.#onState("open");
    this.#listen();
    for (const run of this.#runs.keys()) {
      this.#subscribe(run);
      if (this.#cancelled.has(run)) this.#send({ op: "cancel", run });
    }
    this.#flush();
  }

  #flush() {
    if (!this.#asked || this.#asked.sent) return;
    this.#socket?.send(this.#asked.message);
    this.#asked.sent = true;
  }

  #subscribe(/** @type {string} */ run) {
    this.#send({ op: "sub", run, after: this.#runs.get(run)?.seq ?? -1 });
  }

  #send(/** @type {object} */ message) {
    this.#socket?.send(JSON.stringify(message));
  }

  /** A connection that has said nothing for long is dead, whatever the browser believes. */
  #listen() {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#socket?.close(), SILENCE);
  }

  /** @param {{ id?: string, run?: string, seq?: number, event?: any, error?: any }} frame */
  #receive(frame) {
    this.#listen();
    if (frame.error) this.#refused(frame.error, frame.run);
    else if (frame.run && frame.id === START) this.#began(frame.run);
    else if (frame.run && frame.event) this.#heard(frame.run, frame.seq ?? 0, frame.event);
  }

  /** @param {string} run what was asked has become this run */
  #began(run) {
    if (!this.#asked?.sent) return;
    this.#runs.set(run, { seq: -1, listener: this.#asked.listener });
    this.#asked = null;
  }

  /** @param {string} run @param {number} seq @param {any} event */
  #heard(run, seq, event) {
    if (!this.#runs.has(run)) this.#began(run);
    const known = this.#runs.get(run);
    if (!known || seq <= known.seq) return;
    known.seq = seq;
    if (TERMINAL.has(event.type)) this.#ended(run);
    known.listener.onEvent(event, run);
  }

  /** @param {{ code?: string, detail?: string, hint?: string }} error @param {string} [run] */
  #refused({ code = "", detail = "The question was refused.", hint = "" }, run) {
    const failure = { code, hint, message: detail };
    const [only] = run && this.#runs.has(run) ? [run] : this.#asked ? [] : this.#runs.keys();
    const listener = only ? this.#runs.get(only)?.listener : this.#asked?.listener;
    if (only) this.#ended(only);
    else this.#asked = null;
    listener?.onFailure(failure);
  }

  /** @param {string} run */
  #ended(run) {
    this.#runs.delete(run);
    this.#cancelled.delete(run);
  }

  /** @param {number} code */
  #closed(code) {
    clearTimeout(this.#silence);
    this.#socket = null;
    if (code === SIGN_IN_AGAIN || this.#attempt === 0) this.#onRefused();
    if (this.#asked?.sent) {
      // Asking again by ourselves could run the question twice.
      this.#refused({ code: "connection_lost", detail: "The connection was lost before the answer began.", hint: "Ask again." });
    }
    if (!this.#isNeeded()) return this.#onState("idle");
    if (code === SIGN_IN_AGAIN || this.#attempt >= ATTEMPTS) return this.#onState("lost");
    this.#onState("reconnecting");
    this.#timer = setTimeout(() => this.#connect(), delay(this.#attempt, Math.random()));
    this.#attempt += 1;
  }
}
