// The page: state in, panels out. What must be asked of the daemon follows from how the state changed.

import * as api from "./api.js";
import * as backups from "./backups.js";
import * as bar from "./bar.js";
import * as calls from "./calls.js";
import { Charts, uses as chartsUse } from "./charts.js";
import { Clock } from "./clock.js";
import { Connection } from "./connection.js";
import { render } from "./dom.js";
import { Frames } from "./frames.js";
import * as health from "./health.js";
import * as help from "./help.js";
import { History } from "./history.js";
import * as kinds from "./kinds.js";
import { listen } from "./keyboard.js";
import * as migrations from "./migrations.js";
import * as notice from "./notice.js";
import { Reader } from "./reader.js";
import * as semaphores from "./semaphores.js";
import * as sources from "./sources.js";
import { shown, Store } from "./store.js";
import { darkScheme, onPaper } from "./theme.js";
import * as timeline from "./timeline.js";

const narrowPage = matchMedia("(max-width: 700px)");

const clock = new Clock();
const store = new Store(clock.now_us());
const dispatch = (message) => store.dispatch(message);
const root = (id) => document.getElementById(id);

const charts = new Charts(root("charts"), dispatch);

const panel = (id, { uses, view }) => ({ uses, draw: (state) => render(root(id), view(state, dispatch)) });
const OTHERS = { bar, notice, health, migrations, kinds, backups, calls, sources, semaphores, help };
const PANELS = [
  panel("timeline", timeline),
  ...Object.entries(OTHERS).map(([id, module]) => panel(id, module)),
  { uses: chartsUse, draw: (state) => charts.render(state) },
];

// --- what the daemon says

const history = new History({ store, api, resubscribe: () => connection.subscribe() });
const connection = new Connection({
  prepare: () => history.prepare(),
  subscription: () => history.subscription(),
  receive(message) {
    if (message.now_us) clock.observe(message.now_us);
    dispatch(message);
    if (message.type === "events" && message.events.length && message.last >= store.state.hello.latest)
      unpainted = message.events.at(-1).at_us;
  },
  changed: (phase, reason) => dispatch({ type: "link", phase, reason, now_us: clock.now_us() }),
});

// --- what the reader does

const reader = new Reader({ store, reconnect: () => connection.open(), now_us: () => clock.now_us() });
Object.assign(dispatch, reader.actions());
listen(reader);

// --- what is drawn

let unpainted = null; // when the newest event that is not on the screen yet was recorded

const frames = new Frames({
  panels: PANELS,
  state: () => ({ ...shown(store.state), scheme: darkScheme.matches && !onPaper.matches }),
  done(state, before) {
    document.body.dataset.link = state.hello === null ? "none" : state.link.phase;
    document.body.toggleAttribute("data-empty", state.hello !== null && notice.hasNothing(state));
    if (unpainted !== null) clock.painted(unpainted);
    unpainted = null;
    reader.drawn(state, before);
  },
});

store.listeners.push(
  () => frames.ask(),
  (state, before) => history.follow(state, before),
);
narrowPage.addEventListener("change", () => dispatch({ type: "narrow", narrow: narrowPage.matches }));
darkScheme.addEventListener("change", () => frames.ask());
onPaper.addEventListener("change", () => frames.draw()); // at once: a printer waits for no frame
setInterval(() => dispatch({ type: "tick", now_us: clock.now_us(), delay_ns: clock.delay_ns() }), 1_000);

dispatch({ type: "narrow", narrow: narrowPage.matches });
connection.open();
