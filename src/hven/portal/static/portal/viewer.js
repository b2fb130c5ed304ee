// The viewer of images: tiles of numbers from the server, shown with a stretch and a colour map that
// are chosen here. Pans, zooms, tells value and position, draws the sources of catalogues.
import { STEPS, paletteOf } from "./palette.js";

// How often a tile is asked for that does not come, and milliseconds in between.
const TRIES = 3, PAUSE = 2000;

const two = (value, digits = 0) => value.toFixed(digits).padStart(digits ? digits + 3 : 2, "0");

export function sexagesimal(ra, dec) {
  const tenths = Math.round(((ra % 360 + 360) % 360) / 15 * 3600 * 1000) % 86400000;
  const h = Math.floor(tenths / 3600000), m = Math.floor(tenths / 60000) % 60, s = (tenths % 60000) / 1000;
  const arc = Math.round(Math.abs(dec) * 3600 * 100), d = Math.floor(arc / 360000), dm = Math.floor(arc / 6000) % 60, ds = (arc % 6000) / 100;
  return `${two(h)}:${two(m)}:${two(s, 3)} ${dec < 0 ? "−" : "+"}${two(d)}:${two(dm)}:${two(ds, 2)}`;
}

class Viewer {
  constructor(root) {
    this.root = root;
    this.base = root.dataset.image;
    this.canvas = root.querySelector("canvas");
    this.context = this.canvas.getContext("2d");
    this.readout = root.querySelector("[data-readout]");
    this.tiles = new Map();
    this.overlays = [];
    this.choice = { hdu: "", plane: 1 };
    this.map = "grey";
    this.stretch = "asinh";
    this.listen();
    this.load();
  }

  query(more = {}) {
    const given = { ...this.choice, ...more };
    return new URLSearchParams(Object.entries(given).filter(([, value]) => value !== "")).toString();
  }

  async load() {
    this.root.setAttribute("aria-busy", "true");
    const answer = await fetch(`${this.base}?${this.query()}`);
    if (!answer.ok) return this.fail(this.root.dataset.fault);
    this.facts = await answer.json();
    this.choice.hdu = this.facts.hdu;
    this.tiles.clear();
    this.fill();
    this.limits(this.root.querySelector("[name=limits]").value);
    this.fit();
  }

  fail(text) {
    this.root.setAttribute("aria-busy", "false");
    this.readout.textContent = text;
  }

  fill() {
    const { units, hdu, planes, unit } = this.facts, select = this.root.querySelector("[name=hdu]");
    select.replaceChildren(...units.map(each => new Option(`${each.hdu} ${each.name}`.trim(), each.hdu, false, each.hdu === hdu)));
    select.closest("label").hidden = units.length < 2;
    const plane = this.root.querySelector("[name=plane]");
    plane.max = planes;
    plane.closest("label").hidden = planes < 2;
    for (const place of this.root.querySelectorAll("[data-unit]")) place.textContent = unit;
  }

  limits(kind) {
    const { lowest, highest, low, high, faint, bright } = this.facts.limits;
    const pairs = { zscale: [faint, bright], middle: [low, high], all: [lowest, highest], deep: [faint, Math.max(high, bright)] };
    if (pairs[kind]) [this.low, this.high] = pairs[kind];
    if (!(this.high > this.low)) this.high = this.low + 1;
    this.root.querySelector("[name=low]").value = +this.low.toPrecision(6);
    this.root.querySelector("[name=high]").value = +this.high.toPrecision(6);
    this.paint();
  }

  // Recolour what is loaded, then draw.
  paint() {
    this.palette = paletteOf(this.map, this.stretch);
    for (const tile of this.tiles.values()) tile.picture = null;
    this.draw();
  }

  fit() {
    this.size();
    const { nx, ny } = this.facts, { width, height } = this.canvas;
    this.scale = Math.min(width / nx, height / ny) * 0.98;
    this.least = Math.min(this.scale / 2, 1);
    this.x = (nx - 1) / 2;
    this.y = (ny - 1) / 2;
    this.draw();
  }

  size() {
    const ratio = window.devicePixelRatio || 1, box = this.canvas.getBoundingClientRect();
    const width = Math.max(1, Math.round(box.width * ratio)), height = Math.max(1, Math.round(box.height * ratio));
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    this.ratio = ratio;
  }

