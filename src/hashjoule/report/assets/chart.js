// J/TH against year on a logarithmic scale: an SVG drawn for the width at hand, with zoom and a note for each mark.

const MARKS = {
  asic: "M-4.2 0a4.2 4.2 0 1 0 8.4 0a4.2 4.2 0 1 0-8.4 0Z",
  gpu: "M-3.8-3.8h7.6v7.6h-7.6Z",
  fpga: "M0-5.2L5.2 0L0 5.2L-5.2 0Z",
  cpu: "M0-5L4.8 3.8H-4.8Z",
  yours: "M0-10L2.4-3.3L9.5-3.1L3.8 1.3L5.9 8.1L0 4.1L-5.9 8.1L-3.8 1.3L-9.5-3.1L-2.4-3.3Z",
};
const AXIS_PX = 26;
const NARROW_PX = 600;
const REACH_PX = 22;
const FEW = 30; // so many marks all have room for a name
const LEAST = { years: 0.5, decades: 0.2 };

function svgElement(name, attributes, text) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

function plainNumber(value, narrow) {
  if (narrow) return value.toLocaleString("en", { notation: "compact" });
  return value >= 1e6 ? `${(value / 1e6).toLocaleString("en")} million` : value.toLocaleString("en");
}

class Chart {
  constructor(svg, tip, data) {
    Object.assign(this, { svg, tip, data, current: null, pinned: false, pointers: new Map(), moved: 0 });
    this.points = [...data.rows.keys()].filter((i) => data.rows[i].year !== null && data.rows[i].j_per_th !== null);
    this.shown = new Set(this.points);
    const years = this.points.map((i) => data.rows[i].year);
    const levels = this.points.map((i) => Math.log10(data.rows[i].j_per_th));
    this.home = {
      x0: Math.min(...years) - 0.7, x1: Math.max(...years) + 0.9,
      y0: Math.min(...levels) - 0.35, y1: Math.max(...levels) + 0.35,
    };
    this.view = { ...this.home };
    this.listen();
    new ResizeObserver(() => this.draw()).observe(svg);
  }

  // Scales between data and pixels.

  get narrow() { return this.svg.clientWidth < NARROW_PX; }
  get gutter() { return this.narrow ? 38 : 72; }
  get width() { return this.svg.clientWidth - this.gutter; }
  get right() { return this.svg.clientWidth; }
  get height() { return this.svg.clientHeight - AXIS_PX; }
  x(year) { return this.gutter + ((year - this.view.x0) / (this.view.x1 - this.view.x0)) * this.width; }
  y(jPerTh) { return ((this.view.y1 - Math.log10(jPerTh)) / (this.view.y1 - this.view.y0)) * this.height; }
  place(index) { const row = this.data.rows[index]; return [this.x(row.year), this.y(row.j_per_th)]; }
  inside([x, y]) { return x >= this.gutter && x <= this.right && y >= 0 && y <= this.height; }

  // Drawing.

  draw() {
    if (this.width <= 0) return;
    const clip = svgElement("clipPath", { id: "frame" });
    clip.append(svgElement("rect", { x: this.gutter, y: 0, width: this.width, height: this.height }));
    const inner = svgElement("g", { "clip-path": "url(#frame)" });
    inner.append(this.frontier(), ...this.trends(), ...this.marks());
    this.svg.replaceChildren(clip, ...this.axes(), inner);
    this.label();
    this.note();
  }

