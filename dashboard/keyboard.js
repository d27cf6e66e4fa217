// The keyboard: everything that the pointer can do.

export const KEYS = [
  ["/", "search the timeline"],
  ["space", "pause, and go on"],
  ["j, k or ↓, ↑", "next and previous row"],
  ["Enter", "open the row: its request and facts"],
  ["Esc", "close the row, leave the search"],
  ["g", "the newest rows"],
  ["1 to 5", "live, 1 h, 6 h, 24 h, 7 d"],
  ["c", "clear the filters"],
  ["?", "this help"],
];

const TYPES = new Set(["INPUT", "SELECT", "TEXTAREA"]);
const PRESSED_BY_SPACE = new Set(["BUTTON", "SUMMARY", "A"]);

export function listen(actions) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { tagName } = event.target;
    if (event.key === "Escape") return actions.leave(event.target);
    if (TYPES.has(tagName) || document.querySelector("dialog[open]")) return;
    if (PRESSED_BY_SPACE.has(tagName) && (event.key === " " || event.key === "Enter")) return;
    if (event.key.startsWith("Arrow") && event.target.getAttribute("role") !== "row") return; // they scroll the page
    const act = ACTS[event.key];
    if (!act) return;
    event.preventDefault();
    act(actions);
  });
}

const ACTS = {
  "/": (actions) => actions.search(),
  " ": (actions) => actions.pause(),
  j: (actions) => actions.step(1),
  k: (actions) => actions.step(-1),
  ArrowDown: (actions) => actions.step(1),
  ArrowUp: (actions) => actions.step(-1),
  Enter: (actions) => actions.openSelected(),
  g: (actions) => actions.newest(),
  c: (actions) => actions.clear(),
  "?": (actions) => actions.help(),
  1: (actions) => actions.rangeAt(0),
  2: (actions) => actions.rangeAt(1),
  3: (actions) => actions.rangeAt(2),
  4: (actions) => actions.rangeAt(3),
  5: (actions) => actions.rangeAt(4),
};