  // Screen places of image pixels: the first row of an image is at the bottom.
  right(x) { return this.canvas.width / 2 + (x - this.x) * this.scale; }
  down(y) { return this.canvas.height / 2 - (y - this.y) * this.scale; }
  at(event) {
    const box = this.canvas.getBoundingClientRect();
    return [this.x + ((event.clientX - box.left) * this.ratio - this.canvas.width / 2) / this.scale,
      this.y - ((event.clientY - box.top) * this.ratio - this.canvas.height / 2) / this.scale];
  }

  draw() {
    if (!this.facts || this.waiting) return;
    this.waiting = requestAnimationFrame(() => { this.waiting = 0; this.render(); });
  }

  render() {
    const { context, canvas, facts } = this;
    if (!(this.scale > 0)) return;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = getComputedStyle(this.canvas).backgroundColor;
    context.fillRect(0, 0, canvas.width, canvas.height);
    const level = Math.max(0, Math.min(facts.levels - 1, Math.floor(Math.log2(1 / this.scale) + 0.35)));
    const absent = this.absent(level);
    if (absent.length) {
      // Coarser ones stand in there only: beside edges they show more than there is.
      context.save();
      context.beginPath();
      const size = facts.tile * 2 ** level;
      for (const [column, row] of absent) context.rect(...this.box(column * size - 0.5, row * size - 0.5, size, size));
      context.clip();
      for (let n = facts.levels - 1; n > level; n--) this.layer(n, false);
      context.restore();
    }
    this.layer(level, true);
    this.root.setAttribute("aria-busy", String(absent.some(place => this.tile(level, ...place, false).tries < TRIES)));
    this.marks();
    this.compass();
  }

  // Columns and rows of the tiles of a level that can be seen.
  *seen(level) {
    const size = this.facts.tile * 2 ** level, { nx, ny } = this.facts;
    const reach = [this.canvas.width / 2 / this.scale, this.canvas.height / 2 / this.scale];
    const range = (middle, half, end) => [Math.max(0, Math.floor((middle - half) / size)), Math.min(Math.ceil(end / size) - 1, Math.floor((middle + half) / size))];
    const [left, rightmost] = range(this.x, reach[0], nx), [first, last] = range(this.y, reach[1], ny);
    for (let row = first; row <= last; row++)
      for (let column = left; column <= rightmost; column++) yield [column, row];
  }

  // Of them those that have not arrived.
  absent(level) {
    return [...this.seen(level)].filter(place => !this.tile(level, ...place, false)?.values);
  }

  layer(level, wanted) {
    const size = this.facts.tile * 2 ** level;
    for (const [column, row] of this.seen(level)) {
      const tile = this.tile(level, column, row, wanted || level === this.facts.levels - 1);
      if (tile?.values) this.place(tile, level, column * size - 0.5, row * size - 0.5);
    }
  }

  place(tile, level, x, y) {
    tile.picture ??= this.colour(tile);
    const block = 2 ** level, { context } = this;
    context.imageSmoothingEnabled = this.scale * block < 2;
    context.drawImage(tile.picture, ...this.box(x, y, tile.width * block, tile.height * block));
  }

  // Left, top, width and height on the screen of a part of the image, in whole pixels.
  box(x, y, width, height) {
    const left = Math.floor(this.right(x)), top = Math.floor(this.down(y + height));
    return [left, top, Math.ceil(this.right(x + width)) - left, Math.ceil(this.down(y)) - top];
  }

  tile(level, column, row, ask) {
    const key = `${level}/${column}/${row}`;
    let tile = this.tiles.get(key);
    if (!tile && ask) {
      this.tiles.set(key, tile = { tries: 0 });
      this.fetch(tile, key, level, column, row);
    }
    return tile;
  }

  async fetch(tile, key, level, column, row) {
    const { nx, ny, tile: side, version } = this.facts, size = side * 2 ** level, block = 2 ** level;
    const answer = await fetch(`${this.base}${key}/?${this.query({ v: version })}`).catch(() => null);
    if (!answer?.ok) {
      if (++tile.tries < TRIES) setTimeout(() => this.fetch(tile, key, level, column, row), PAUSE);
      return this.draw();
    }
    tile.values = new Float32Array(await answer.arrayBuffer());
    tile.width = Math.ceil(Math.min(size, nx - column * size) / block);
    tile.height = Math.ceil(Math.min(size, ny - row * size) / block);
    this.forget();
    this.draw();
  }

