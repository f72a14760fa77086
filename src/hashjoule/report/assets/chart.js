// The J/TH table as a chart: an SVG drawn for the width at hand, with zoom and a note for each mark.

const MARKS = {
  asic: "M-4.2 0a4.2 4.2 0 1 0 8.4 0a4.2 4.2 0 1 0-8.4 0Z",
  gpu: "M-3.8-3.8h7.6v7.6h-7.6Z",
  fpga: "M0-5.2L5.2 0L0 5.2L-5.2 0Z",
  cpu: "M0-5L4.8 3.8H-4.8Z",
  yours: "M0-10L2.4-3.3L9.5-3.1L3.8 1.3L5.9 8.1L0 4.1L-5.9 8.1L-3.8 1.3L-9.5-3.1L-2.4-3.3Z",
};
const TOP_PX = 22; // the title of the upright axis
const BOTTOM_PX = 44; // the level axis and its title
const NARROW_PX = 600;
const REACH_PX = 22;
const FEW = 30; // so many marks all have room for a name
const LABEL_PX = 15; // the height of a line of text
const LEADER_PX = 20; // a label further from its mark than that is joined to it by a line
const DIRECTIONS = [[1, 0], [-1, 0], [0.8, -0.8], [0.8, 0.8], [-0.8, -0.8], [-0.8, 0.8], [0, -1], [0, 1]];
const DISTANCES_PX = [10, 20, 34, 50, 70, 95, 125];

function svgElement(name, attributes, text) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

/** One axis: between a quantity and its place, a number that grows from left to right or from bottom to top. */
class Axis {
  constructor({ quantity, title, low, high, log, reversed, unit, ticks }) {
    Object.assign(this, { quantity, title, log, sign: reversed ? -1 : 1, unit, fixed: ticks });
    const ends = [this.place(low), this.place(high)];
    this.home = { low: Math.min(...ends), high: Math.max(...ends) };
    this.least = log ? 0.2 : 0.5; // decades or years that a zoom leaves
    this.reset();
  }

  place(value) { return this.sign * (this.log ? Math.log10(value) : value); }
  value(place) { return this.log ? 10 ** (place * this.sign) : place * this.sign; }
  get span() { return this.high - this.low; }
  reset() { Object.assign(this, this.home); }

  /** The part of the axis at which a quantity lies, from 0 to 1. */
  part(value) { return (this.place(value) - this.low) / this.span; }

  /** Shows `part` of the present span, keeping what lies at `fixed` (0 to 1) where it is. */
  zoom(part, fixed) {
    const span = Math.min(this.home.high - this.home.low, Math.max(this.least, this.span * part));
    this.look(this.low + fixed * (this.span - span), span);
  }

  /** Shows a span from a place on, kept within what there is to see. */
  look(low, span) {
    this.low = Math.min(Math.max(low, this.home.low), this.home.high - span);
    this.high = this.low + span;
  }

  /** Quantities for grid lines, at most so many. */
  ticks(most) {
    const inside = (values) => values.filter((value) => this.part(value) >= 0 && this.part(value) <= 1);
    const fixed = inside(this.fixed);
    if (fixed.length > 2) return fixed;
    return this.log ? inside(this.logTicks(most)) : inside(this.yearTicks(most));
  }

  yearTicks(most) {
    const step = [1, 2, 5, 10].find((years) => this.span / years <= most) ?? 10;
    const first = Math.ceil(this.low / step) * step;
    return Array.from({ length: Math.floor((this.high - first) / step) + 1 }, (_, i) => first + i * step);
  }

  logTicks(most) {
    const digits = this.span > 2.5 ? [1] : this.span > 0.8 ? [1, 2, 5] : [1, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9];
    const [low, high] = [this.value(this.low), this.value(this.high)].map(Math.log10).sort((a, b) => a - b);
    const every = Math.max(1, Math.ceil(this.span / most));
    const found = [];
    for (let decade = Math.floor(low); decade <= high; decade += 1) {
      if (decade % every === 0) found.push(...digits.map((digit) => Number((digit * 10 ** decade).toPrecision(3))));
    }
    return found;
  }
}

class Chart {
  constructor(svg, tip, rows, { x, y, lines, labelled }) {
    Object.assign(this, { svg, tip, rows, lines, labelled, current: null, pinned: false, pointers: new Map(), moved: 0 });
    [this.x, this.y] = [new Axis(x), new Axis(y)];
    this.points = [...rows.keys()].filter((i) => rows[i].j_per_th !== null && rows[i][x.quantity] !== null);
    this.shown = new Set(this.points);
    this.listen();
    new ResizeObserver(() => this.draw()).observe(svg);
  }

  // From quantities to pixels.

