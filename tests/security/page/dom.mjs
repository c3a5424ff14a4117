/** As much of a browser's document as the page uses to show text; what would parse markup throws. */

const escaped = (text) => String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
const VOID = new Set(["br", "hr", "img", "input", "link", "meta"]);
const forbidden = (name) => () => { throw new Error(`The page parses markup through ${name}.`); };

class Node {}

class Text extends Node {
  constructor(data) { super(); this.data = String(data); }
  get textContent() { return this.data; }
  get outerHTML() { return escaped(this.data); }
}

class Parent extends Node {
  childNodes = [];
  append(...nodes) {
    for (const node of nodes) {
      if (node instanceof Fragment) this.childNodes.push(...node.childNodes);
      else this.childNodes.push(node instanceof Node ? node : new Text(node));
    }
  }
  replaceChildren(...nodes) { this.childNodes = []; this.append(...nodes); }
  get children() { return this.childNodes.filter((node) => node instanceof HTMLElement); }
  get textContent() { return this.childNodes.map((node) => node.textContent).join(""); }
  set textContent(text) { this.childNodes = text === "" ? [] : [new Text(text)]; }
  querySelectorAll() { return []; }
  get innerHTML() { return this.childNodes.map((node) => node.outerHTML).join(""); }
  set innerHTML(_) { forbidden("innerHTML")(); }
  insertAdjacentHTML = forbidden("insertAdjacentHTML");
  setHTMLUnsafe = forbidden("setHTMLUnsafe");
}

class Fragment extends Parent {}

class HTMLElement extends Parent {
  attributes = new Map();
  listeners = [];
  classList = {
    add: (name) => this.attributes.set("class", `${this.attributes.get("class") ?? ""} ${name}`),
    toggle: (name, on) => on && this.classList.add(name),
  };
  dataset = new Proxy({}, { set: (_, name, value) => { this.attributes.set(`data-${name}`, String(value)); return true; } });
  constructor(tag) { super(); this.localName = tag; }
  setAttribute(name, value) { this.attributes.set(name, String(value)); }
  addEventListener(name) { this.listeners.push(name); }
  set hidden(on) { if (on) this.attributes.set("hidden", ""); else this.attributes.delete("hidden"); }
  get hidden() { return this.attributes.has("hidden"); }
  set href(value) { this.attributes.set("href", String(value)); }
  set src(value) { this.attributes.set("src", String(value)); }
  set outerHTML(_) { forbidden("outerHTML")(); }
  get outerHTML() {
    const attributes = [...this.attributes].map(([name, value]) => ` ${name}="${escaped(value)}"`).join("");
    return `<${this.localName}${attributes}>${VOID.has(this.localName) ? "" : `${this.innerHTML}</${this.localName}>`}`;
  }
}

/** Put the document where the page's modules look for it. */
export function install() {
  globalThis.Node = Node;
  globalThis.HTMLElement = HTMLElement;
  globalThis.DOMParser = class { constructor() { forbidden("DOMParser")(); } };
  globalThis.document = {
    activeElement: null,
    createElement: (tag) => new HTMLElement(tag),
    createDocumentFragment: () => new Fragment(),
    createTextNode: (text) => new Text(text),
    write: forbidden("document.write"),
  };
}
