// SPDX-License-Identifier: MPL-2.0
// charts.js: the figures of the last hour or day, from the history that the server keeps. With uPlot they are drawn, and
// a table of the same figures is one click away; without it there is the table. A step without a reading is a gap.
import { el, setText } from "./dom.js";
import { amount, time } from "./words.js";

export const haveCharts = () => typeof window.uPlot === "function";
const EVERY = { hour: 5000, day: 60000 };
const ROWS = 12;

const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const clock = (s, step) => new Date(s * 1000).toISOString().slice(11, step < 60 ? 19 : 16);

// definition: {title, unit, series: [{key, label, bars}]}
class Chart {
  constructor(definition) {
    this.definition = definition;
    this.summary = el("span");
    this.plot = el("div", { class: "plot", "aria-hidden": "true" });
    this.body = el("tbody");
    const head = el("tr", {}, el("th", { scope: "col" }, "time, UTC"),
      ...definition.series.map((series) => el("th", { scope: "col", class: "number" }, series.label)));
    this.table = el("table", { class: "tabled" }, el("caption", { class: "unseen" }, definition.title), el("thead", {}, head), this.body);
    this.element = el("figure", { class: "panel" }, el("figcaption", {}, definition.title, this.summary));
    if (haveCharts()) {
      this.details = el("details", {}, el("summary", {}, "as a table"), this.table);
      this.element.append(this.plot, this.legend(), this.details);
    } else this.element.append(this.table);
  }

  legend() {
    return el("ul", { class: "legend" }, ...this.definition.series.map((series, i) =>
      el("li", {}, el("i", { class: `c${i + 1}` }), series.label)));
  }

  options(width) {
    const { series, unit } = this.definition;
    const axis = { stroke: color("--soft"), grid: { stroke: color("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
    return {
      width, height: 140, padding: [10, 30, 0, 0], tzDate: (ts) => window.uPlot.tzDate(new Date(ts * 1000), "Etc/UTC"),
      cursor: { y: false, points: { size: 6 }, drag: { x: false } }, legend: { show: false },
      scales: { y: { range: (_, low, high) => [Math.min(0, low ?? 0), Math.max(high ?? 0, unit.startsWith("dollars") ? 0.01 : 1) * 1.08] } },
      axes: [{ ...axis, size: 26, values: (_u, ticks, _axis, _space, step) => ticks.map((tick) => clock(tick, step)), space: 90 },
        { ...axis, size: 58, values: (_, ticks) => ticks.map((tick) => amount(tick, unit)), space: 32 }],
      series: [{}, ...series.map((one, i) => ({
        label: one.label, stroke: color(`--line-${i + 1}`), width: 1.7, spanGaps: false, points: { show: false },
        paths: one.bars ? window.uPlot.paths.bars({ size: [0.9, 14, 2] }) : undefined,
        fill: one.bars ? color(`--line-${i + 1}`) : i === 0 ? color("--fill-1") : undefined }))],
    };
  }

  draw(history) {
    const width = this.plot.clientWidth;
    if (!width) return;
    const data = [history.t, ...this.definition.series.map((series) => history[series.key])];
    if (this.drawn && this.scheme === color("--line-1")) {
      if (this.drawn.width !== width) this.drawn.setSize({ width, height: 140 });
      this.drawn.setData(data);
      return;
    }
    this.drawn?.destroy();
    this.scheme = color("--line-1");
    this.drawn = new window.uPlot(this.options(width), data, this.plot);
  }

  fillTable(history) {
    const step = Math.max(1, Math.ceil(history.t.length / ROWS));
    const rows = [];
    for (let i = history.t.length - 1; i >= 0; i -= step) {
      rows.push(el("tr", {}, el("td", {}, time(history.t[i] * 1000).slice(5, 16)),
        ...this.definition.series.map((series) => el("td", { class: "number" }, amount(history[series.key][i], this.definition.unit)))));
    }
    this.body.replaceChildren(...rows);
  }

  // What the picture says, in words: for who cannot see it.
  summarize(history) {
    const { series, unit } = this.definition;
    const values = (key) => history[key].filter((value) => value !== null);
    if (!values(series[0].key).length) return "no reading yet";
    if (!series[0].bars) return `highest ${amount(Math.max(...values(series[0].key)), unit)}`;
    return series.map((one) => `${amount(values(one.key).reduce((sum, value) => sum + value, 0), unit)} ${one.label}`).join(", ");
  }

  update(history) {
    setText(this.summary, this.summarize(history));
    if (haveCharts()) this.draw(history);
    if (!haveCharts() || this.details.open) this.fillTable(history);
  }

  close() { this.drawn?.destroy(); }
}

// All charts of a page, with the choice of hour or day. type "": all types together.
export class Charts {
  constructor(type, definitions) {
    this.type = type;
    this.charts = definitions.map((definition) => new Chart(definition));
    this.span = "hour";
    this.buttons = [["hour", "Last hour"], ["day", "24 hours"]].map(([key, text]) =>
      el("button", { type: "button", "aria-pressed": String(key === this.span), onclick: () => this.choose(key), "data-span": key }, text));
    this.note = el("span", { class: "note" });
    this.element = el("section", { "aria-label": "Over time" },
      el("div", { class: "row spread" }, el("h2", {}, "Over time"), el("div", { class: "row" }, this.note, ...this.buttons)),
      el("div", { class: "charts" }, ...this.charts.map((chart) => chart.element)));
    this.resized = () => this.last && this.show(this.last);
    window.addEventListener("resize", this.resized);
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", this.resized);
    this.fetch();
  }

  choose(key) {
    this.span = key;
    for (const button of this.buttons) button.setAttribute("aria-pressed", String(button.dataset.span === key));
    this.fetch();
  }

  show(history) {
    this.last = history;
    for (const chart of this.charts) chart.update(history);
  }

  async fetch() {
    clearTimeout(this.timer);
    try {
      const answer = await fetch(`/api/history?type=${encodeURIComponent(this.type)}&span=${this.span}`, { signal: AbortSignal.timeout(10000) });
      if (answer.ok && !this.closed) {
        this.show(await answer.json());
        setText(this.note, "");
      }
    } catch {
      setText(this.note, "not loaded");
    }
    if (!this.closed) this.timer = setTimeout(() => this.fetch(), EVERY[this.span]);
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
    window.removeEventListener("resize", this.resized);
    window.matchMedia("(prefers-color-scheme: dark)").removeEventListener("change", this.resized);
    for (const chart of this.charts) chart.close();
  }
}