  // Keep at most some hundred tiles: the ones that came first go.
  forget() {
    for (const key of this.tiles.keys()) {
      if (this.tiles.size <= 400) break;
      if (!key.startsWith(`${this.facts.levels - 1}/`)) this.tiles.delete(key);
    }
  }

  colour({ values, width, height }) {
    const picture = new OffscreenCanvas(width, height), context = picture.getContext("2d");
    const image = context.createImageData(width, height), pixels = new Uint32Array(image.data.buffer);
    const { low, palette } = this, factor = (STEPS - 1) / (this.high - low);
    for (let row = 0; row < height; row++) {
      let from = (height - 1 - row) * width;
      for (let to = row * width, end = to + width; to < end; to++, from++) {
        const value = values[from];
        if (value === value) {
          const step = (value - low) * factor;
          pixels[to] = palette[step < 0 ? 0 : step > STEPS - 1 ? STEPS - 1 : step | 0];
        }
      }
    }
    context.putImageData(image, 0, 0);
    return picture;
  }

  marks() {
    const { context } = this, radius = Math.max(4, Math.min(14, 3 * this.scale)) * this.ratio;
    context.lineWidth = 1.5 * this.ratio;
    for (const { places, colour } of this.overlays) {
      context.strokeStyle = colour;
      context.beginPath();
      for (const [x, y] of places) {
        const px = this.right(x), py = this.down(y);
        if (px < -radius || py < -radius || px > this.canvas.width + radius || py > this.canvas.height + radius) continue;
        context.moveTo(px + radius, py);
        context.arc(px, py, radius, 0, 2 * Math.PI);
      }
      context.stroke();
    }
  }

  compass() {
    const north = this.facts.north, { context, ratio } = this;
    if (!north) return;
    const [dx, dy, side] = north, length = 28 * ratio, x = this.canvas.width - 52 * ratio, y = 58 * ratio;
    context.strokeStyle = context.fillStyle = "#ffd479";
    context.lineWidth = 2 * ratio;
    context.font = `${12 * ratio}px system-ui, sans-serif`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    for (const [ux, uy, name] of [[dx, dy, "N"], [-dy * side, dx * side, "E"]]) {
      context.beginPath();
      context.moveTo(x, y);
      context.lineTo(x + ux * length, y - uy * length);
      context.stroke();
      context.fillText(name, x + ux * length * 1.4, y - uy * length * 1.4);
    }
  }

  zoom(factor, px = this.x, py = this.y) {
    const scale = Math.max(this.least, Math.min(64 * this.ratio, this.scale * factor)), kept = this.scale / scale;
    this.x = px + (this.x - px) * kept;
    this.y = py + (this.y - py) * kept;
    this.scale = scale;
    this.draw();
  }

  move(dx, dy) {
    this.x = Math.max(-0.5, Math.min(this.facts.nx - 0.5, this.x + dx));
    this.y = Math.max(-0.5, Math.min(this.facts.ny - 0.5, this.y + dy));
    this.draw();
  }

  // One question at a time, of the newest place.
  tell(x, y) {
    this.asked = [x, y];
    if (this.asking) return;
    this.asking = (async () => {
      while (this.asked) {
        const [px, py] = this.asked;
        this.asked = null;
        const answer = await fetch(`${this.base}at/?${this.query({ x: px.toFixed(3), y: py.toFixed(3) })}`).catch(() => null);
        if (answer?.ok) this.say(px, py, await answer.json());
      }
      this.asking = null;
    })();
  }

  say(x, y, spot) {
    const words = [`x ${(x + 1).toFixed(1)}, y ${(y + 1).toFixed(1)}`];
    words.push(spot.value === null ? "–" : `${+spot.value.toPrecision(7)} ${this.facts.unit}`.trim());
    if (spot.ra !== null) words.push(`${sexagesimal(spot.ra, spot.dec)} (${spot.ra.toFixed(6)}°, ${spot.dec.toFixed(6)}°, ICRS)`);
    else if (spot.longitude !== null) words.push(`${spot.longitude.toFixed(6)}°, ${spot.latitude.toFixed(6)}°`);
    this.readout.textContent = words.join("   ·   ");
    this.root.dispatchEvent(new CustomEvent("hven:spot", { detail: { x, y, ...spot } }));
  }

