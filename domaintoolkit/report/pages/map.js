"use strict";
const RAMP = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];
function ramp(share) {
  const at = Math.max(0, Math.min(1, share)) * (RAMP.length - 1), low = Math.min(RAMP.length - 2, Math.floor(at)), part = at - low;
  return `rgb(${RAMP[low].map((value, k) => Math.round(value + part * (RAMP[low + 1][k] - value))).join(",")})`;
}
class EntityMap {
  constructor(canvas, points, owner) {
    this.canvas = canvas; this.owner = owner;
    this.xs = unpack(points.x, Uint16Array); this.ys = unpack(points.y, Uint16Array);
    canvas.addEventListener("pointermove", (event) => this.hover(event));
    canvas.addEventListener("pointerleave", () => { hideTip(); owner.mark(-1); });
    canvas.addEventListener("click", (event) => { const near = this.nearest(event); if (near >= 0) HISTORIES.open(near); });
    canvas.addEventListener("keydown", (event) => this.press(event));
    canvas.addEventListener("blur", () => { hideTip(); owner.mark(-1); });
  }
  place(k) {
    const size = this.canvas.clientWidth, edge = 10, span = (size - 2 * edge) / 65535;
    return [edge + this.xs[k] * span, edge + this.ys[k] * span];
  }
  nearest(event) {
    const box = this.canvas.getBoundingClientRect(), x = event.clientX - box.left, y = event.clientY - box.top;
    let best = -1, least = 14 * 14;
    for (let k = 0; k < this.xs.length; k++) {
      if (this.owner.hidden.has(this.owner.group(k))) continue;
      const [px, py] = this.place(k), distance = (px - x) ** 2 + (py - y) ** 2;
      if (distance < least) { least = distance; best = k; }
    }
    return best;
  }
  hover(event) {
    const near = this.nearest(event);
    this.owner.mark(near);
    if (near < 0) hideTip();
    else this.say(near, event.clientX, event.clientY);
  }
  // arrows go to the nearest point on that side, Enter opens its history
  press(event) {
    const side = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    const from = this.owner.marked;
    if (event.key === "Enter" && from >= 0) HISTORIES.open(from);
    if (event.key === "Escape") { hideTip(); this.owner.mark(-1); }
    if (!side) return;
    event.preventDefault();
    const middle = this.canvas.clientWidth / 2, [x, y] = from < 0 ? [middle, middle] : this.place(from);
    let best = from, least = Infinity;
    for (const k of this.owner.order) {
      if (k === from || this.owner.hidden.has(this.owner.group(k))) continue;
      const [a, b] = this.place(k), ahead = (a - x) * side[0] + (b - y) * side[1], beside = Math.abs((a - x) * side[1] + (b - y) * side[0]);
      if (from >= 0 && (ahead <= 0 || beside > ahead)) continue;
      const far = (a - x) ** 2 + (b - y) ** 2;
      if (far < least) { least = far; best = k; }
    }
    if (best < 0) return;
    this.owner.mark(best);
    const box = this.canvas.getBoundingClientRect(), [left, top] = this.place(best);
    this.say(best, box.left + left, box.top + top);
  }
  say(k, x, y) { showTip(`${this.owner.describe(k)}\n${HISTORIES.describe(k, 4)}`, x, y); }
  draw(marked) {
    const size = this.canvas.clientWidth, dense = devicePixelRatio || 1;
    if (!size) return;
    this.canvas.width = this.canvas.height = Math.round(size * dense);
    const pen = this.canvas.getContext("2d"), radius = Math.max(1.4, Math.min(4, 160 / Math.sqrt(this.xs.length)));
    pen.scale(dense, dense);
    pen.globalAlpha = 0.8;
    for (const k of this.owner.order) {
      if (this.owner.hidden.has(this.owner.group(k))) continue;
      const [x, y] = this.place(k);
      pen.fillStyle = this.owner.colours[k];
      pen.beginPath();
      pen.arc(x, y, radius, 0, 7);
      pen.fill();
    }
    if (marked >= 0) {
      const [x, y] = this.place(marked);
      pen.globalAlpha = 1;
      pen.lineWidth = 2;
      pen.strokeStyle = getComputedStyle(document.body).color;
      pen.beginPath();
      pen.arc(x, y, radius + 4, 0, 7);
      pen.stroke();
    }
  }
}
class Maps {
  constructor(data) {
    this.data = data; this.hidden = new Set(); this.marked = -1;
    this.select = document.getElementById("colour");
    this.maps = [...document.querySelectorAll("canvas.map")].map((canvas) => new EntityMap(canvas, data.maps[canvas.dataset.map], this));
    this.select.addEventListener("change", () => { this.hidden.clear(); this.colour(); });
    addEventListener("resize", () => this.draw());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.colour());
    addEventListener("beforeprint", () => this.colour(true));
    addEventListener("afterprint", () => this.colour());
    this.colour();
  }
  group(k) { return this.one.kind === "groups" ? this.values[k] : -1; }
  describe(k) {
    const value = this.values[k];
    const said = this.one.kind === "groups" ? this.one.names[value] : Number.isNaN(value) ? "none" : this.one.whole ? value.toLocaleString("en") : value.toPrecision(3);
    return `${this.one.name}: ${said}`;
  }
  colour(printing) {
    this.one = this.data.colourings[+this.select.value];
    this.values = unpack(this.one.values, this.one.kind === "groups" ? Uint8Array : Float32Array);
    const style = getComputedStyle(document.documentElement);
    const light = ["#2563a8", "#d0651c", "#2b8a57", "#b23a48", "#7552b0", "#8a6a2f", "#bb4a93", "#667080"];
    const palette = light.map((value, k) => printing ? value : style.getPropertyValue(`--c${k}`).trim() || value);
    const key = document.getElementById("map-key");
    key.replaceChildren();
    const count = this.values.length;
    this.order = Uint32Array.from({ length: count }, (_, k) => k);
    if (this.one.kind === "groups") {
      this.colours = Array.from(this.values, (value) => palette[value % palette.length]);
      const sizes = this.one.names.map(() => 0);
      for (const value of this.values) sizes[value]++;
      // rare groups are drawn last, so that common ones do not cover them
      this.order.sort((a, b) => sizes[this.values[b]] - sizes[this.values[a]]);
      this.one.names.forEach((name, k) => {
        const entry = make("label"), box = make("input"), dot = make("i");
        box.type = "checkbox"; box.checked = !this.hidden.has(k);
        box.addEventListener("change", () => { this.hidden[box.checked ? "delete" : "add"](k); this.draw(); });
        dot.style.background = palette[k % palette.length];
        entry.append(box, " ", dot, `${name} (${sizes[k].toLocaleString("en")})`);
        key.append(entry);
      });
    } else {
      const sorted = Float32Array.from(this.values).filter((value) => !Number.isNaN(value)).sort();
      const low = sorted[0] ?? 0, high = sorted[Math.floor(sorted.length * 0.98)] ?? 1;
      const map = this.one.log ? (value) => Math.log(1 + value - low) : (value) => value - low;
      const top = map(high) || 1;
      this.colours = Array.from(this.values, (value) => Number.isNaN(value) ? palette[7] : ramp(map(value) / top));
      this.order.sort((a, b) => (this.values[a] || 0) - (this.values[b] || 0));
      const bar = make("i", "ramp");
      bar.style.background = `linear-gradient(90deg, ${[0, .25, .5, .75, 1].map(ramp).join(",")})`;
      const say = (value) => this.one.whole ? Math.round(value).toLocaleString("en") : value.toPrecision(2);
      key.append(make("span", "", say(low)), bar, make("span", "", `${say(high)}${sorted.length && sorted[sorted.length - 1] > high ? " and more" : ""}`));
    }
    for (const row of document.querySelectorAll("#parting tbody tr")) row.style.fontWeight = row.rowIndex - 1 === +this.select.value ? "600" : "";
    this.draw();
  }
  mark(k) { if (k !== this.marked) { this.marked = k; this.draw(); } }
  draw() { for (const map of this.maps) map.draw(this.marked); }
}
if (DATA.map && HISTORIES) new Maps(DATA.map);
