// @ts-check
/** Other ways to sign in than with the key. */

import { el } from "./dom.js";

/**
 * A link for each provider, relative to the page, so that a prefix of a proxy is kept.
 * @param {{ name: string, start: string }[]} providers
 * @returns {HTMLElement[]}
 */
export const providerLinks = (providers) =>
  providers.map(({ name, start }) => el("a", { href: start.replace(/^\/+/, "") }, `Sign in with ${name}`));
