/**
 * On a small screen the two lists are drawers: one button opens each, Escape, the scrim or a choice closes it.
 *
 * While one is open nothing behind it can be reached by keyboard. On a large screen both are simply there; the style
 * sheet decides which it is.
 *
 * Read next: ../../css/layout.css.
 */

import { byId } from "./elements.js";

export class Drawers {
  #open = null;

  constructor() {
    for (const name of ["channels", "people"]) {
      byId(`open-${name}`).addEventListener("click", () => this.open(name));
      byId(`close-${name}`).addEventListener("click", () => this.close());
    }
    byId("scrim").addEventListener("click", () => this.close());
    document.addEventListener("keydown", (event) => event.key === "Escape" && this.close());
    // A screen that grows shows both lists anyway.
    window.addEventListener("resize", () => this.#open && !this.#isDrawer() && this.close());
  }

  open(name) {
    this.close();
    this.#open = name;
    byId(name).classList.add("open");
    byId("scrim").classList.add("open");
    byId(`open-${name}`).setAttribute("aria-expanded", "true");
    byId("conversation").inert = true;
    byId(`close-${name}`).focus();
  }

  /** Close the drawer that is open, if one is; the focus goes back to its button. */
  close() {
    const name = this.#open;
    if (name === null) return;
    this.#open = null;
    byId("conversation").inert = false;
    byId(name).classList.remove("open");
    byId("scrim").classList.remove("open");
    const button = byId(`open-${name}`);
    button.setAttribute("aria-expanded", "false");
    button.focus();
  }

  #isDrawer() {
    return getComputedStyle(byId(this.#open)).position === "fixed";
  }
}
