// What a reader can do, by pointer and by keyboard alike.

import { rowHeight } from "./list.js";
import { rangeNamed, RANGES } from "./ranges.js";

export class Reader {
  constructor({ store, reconnect, now_us }) {
    Object.assign(this, { store, reconnect, now_us });
    this.focusNext = false;
    document.addEventListener("click", ({ target }) => closeMenus(target));
    document.addEventListener("focusout", ({ target, relatedTarget }) => this.left(target, relatedTarget));
  }

  // What panels call beside dispatch(message).
  actions() {
    return {
      range: (name) => this.range(name),
      openRow: (seq) => this.openRow(seq),
      focusRow: (seq) => this.say({ type: "select", seq }),
      reconnect: this.reconnect,
    };
  }

  get state() {
    return this.store.state;
  }

  say(message) {
    this.store.dispatch(message);
  }

  list() {
    return document.querySelector("#timeline .list");
  }

  range(name) {
    const from_us = name === "live" ? null : this.now_us() - rangeNamed(name).length_s * 1e6;
    this.say({ type: "range", name, from_us });
  }

  rangeAt(place) {
    this.range(RANGES[place].name);
  }

  pause() {
    this.say({ type: "pause" });
  }

  clear() {
    this.say({ type: "clear" });
  }

  newest() {
    this.say({ type: "newest" });
  }

  help() {
    this.say({ type: "help", help: true });
  }

  search() {
    document.getElementById("search")?.focus();
  }

  openRow(seq) {
    const closing = this.state.opened === seq;
    this.say({ type: "open", seq });
    if (closing) {
      document.activeElement?.blur();
      this.say({ type: "select", seq: null });
    } else this.say({ type: "select", seq });
  }

  openSelected() {
    const { selected } = this.state;
    if (selected !== null) this.say({ type: "open", seq: selected });
  }

  step(by) {
    const { rows, selected } = this.state;
    if (rows.length === 0) return;
    let place = selected === null ? this.firstInSight() : rows.placeOf(selected) + by;
    while (rows.at(place)?.gap) place += by;
    const row = rows.at(place);
    if (!row) return;
    this.focusNext = true;
    this.reveal(place);
    this.say({ type: "select", seq: row.seq });
  }

  firstInSight() {
    return Math.ceil(this.state.scroll.top / rowHeight(this.state.narrow));
  }

  // Scroll as little as shows the row.
  reveal(place) {
    const list = this.list();
    const { narrow, opened, rows, scroll } = this.state;
    const height = rowHeight(narrow);
    const openedPlace = opened === null ? -1 : rows.placeOf(opened);
    const top = place * height + (openedPlace >= 0 && place > openedPlace ? scroll.opened_height : 0);
    const head = narrow ? 0 : height;
    const room = list.clientHeight - head - height;
    if (top < list.scrollTop) list.scrollTop = top;
    else if (top > list.scrollTop + room) list.scrollTop = top - room;
    this.say({ type: "scrolled", scroll: { top: list.scrollTop } });
  }

  // Escape: one thing at a time, the innermost first.
  leave(target) {
    const menu = document.querySelector("details.menu[open]");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    } else if (target.id === "search") target.blur();
    else if (this.state.opened !== null) this.say({ type: "open", seq: this.state.opened });
    else if (this.state.selected !== null) {
      document.activeElement?.blur();
      this.say({ type: "select", seq: null });
    }
  }

  // The focus left the list: nothing holds the rows any more.
  left(target, next) {
    if (this.state.selected === null || !target.closest?.(".list") || next?.closest?.(".list")) return;
    if (document.hasFocus()) this.say({ type: "select", seq: null });
  }

  // After the page was drawn: what only the document knows, focus and scroll.
  drawn(state, before) {
    if (this.focusNext) {
      this.focusNext = false;
      document.querySelector(`#timeline [data-seq="${state.selected}"]`)?.focus({ preventScroll: true });
    }
    const list = this.list();
    if (list && state.scroll.top === 0 && before.scroll?.top > 0) list.scrollTop = 0;
    const dialog = document.getElementById("help");
    if (state.help && !dialog.open) dialog.showModal();
    if (!state.help && dialog.open) dialog.close();
    dialog.onclose ??= () => this.say({ type: "help", help: false });
  }
}

function closeMenus(target) {
  for (const menu of document.querySelectorAll("details.menu[open]"))
    if (!menu.contains(target) || target.closest("a")) menu.open = false;
}