  axes() {
    const parts = [];
    for (const level of this.levels()) {
      const y = this.y(level);
      parts.push(svgElement("line", { class: "grid", x1: this.gutter, x2: this.right, y1: y, y2: y }));
      parts.push(svgElement("text", { x: 0, y: Math.max(y + 4, 11) }, plainNumber(level, this.narrow)));
    }
    const span = this.view.x1 - this.view.x0;
    const step = [1, 2, 5, 10].find((years) => (this.width / span) * years >= 52) ?? 10;
    for (let year = Math.ceil(this.view.x0 / step) * step; year <= this.view.x1; year += step) {
      const x = this.x(year);
      if (x < this.gutter + 10 || x > this.right - 16) continue;
      parts.push(svgElement("line", { class: "grid", x1: x, x2: x, y1: this.height, y2: this.height + 5 }));
      parts.push(svgElement("text", { class: "middle", x, y: this.height + 20 }, String(year)));
    }
    parts.push(svgElement("line", { class: "frontier", x1: this.gutter, x2: this.right, y1: this.height, y2: this.height }));
    return parts;
  }

  levels() {
    const digits = this.view.y1 - this.view.y0 > 2.5 ? [1] : this.view.y1 - this.view.y0 > 0.8 ? [1, 2, 5]
      : [1, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9];
    const found = [];
    for (let decade = Math.floor(this.view.y0); decade <= this.view.y1; decade += 1) {
      found.push(...digits.map((digit) => Number((digit * 10 ** decade).toPrecision(3))));
    }
    return found.filter((level) => this.inside([this.right, this.y(level)]));
  }

  frontier() {
    let path = "";
    for (const index of this.data.frontier) {
      const [x, y] = this.place(index);
      path += path === "" ? `M${x} ${y}` : `H${x}V${y}`;
    }
    return svgElement("path", { class: "frontier", d: `${path}H${this.x(this.data.until)}` });
  }

  trends() {
    return this.data.trends.map((trend) => {
      const [[x1, y1], [x2, y2]] = trend.ends.map(([year, level]) => [this.x(year), this.y(level)]);
      return svgElement("line", { class: `trend ${trend.class}`, x1, y1, x2, y2 });
    });
  }

  marks() {
    const seen = this.points.filter((index) => this.shown.has(index));
    seen.sort((a, b) => this.data.rows[a].measured - this.data.rows[b].measured); // one's own on top
    return seen.map((index) => {
      const row = this.data.rows[index];
      const kind = row.measured ? "yours" : row.class;
      const classes = ["point", kind, row.hollow && "hollow", index === this.current && "current"].filter(Boolean);
      const [x, y] = this.place(index);
      return svgElement("path", { class: classes.join(" "), d: MARKS[kind], transform: `translate(${x} ${y})` });
    });
  }

  /** Names the notable machines, all of them where few are in view, and the trends, each where it covers no other name, else not at all. */
  label() {
    const taken = [];
    const own = this.points.filter((index) => this.data.rows[index].measured);
    own.sort((a, b) => this.data.rows[a].j_per_th - this.data.rows[b].j_per_th);
    const notable = this.data.notable.slice(0, this.narrow ? 5 : undefined);
    const seen = [...this.shown].filter((index) => this.inside(this.place(index)));
    const others = seen.length <= FEW ? seen.filter((index) => !notable.includes(index)) : [];
    for (const index of [...own.slice(0, 1), ...notable, ...others]) {
      if (!this.shown.has(index) || !this.inside(this.place(index))) continue;
      const row = this.data.rows[index];
      this.write(row.label, this.place(index), row.measured ? "label yours" : "label", taken);
    }
    for (const trend of this.data.trends) {
      const [start, end] = trend.ends;
      const middle = [this.x((start[0] + end[0]) / 2), this.y(Math.sqrt(start[1] * end[1]))];
      if (this.inside(middle)) this.write(trend.text, middle, "trend-label", taken);
    }
  }

