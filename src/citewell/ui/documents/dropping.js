// @ts-check
/** Where files come from: a drop anywhere on the page, a paste, the two choosers. */

import { byId } from "../dom.js";

/** @typedef {(files: File[], fromFolder: boolean) => void} Taker */

/** @param {Taker} take called for each choice of files */
export function takeFiles(take) {
  chooser("choose-files", "files", false, take);
  chooser("choose-folder", "folder", true, take);
  byId("welcome-add").addEventListener("click", () => byId("files").click());
  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length) take(files, false);
  });
  onDrop(take);
}

/**
 * @param {string} button
 * @param {string} input
 * @param {boolean} folder
 * @param {Taker} take
 */
function chooser(button, input, folder, take) {
  const field = byId(input, HTMLInputElement);
  byId(button).addEventListener("click", () => field.click());
  field.addEventListener("change", () => {
    take([...(field.files ?? [])], folder);
    field.value = "";
  });
}

/** @param {Taker} take */
function onDrop(take) {
  const curtain = byId("dropping");
  let depth = 0;
  const within = (/** @type {number} */ now) => {
    depth = Math.max(0, now);
    curtain.hidden = depth === 0;
  };
  document.addEventListener("dragenter", (event) => hasFiles(event) && within(depth + 1));
  document.addEventListener("dragleave", (event) => hasFiles(event) && within(depth - 1));
  document.addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
  document.addEventListener("drop", async (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    within(0);
    // The list is emptied when this turn of the event loop ends.
    const dropped = [...(event.dataTransfer?.items ?? [])].map((item) => item.webkitGetAsEntry());
    const folders = dropped.filter((entry) => entry?.isDirectory);
    const files = dropped.filter((entry) => entry?.isFile);
    if (files.length) take(await filesIn(files), false);
    for (const folder of folders) take(await filesIn([folder]), true);
  });
}

/** @param {DragEvent} event */
const hasFiles = (event) => event.dataTransfer?.types.includes("Files") ?? false;

/**
 * Every file in these entries, folders gone through to the bottom.
 * @param {(FileSystemEntry | null | undefined)[]} entries
 * @returns {Promise<File[]>}
 */
async function filesIn(entries) {
  const found = await Promise.all(entries.map(async (entry) => {
    if (entry?.isFile) return [await file(/** @type {FileSystemFileEntry} */ (entry))];
    if (entry?.isDirectory) return filesIn(await children(/** @type {FileSystemDirectoryEntry} */ (entry)));
    return [];
  }));
  return found.flat();
}

/** @param {FileSystemFileEntry} entry @returns {Promise<File>} */
const file = (entry) => new Promise((resolve, reject) => entry.file(resolve, reject));

/**
 * A reader gives at most a hundred entries at a time.
 * @param {FileSystemDirectoryEntry} folder
 */
async function children(folder) {
  const reader = folder.createReader();
  /** @type {FileSystemEntry[]} */
  const all = [];
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return all;
    all.push(...some);
  }
}
