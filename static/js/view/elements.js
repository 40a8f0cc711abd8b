/**
 * Small tools for the document: find, stamp out a template, keep a list of elements in step with a list of things.
 *
 * Text from the net is only ever set as text; nothing here, nor above, parses it as HTML.
 *
 * Read next: log.js.
 */

export function byId(id) {
  return document.getElementById(id);
}

/** A fresh copy of the one element in a template. */
export function stamp(templateId) {
  return byId(templateId).content.firstElementChild.cloneNode(true);
}

/** The element inside `root` that is marked `data-part="name"`. */
export function part(root, name) {
  return root.querySelector(`[data-part="${name}"]`);
}

/** Set a text, but leave the document alone when it is there already: screen readers read what changes. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const known = new WeakMap();

/**
 * Make the children of `list` show `items`, in order: elements are kept by key, built when new, removed when gone.
 *
 * `build(item)` makes an element; `update(element, item)`, where given, is called for each one each time.
 */
export function syncList(list, items, keyOf, build, update = () => {}) {
  const before = known.get(list) ?? new Map();
  const after = new Map();
  for (const item of items) {
    const key = keyOf(item);
    after.set(key, before.get(key) ?? build(item));
    update(after.get(key), item);
  }
  for (const [key, element] of before) if (!after.has(key)) element.remove();
  let place = list.firstElementChild;
  for (const element of after.values()) {
    if (element === place) place = place.nextElementSibling;
    else list.insertBefore(element, place);
  }
  known.set(list, after);
}
