"use strict";
const DATA = JSON.parse(document.getElementById("data").textContent);
const TIP = document.getElementById("tip");

function showTip(text, x, y) {
  TIP.textContent = text;
  TIP.hidden = false;
  const box = TIP.getBoundingClientRect();
  TIP.style.left = Math.max(4, Math.min(x + 14, innerWidth - box.width - 6)) + "px";
  TIP.style.top = (y + 18 + box.height > innerHeight ? Math.max(4, y - box.height - 12) : y + 18) + "px";
}
function hideTip() { TIP.hidden = true; }

for (const chart of document.querySelectorAll("svg.chart")) {
  for (const title of chart.querySelectorAll("title")) title.remove();
  chart.addEventListener("pointermove", (event) => {
    const mark = event.target.closest("[data-tip]");
    if (mark) showTip(mark.dataset.tip, event.clientX, event.clientY); else hideTip();
  });
  chart.addEventListener("pointerleave", hideTip);
  const toggle = (entry) => {
    entry.setAttribute("aria-pressed", String(!entry.classList.toggle("off")));
    for (const each of chart.querySelectorAll(`.series[data-series="${entry.dataset.series}"]`)) each.classList.toggle("off");
  };
  for (const entry of chart.querySelectorAll(".legend")) {
    entry.addEventListener("click", () => toggle(entry));
    entry.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); toggle(entry); }
    });
  }
}

function unpack(text, Kind) {
  const raw = atob(text), bytes = new Uint8Array(raw.length);
  for (let k = 0; k < raw.length; k++) bytes[k] = raw.charCodeAt(k);
  return new Kind(bytes.buffer);
}
function make(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}