  write(text, [x, y], kind, taken) {
    const element = svgElement("text", { class: kind }, text);
    this.svg.append(element);
    const length = element.getComputedTextLength();
    for (const [left, top] of [[x + 9, y - 6], [x - length - 9, y + 14], [x + 9, y + 14], [x - length - 9, y - 6]]) {
      const box = { x: left, y: top - 12, width: length, height: 16 };
      const clear = box.x >= this.gutter && box.x + length <= this.right && box.y >= 0 && box.y + 16 <= this.height
        && taken.every((other) => box.x > other.x + other.width || other.x > box.x + box.width
          || box.y > other.y + other.height || other.y > box.y + box.height);
      if (!clear) continue;
      element.setAttribute("x", left);
      element.setAttribute("y", top);
      taken.push(box);
      return;
    }
    element.remove();
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
    const row = this.data.rows[this.current];
    const name = Object.assign(document.createElement("b"), { textContent: row.name });
    const facts = row.facts.filter((fact) => fact !== "").join(" · ");
    this.tip.append(name, facts, document.createElement("br"));
    const source = row.url ? Object.assign(document.createElement("a"), { href: row.url, rel: "noopener" })
      : document.createElement("span");
    source.textContent = row.measured ? `measured: ${row.host}` : `source: ${row.host}`;
    this.tip.append(source);
  }

  note() {
    const seen = this.current !== null && this.inside(this.place(this.current));
    this.tip.hidden = !seen;
    if (!seen) return;
    const [x, y] = this.place(this.current);
    const { offsetWidth: width, offsetHeight: height } = this.tip;
    this.tip.style.left = `${Math.max(0, Math.min(x + 14, this.right - width))}px`;
    this.tip.style.top = `${y + 16 + height < this.height ? y + 16 : Math.max(0, y - height - 16)}px`;
  }

  nearest(x, y) {
    let best = null, reach = REACH_PX;
    for (const index of this.shown) {
      const [px, py] = this.place(index);
      const distance = Math.hypot(px - x, py - y);
      if (this.inside([px, py]) && distance < reach) [best, reach] = [index, distance];
    }
    return best;
  }

  /** The next mark in view by date, in either direction. */
  step(direction) {
    const order = [...this.shown].filter((index) => this.inside(this.place(index)));
    order.sort((a, b) => this.data.rows[a].year - this.data.rows[b].year || a - b);
    const at = order.indexOf(this.current);
    const next = at < 0 ? (direction > 0 ? 0 : order.length - 1) : at + direction;
    if (order[next] !== undefined) this.choose(order[next], true);
  }

  // Zoom and movement.

  /** Shows `part` of the present span, keeping what lies at the pixel in its place. */
  zoom(part, [px, py] = this.centre()) {
    const [u, v] = [(px - this.gutter) / this.width, py / this.height];
    const { x0, x1, y0, y1 } = this.view;
    const years = Math.min(this.home.x1 - this.home.x0, Math.max(LEAST.years, (x1 - x0) * part));
    const decades = Math.min(this.home.y1 - this.home.y0, Math.max(LEAST.decades, (y1 - y0) * part));
    const left = x0 + u * (x1 - x0 - years);
    const top = y1 - v * (y1 - y0 - decades);
    this.look(left, top, years, decades);
  }

  /** Where to zoom without a pointer: at the chosen mark, else in the midst of the marks in view. */
  centre() {
    const places = [...this.shown].map((index) => this.place(index)).filter((place) => this.inside(place));
    if (places.length === 0) return [this.gutter + this.width / 2, this.height / 2];
    if (this.current !== null && this.inside(this.place(this.current))) return this.place(this.current);
    return [0, 1].map((axis) => places.map((place) => place[axis]).sort((a, b) => a - b)[places.length >> 1]);
  }

  pan(dx, dy) {
    const { x0, x1, y0, y1 } = this.view;
    this.look(x0 - (dx / this.width) * (x1 - x0), y1 + (dy / this.height) * (y1 - y0), x1 - x0, y1 - y0);
  }

  /** Sets the view, kept within what there is to see. */
  look(left, top, years, decades) {
    const x0 = Math.min(Math.max(left, this.home.x0), this.home.x1 - years);
    const y1 = Math.max(Math.min(top, this.home.y1), this.home.y0 + decades);
    this.view = { x0, x1: x0 + years, y0: y1 - decades, y1 };
    this.draw();
  }

  reset() {
    this.view = { ...this.home };
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
