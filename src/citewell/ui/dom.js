// @ts-check
/** Elements made and found; data only ever becomes text, never markup. */

/** @typedef {Node | string | null | undefined | false} Child */

/**
 * Make an element. A function under `onclick` and the like listens; `true` sets a bare attribute;
 * `false`, `null` and `undefined` set none.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, unknown>} [properties]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function el(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) set(made, name, value);
  made.append(...children.filter((child) => child || child === "").map((child) => /** @type {Node | string} */ (child)));
  return made;
}

/**
 * @param {HTMLElement} target
 * @param {string} name
 * @param {unknown} value
 */
function set(target, name, value) {
  if (value === false || value === null || value === undefined) return;
  if (typeof value === "function") {
    target.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
  } else {
    target.setAttribute(name, value === true ? "" : String(value));
  }
}

/**
 * The element of the page with this id; its absence is a defect of the page.
 * @template {HTMLElement} Kind
 * @param {string} id
 * @param {new () => Kind} [kind]
 * @returns {Kind}
 */
export function byId(id, kind = /** @type {new () => Kind} */ (/** @type {unknown} */ (HTMLElement))) {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new TypeError(`The page has no ${kind.name} “${id}”.`);
  return found;
}

/**
 * Show a message in an element, or hide the element when there is none.
 * @param {HTMLElement} target
 * @param {...Child} message
 */
export function tell(target, ...message) {
  const said = message.filter(Boolean).map((part) => /** @type {Node | string} */ (part));
  target.replaceChildren(...said);
  target.hidden = said.length === 0;
}

/**
 * Say something to screen readers without showing it.
 * @param {string} message
 */
export function announce(message) {
  byId("announcer").textContent = message;
}

/**
 * Ask before something that cannot be undone.
 * @param {string} title
 * @param {string} text
 * @returns {Promise<boolean>} whether the user agrees
 */
export function confirmed(title, text) {
  const dialog = byId("confirm", HTMLDialogElement);
  byId("confirm-title").textContent = title;
  byId("confirm-text").textContent = text;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}