  get narrow() { return this.svg.clientWidth < NARROW_PX; }
  get left() { return !this.narrow ? 76 : this.y.unit ? 62 : 44; }
  get right() { return this.svg.clientWidth; }
  get width() { return this.right - this.left; }
  get bottom() { return this.svg.clientHeight - BOTTOM_PX; }
  get height() { return this.bottom - TOP_PX; }
  at([x, y]) { return [this.left + this.x.part(x) * this.width, this.bottom - this.y.part(y) * this.height]; }
  pixel(index) { return this.at([this.rows[index][this.x.quantity], this.rows[index][this.y.quantity]]); }
  inside([x, y]) { return x >= this.left && x <= this.right && y >= TOP_PX && y <= this.bottom; }
  inView() { return [...this.shown].filter((index) => this.inside(this.pixel(index))); }

  // Drawing.

  draw() {
    if (this.width <= 0 || this.height <= 0) return;
    const clip = svgElement("clipPath", { id: "frame" });
    clip.append(svgElement("rect", { x: this.left, y: TOP_PX, width: this.width, height: this.height }));
    const inner = svgElement("g", { "clip-path": "url(#frame)" });
    inner.append(...this.lines.map((line) => this.drawLine(line)), ...this.marks());
    this.svg.replaceChildren(clip, ...this.levelAxis(), ...this.uprightAxis(), inner);
    this.label();
    this.note();
  }

  levelAxis() {
    const parts = [
      svgElement("line", { class: "axis", x1: this.left, x2: this.right, y1: this.bottom, y2: this.bottom }),
      svgElement("text", { class: "end title", x: this.right, y: this.bottom + 39 }, this.x.title),
    ];
    let free = this.left;
    const places = this.x.ticks(this.width / 52).map((value) => [this.at([value, this.y.value(this.y.low)])[0], value]);
    for (const [x, value] of places.sort((a, b) => a[0] - b[0])) {
      const text = this.x.log ? formatTick(value, this.x.unit, this.narrow) : String(value);
      const half = 4 * text.length;
      if (x - half < free || x + half > this.right) continue;
      free = x + half + 6;
      parts.push(svgElement("line", { class: "grid", x1: x, x2: x, y1: this.bottom, y2: this.bottom + 5 }));
      parts.push(svgElement("text", { class: "middle", x, y: this.bottom + 20 }, text));
    }
    return parts;
  }

  uprightAxis() {
    const parts = [svgElement("text", { class: "title", x: 0, y: 12 }, this.y.title)];
    for (const value of this.y.ticks(this.height / 28)) {
      const y = this.at([this.x.value(this.x.low), value])[1];
      parts.push(svgElement("line", { class: "grid", x1: this.left, x2: this.right, y1: y, y2: y }));
      parts.push(svgElement("text", { x: 0, y: y + 4 }, formatTick(value, this.y.unit, this.narrow)));
    }
    return parts;
  }

  drawLine({ kind, class: machineClass, points }) {
    const path = points.map((point) => this.at(point).join(" ")).join("L");
    return svgElement("path", { class: `${kind} ${machineClass ?? ""}`, d: `M${path}` });
  }

  marks() {
    const seen = this.points.filter((index) => this.shown.has(index));
    seen.sort((a, b) => this.rows[a].measured - this.rows[b].measured); // one's own on top
    return seen.map((index) => {
      const row = this.rows[index];
      const kind = row.measured ? "yours" : row.class;
      const classes = ["point", kind, row.hollow && "hollow", index === this.current && "current"].filter(Boolean);
      const [x, y] = this.pixel(index);
      return svgElement("path", { class: classes.join(" "), d: MARKS[kind], transform: `translate(${x} ${y})` });
    });
  }

  // Labels.

  /** Names the user's best machine and the notable ones, all machines where few are in view, and the lines. */
  label() {
    const inView = this.inView();
    const taken = [], marks = inView.map((index) => this.pixel(index));
    for (const line of this.lines) this.labelLine(line, taken, marks);
    const notable = this.labelled.filter((index) => inView.includes(index)).slice(0, this.narrow ? 6 : undefined);
    const others = inView.length <= FEW ? inView.filter((index) => !notable.includes(index)) : [];
    for (const index of [...notable, ...others]) {
      const own = this.rows[index].measured;
      this.write(this.rows[index].label, this.pixel(index), own ? "label yours" : "label", taken, marks, own);
    }
  }

