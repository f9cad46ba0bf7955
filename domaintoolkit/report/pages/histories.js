"use strict";
const HUES = [190, 45, 315, 130, 220, 5, 270, 75, 165, 25, 245, 100];

class Histories {
  constructor(data) {
    this.names = data.names; this.fields = data.fields; this.fieldOf = data.field_of; this.keys = data.keys;
    this.splits = data.splits; this.statics = data.statics;
    this.split = unpack(data.split, Uint8Array);
    this.events = unpack(data.events, Uint32Array);
    this.shown = unpack(data.shown, Uint32Array);
    this.header = unpack(data.header, Uint16Array);
    this.tokens = unpack(data.tokens, data.wide ? Uint32Array : Uint16Array);
    this.lengths = unpack(data.lengths, Uint16Array);
    this.times = data.times === null ? null : unpack(data.times, Float64Array);
    this.count = this.keys.length;
    this.firstEvent = new Uint32Array(this.count + 1);
    this.firstToken = new Uint32Array(this.count + 1);
    for (let k = 0, event = 0, token = 0; k < this.count; k++) {
      token += this.header[k];
      for (let n = 0; n < this.shown[k]; n++) token += this.lengths[event++];
      this.firstEvent[k + 1] = event;
      this.firstToken[k + 1] = token;
    }
  }
  *parts(entity) {
    let token = this.firstToken[entity] + this.header[entity];
    for (let event = this.firstEvent[entity]; event < this.firstEvent[entity + 1]; event++) {
      yield [event, this.tokens.subarray(token, token + this.lengths[event])];
      token += this.lengths[event];
    }
  }
  clock(event) {
    if (this.times === null || Number.isNaN(this.times[event])) return "";
    const date = new Date(this.times[event]);
    return Number.isNaN(date.getTime()) ? "" : date.toISOString().slice(0, 19).replace("T", " ");
  }
  describe(entity, most) {
    const lines = [`${this.keys[entity]}: ${this.events[entity].toLocaleString("en")} events`];
    const all = [...this.parts(entity)];
    for (const [event, tokens] of all.slice(-most)) {
      const words = [...tokens].slice(0, 12).map((token) => this.names[token]).join(" ");
      lines.push(`${this.clock(event)} ${words}${tokens.length > 12 ? " …" : ""}`);
    }
    return lines.join("\n");
  }
  chip(token) {
    const field = this.fieldOf[token];
    const made = make("span", field < 0 ? "token special" : "token", this.names[token]);
    if (field >= 0) made.style.setProperty("--hue", HUES[field % HUES.length]);
    return made;
  }
  open(entity) {
    const body = document.getElementById("history-body");
    body.replaceChildren(make("h2", "", this.keys[entity]));
    const shown = this.shown[entity], all = this.events[entity];
    body.append(make("p", "note", `${this.splits[this.split[entity]]}, ${all.toLocaleString("en")} events` +
      (shown < all ? `; the latest ${shown.toLocaleString("en")} are here` : "")));
    const head = make("div");
    const first = this.firstToken[entity];
    for (const token of this.tokens.subarray(first, first + this.header[entity])) head.append(this.chip(token));
    body.append(head);
    let number = all - shown;
    for (const [event, tokens] of this.parts(entity)) {
      const row = make("div", "event"), chips = make("div");
      row.append(make("div", "when", `${++number}  ${this.clock(event)}`));
      for (const token of tokens) chips.append(this.chip(token));
      row.append(chips);
      body.append(row);
    }
    const dialog = document.getElementById("history");
    dialog.showModal();
    dialog.scrollTop = 0;
  }
}
const HISTORIES = DATA.histories ? new Histories(DATA.histories) : null;

const SEARCH = document.getElementById("search");
if (SEARCH && HISTORIES) {
  const list = document.getElementById("found"), count = document.getElementById("found-count");
  const split = document.getElementById("split"), order = document.getElementById("order");
  const PAGE = DATA.map ? 15 : 40;
  let found = [], drawn = 0;
  const more = document.getElementById("more");
  function drawMore() {
    const rows = document.createDocumentFragment();
    for (const entity of found.slice(drawn, drawn + PAGE)) {
      const item = make("li"), button = make("button");
      button.append(make("span", "", HISTORIES.keys[entity]),
        make("span", "note", `${HISTORIES.events[entity].toLocaleString("en")} events`));
      let text = "";
      for (const [, tokens] of HISTORIES.parts(entity)) {
        text += [...tokens].slice(0, 6).map((token) => HISTORIES.names[token]).join(" ") + "  ";
        if (text.length > 200) break;
      }
      button.append(make("span", "first", text));
      button.addEventListener("click", () => HISTORIES.open(entity));
      item.append(button);
      rows.append(item);
    }
    list.append(rows);
    drawn = Math.min(found.length, drawn + PAGE);
    more.hidden = drawn >= found.length;
  }
  function search() {
    const wanted = SEARCH.value.trim().toLowerCase();
    const hits = new Set();
    if (wanted) HISTORIES.names.forEach((name, token) => { if (name.toLowerCase().includes(wanted)) hits.add(token); });
    found = [];
    for (let k = 0; k < HISTORIES.count; k++) {
      if (split.value && HISTORIES.splits[HISTORIES.split[k]] !== split.value) continue;
      let good = !wanted || HISTORIES.keys[k].toLowerCase().includes(wanted);
      if (!good && hits.size) {
        for (let n = HISTORIES.firstToken[k]; n < HISTORIES.firstToken[k + 1]; n++) if (hits.has(HISTORIES.tokens[n])) { good = true; break; }
      }
      if (good) found.push(k);
    }
    if (order.value !== "stored") found.sort((a, b) => (order.value === "long" ? -1 : 1) * (HISTORIES.events[a] - HISTORIES.events[b]));
    list.replaceChildren();
    drawn = 0;
    count.textContent = `${found.length.toLocaleString("en")} of ${HISTORIES.count.toLocaleString("en")} histories`;
    drawMore();
  }
  let waiting = 0;
  SEARCH.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(search, 120); });
  split.addEventListener("change", search);
  order.addEventListener("change", search);
  more.addEventListener("click", drawMore);
  search();
}
