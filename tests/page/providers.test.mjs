/** The page offers the ways to sign in that the server names, as links that stay on the server. */

import assert from "node:assert/strict";
import test from "node:test";

import { install } from "../security/page/dom.mjs";

install();
const { providerLinks } = await import("../../src/citewell/ui/providers.js");

test("each provider is a link of its name, below the page's own address", () => {
  const [link, ...others] = providerLinks([{ name: "Example", start: "/auth/oidc/start" }]);
  assert.equal(others.length, 0);
  assert.equal(link.outerHTML, '<a href="auth/oidc/start">Sign in with Example</a>');
});

test("a name is text and an address leads nowhere else", () => {
  const [link] = providerLinks([{ name: "<b>x</b>", start: "//evil.example/x" }]);
  assert.ok(link.outerHTML.includes("&lt;b&gt;x&lt;/b&gt;"));
  assert.equal(link.attributes.get("href"), "evil.example/x");
});