  async overlay(input) {
    this.overlays = this.overlays.filter(each => each.url !== input.value);
    if (input.checked) {
      const answer = await fetch(`${input.value}?${this.query()}`).catch(() => null);
      if (answer?.ok) {
        const { sources } = await answer.json();
        this.overlays.push({ url: input.value, places: sources, colour: input.dataset.colour });
        input.closest("label").querySelector("[data-count]").textContent = `(${sources.length})`;
      } else input.checked = false;
    }
    this.draw();
  }

  listen() {
    const { canvas, root } = this, touches = new Map();
    let distance = 0;
    canvas.addEventListener("pointerdown", event => { canvas.setPointerCapture(event.pointerId); touches.set(event.pointerId, event); distance = 0; });
    const up = event => touches.delete(event.pointerId);
    canvas.addEventListener("pointerup", up);
    canvas.addEventListener("pointercancel", up);
    canvas.addEventListener("pointermove", event => {
      if (!this.facts) return;
      const before = touches.get(event.pointerId);
      if (before) {
        if (touches.size === 1) this.move(-(event.clientX - before.clientX) * this.ratio / this.scale, (event.clientY - before.clientY) * this.ratio / this.scale);
        touches.set(event.pointerId, event);
        if (touches.size === 2) {
          const [a, b] = [...touches.values()], now = Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
          if (distance) this.zoom(now / distance);
          distance = now;
        }
      } else this.tell(...this.at(event));
    });
    canvas.addEventListener("wheel", event => {
      if (!this.facts) return;
      event.preventDefault();
      this.zoom(Math.exp(-Math.sign(event.deltaY) * Math.min(Math.abs(event.deltaY), 120) / 400), ...this.at(event));
    }, { passive: false });
    canvas.addEventListener("dblclick", event => this.facts && this.zoom(2, ...this.at(event)));
    canvas.addEventListener("keydown", event => this.key(event));
    root.addEventListener("click", event => this.press(event.target.closest("[data-do]")?.dataset.do));
    root.addEventListener("change", event => this.change(event.target));
    new ResizeObserver(() => { if (this.facts) { this.size(); this.scale ? this.draw() : this.fit(); } }).observe(canvas);
    document.addEventListener("hven:theme", () => this.draw());
  }

  key(event) {
    const step = 40 * this.ratio / this.scale;
    const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] };
    if (!this.facts || event.ctrlKey || event.altKey || event.metaKey) return;
    if (moves[event.key]) this.move(...moves[event.key]);
    else if (event.key === "+" || event.key === "=") this.zoom(1.5);
    else if (event.key === "-") this.zoom(1 / 1.5);
    else if (event.key === "0") this.fit();
    else return;
    event.preventDefault();
    this.tell(this.x, this.y);
  }

  press(action) {
    if (!action || !this.facts) return;
    const middle = this.ratio;
    if (action === "in") this.zoom(1.5);
    if (action === "out") this.zoom(1 / 1.5);
    if (action === "fit") this.fit();
    if (action === "one") { this.scale = middle; this.draw(); }
    if (action === "full") document.fullscreenElement ? document.exitFullscreen() : this.root.requestFullscreen();
  }

  change(input) {
    const { name, value } = input;
    if (name === "map" || name === "stretch") { this[name] = value; this.paint(); }
    if (name === "limits") this.limits(value);
    if (name === "low" || name === "high") {
      if (input.value !== "" && Number.isFinite(+value)) this[name] = +value;
      this.root.querySelector("[name=limits]").value = "own";
      this.limits("own");
    }
    if (name === "hdu") { this.choice = { hdu: value, plane: 1 }; this.root.querySelector("[name=plane]").value = 1; this.load(); }
    if (name === "plane") { this.choice.plane = Math.max(1, Math.min(this.facts.planes, Math.round(+value || 1))); this.load(); }
    if (name === "overlay") this.overlay(input);
  }
}

for (const root of document.querySelectorAll("[data-image]")) new Viewer(root);
// A page that gets an image later says so.
document.addEventListener("hven:viewer", event => event.detail?.matches?.("[data-image]") && new Viewer(event.detail));
