// What changed is drawn once a frame at most: the first panel always, the others as far as a frame's time goes.

const FRAME_MS = 8;

export class Frames {
  // panels: [{uses, draw(state)}], the first one is the one that moves; state() says what to show; done(state, before).
  constructor({ panels, state, done }) {
    Object.assign(this, { state, done });
    this.panels = panels.map((panel) => ({ ...panel, drawn: {} }));
    this.before = {};
    this.asked = false;
    this.next = 1; // which of the others is the turn of
  }

  ask() {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.asked = false;
    const began = performance.now();
    const state = this.state();
    drawIfChanged(this.panels[0], state);
    const others = this.panels.length - 1;
    for (let n = 0; n < others; n += 1) {
      const panel = this.panels[this.next];
      const worked = drawIfChanged(panel, state);
      this.next = (this.next % others) + 1;
      if (worked && performance.now() - began > FRAME_MS) {
        if (n + 1 < others) this.ask();
        break;
      }
    }
    this.done(state, this.before);
    this.before = state;
  }
}

function drawIfChanged(panel, state) {
  if (!panel.uses.some((name) => state[name] !== panel.drawn[name])) return false;
  panel.drawn = state;
  panel.draw(state);
  return true;
}