  labelLine({ kind, points, text }, taken, marks) {
    if (!text) return;
    const [start, end] = [points[0], points.at(-1)].map((point) => this.at(point));
    if (kind === "trend") {
      const middle = [(start[0] + end[0]) / 2, (start[1] + end[1]) / 2];
      if (this.inside(middle)) this.write(text, middle, "line-label", taken, marks);
      return;
    }
    const slope = (end[1] - start[1]) / (end[0] - start[0]); // where the line leaves the frame
    const x = Math.min(this.right, start[0] + (TOP_PX - start[1]) / slope) - 4;
    this.write(text, [x, start[1] + slope * (x - start[0])], "line-label", taken, marks);
  }

  /** Writes a text near a place: over no other text and no mark, or, if it need not stand there, not at all. */
  write(text, place, kind, taken, marks, always = false) {
    const element = svgElement("text", { class: kind }, text);
    this.svg.append(element);
    const rim = kind.includes("yours") ? 4 : 0; // a star is larger than other marks
    const width = element.getComputedTextLength();
    let best = null, least = always ? Infinity : 1;
    const distances = kind === "line-label" ? DISTANCES_PX.slice(0, 2) : DISTANCES_PX;
    for (const distance of distances.map((px) => px + rim)) {
      for (const [dx, dy] of DIRECTIONS) {
        const box = {
          x: place[0] + dx * distance - (dx > 0 ? 0 : dx < 0 ? width : width / 2),
          y: place[1] + dy * distance - (dy > 0 ? 0 : dy < 0 ? LABEL_PX : LABEL_PX / 2), width, distance,
        };
        const cost = this.cost(box, taken, marks);
        if (cost < least) [best, least] = [box, cost];
      }
      if (least < 1) break;
    }
    if (best === null) {
      element.remove();
      return;
    }
    element.setAttribute("x", best.x);
    element.setAttribute("y", best.y + LABEL_PX - 4);
    taken.push(best);
    if (best.distance > LEADER_PX + rim) this.svg.append(this.leader(place, best));
  }

  /** 0 for a clear place; a mark that is hidden costs 1, and what must not be costs more than all marks. */
  cost(box, taken, marks) {
    const out = box.x < this.left || box.x + box.width > this.right || box.y < TOP_PX || box.y + LABEL_PX > this.bottom;
    const covers = taken.some((other) => box.x < other.x + other.width + 3 && other.x < box.x + box.width + 3
      && box.y < other.y + LABEL_PX && other.y < box.y + LABEL_PX);
    const hidden = marks.filter(([x, y]) => x > box.x - 5 && x < box.x + box.width + 5
      && y > box.y - 3 && y < box.y + LABEL_PX + 3);
    return 1000 * (out + covers) + hidden.length;
  }

  leader([x, y], box) {
    const x2 = Math.min(Math.max(x, box.x), box.x + box.width);
    const y2 = Math.min(Math.max(y, box.y + 2), box.y + LABEL_PX - 2);
    const part = 6 / Math.hypot(x2 - x, y2 - y); // begins at the rim of the mark
    return svgElement("line", { class: "leader", x1: x + (x2 - x) * part, y1: y + (y2 - y) * part, x2, y2 });
  }

  show(shown) {
    this.shown = new Set(this.points.filter((index) => shown.has(index)));
    if (!this.shown.has(this.current)) this.choose(null);
    this.draw();
  }

  // The note of one mark.

  choose(index, pinned = false) {
    const changed = index !== this.current;
    Object.assign(this, { current: index, pinned: pinned && index !== null });
    if (changed) {
      this.fill();
      this.draw();
    }
  }

  fill() {
    this.tip.replaceChildren();
    if (this.current === null) return;
    const row = this.rows[this.current];
    const name = Object.assign(document.createElement("b"), { textContent: row.name });
    this.tip.append(name, row.facts.join(" · "), document.createElement("br"));
    const source = row.url ? Object.assign(document.createElement("a"), { href: row.url, rel: "noopener" })
      : document.createElement("span");
    source.textContent = row.measured ? `measured: ${row.host}` : `source: ${row.host}`;
    this.tip.append(source);
  }

  note() {
    const seen = this.current !== null && this.inside(this.pixel(this.current));
    this.tip.hidden = !seen;
    if (!seen) return;
    const [x, y] = this.pixel(this.current);
    const { offsetWidth: width, offsetHeight: height } = this.tip;
    this.tip.style.left = `${Math.max(0, Math.min(x + 14, this.right - width))}px`;
    this.tip.style.top = `${y + 16 + height < this.bottom ? y + 16 : Math.max(0, y - height - 16)}px`;
  }

  nearest(x, y) {
    let best = null, reach = REACH_PX;
    for (const index of this.inView()) {
      const [px, py] = this.pixel(index);
      const distance = Math.hypot(px - x, py - y);
      if (distance < reach) [best, reach] = [index, distance];
    }
    return best;
  }

  /** The next mark in view from left to right, in either direction. */
  step(direction) {
    const along = (index) => this.x.place(this.rows[index][this.x.quantity]);
    const order = this.inView().sort((a, b) => along(a) - along(b) || a - b);
    const at = order.indexOf(this.current);
    const next = at < 0 ? (direction > 0 ? 0 : order.length - 1) : at + direction;
    if (order[next] !== undefined) this.choose(order[next], true);
  }

  // Zoom and movement.

  /** Shows `part` of the present view, keeping what lies at the pixel in its place. */
  zoom(part, [px, py] = this.centre()) {
    this.x.zoom(part, (px - this.left) / this.width);
    this.y.zoom(part, (this.bottom - py) / this.height);
    this.draw();
  }

  /** Where to zoom without a pointer: at the chosen mark, else in the midst of the marks in view. */
  centre() {
    if (this.current !== null && this.inside(this.pixel(this.current))) return this.pixel(this.current);
    const places = this.inView().map((index) => this.pixel(index));
    if (places.length === 0) return [this.left + this.width / 2, TOP_PX + this.height / 2];
    return [0, 1].map((axis) => places.map((place) => place[axis]).sort((a, b) => a - b)[places.length >> 1]);
  }

  pan(dx, dy) {
    this.x.look(this.x.low - (dx / this.width) * this.x.span, this.x.span);
    this.y.look(this.y.low + (dy / this.height) * this.y.span, this.y.span);
    this.draw();
  }

  reset() {
    this.x.reset();
    this.y.reset();
    this.draw();
  }

  // Input.

  listen() {
    this.svg.addEventListener("wheel", (event) => {
      if (!(event.ctrlKey || event.metaKey || document.activeElement === this.svg)) return; // let the page scroll
      event.preventDefault();
      this.zoom(Math.exp(Math.max(-0.5, Math.min(0.5, event.deltaY / 300))), [event.offsetX, event.offsetY]);
    }, { passive: false });
    this.svg.addEventListener("pointerdown", (event) => this.press(event));
    this.svg.addEventListener("pointermove", (event) => this.move(event));
    this.svg.addEventListener("pointerup", (event) => this.release(event));
    this.svg.addEventListener("pointercancel", (event) => this.pointers.delete(event.pointerId));
    this.svg.addEventListener("keydown", (event) => this.key(event));
  }

  press(event) {
    this.svg.setPointerCapture(event.pointerId);
    this.svg.focus({ preventScroll: true });
    if (this.pointers.size === 0) this.moved = 0;
    this.pointers.set(event.pointerId, [event.offsetX, event.offsetY]);
  }

  move(event) {
    const to = [event.offsetX, event.offsetY];
    const from = this.pointers.get(event.pointerId);
    if (from === undefined) {
      if (!this.pinned) this.choose(this.nearest(...to));
      return;
    }
    const others = [...this.pointers].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
    this.pointers.set(event.pointerId, to);
    this.moved += Math.hypot(to[0] - from[0], to[1] - from[1]);
    if (others.length === 0) {
      this.pan(to[0] - from[0], to[1] - from[1]);
    } else {
      const [x, y] = others[0];
      const [before, after] = [from, to].map((place) => Math.hypot(place[0] - x, place[1] - y));
      if (before > 0 && after > 0) this.zoom(before / after, [(x + to[0]) / 2, (y + to[1]) / 2]);
    }
  }

  release(event) {
    this.pointers.delete(event.pointerId);
    if (this.moved < 5) this.choose(this.nearest(event.offsetX, event.offsetY), true);
  }

  key(event) {
    const far = 60;
    const moves = { ArrowLeft: [far, 0], ArrowRight: [-far, 0], ArrowUp: [0, far], ArrowDown: [0, -far] };
    const plain = {
      ArrowLeft: () => this.step(-1),
      ArrowRight: () => this.step(1),
      "+": () => this.zoom(0.7),
      "=": () => this.zoom(0.7),
      "-": () => this.zoom(1 / 0.7),
      0: () => this.reset(),
      Escape: () => this.choose(null),
      Enter: () => this.tip.querySelector("a")?.click(),
    };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const act = event.shiftKey && moves[event.key] ? () => this.pan(...moves[event.key]) : plain[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }
}

/** Draws the samples of marks that stand in legends and beside filters. */
function drawSamples() {
  for (const sample of document.querySelectorAll("[data-mark]")) sample.setAttribute("d", MARKS[sample.dataset.mark]);
}

/** The buttons beside a chart. */
function connectZoom(chart) {
  const actions = { in: () => chart.zoom(0.6), out: () => chart.zoom(1 / 0.6), home: () => chart.reset() };
  for (const button of document.querySelectorAll("[data-zoom]")) {
    button.addEventListener("click", actions[button.dataset.zoom]);
  }
}
