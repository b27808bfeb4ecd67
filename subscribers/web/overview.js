// SPDX-License-Identifier: MPL-2.0
// overview.js: who is waiting, why, and what is it costing. The sentence first, then money against its caps, then what
// is wrong, then the types that wait, the longest first; the rest below.
import { Charts } from "./charts.js";
import { el, setClass, setText, sync, Table } from "./dom.js";
import { isStale, link, now, state } from "./state.js";
import { age, amount, count, dollars, headline, plural, span } from "./words.js";

const ALARMS_SHOWN = 5;
const REST_SHOWN = 25;

export const typeLink = (name) => `#/type/${encodeURIComponent(name)}`;

export function stateChips(row) {
  const word = row.word("state");
  if (!word || word === "live") return [];
  return [{ text: word, kind: ["quarantined", "unlaunchable", "failing", "stale"].includes(word) ? "bad" : "warn" }];
}

// "3s", or "STALE 4m12s": the older one of two figures that stand for demand and supply.
export function seen(row, names) {
  const ages = names.map((name) => row.age(name, now()));
  const oldest = ages.includes(null) ? null : Math.max(...ages);
  return { stale: oldest === null || oldest > state.maxAge, text: oldest === null ? "not seen" : span(oldest) };
}

const demandKnown = (row) => row.value("pending") !== null && !isStale(row, "pending");

// {waiting, unknown, rest}: a type of which nobody knows is not one that does not wait.
export function divide() {
  const groups = { waiting: [], unknown: [], rest: [] };
  for (const row of state.types.values()) {
    const group = !demandKnown(row) ? groups.unknown : row.value("pending") > 0 ? groups.waiting : groups.rest;
    group.push(row);
  }
  const wait = (row) => row.value("oldestWait") ?? Number.MAX_SAFE_INTEGER;
  const byName = (a, b) => (a.name < b.name ? -1 : 1);
  groups.waiting.sort((a, b) => wait(b) - wait(a) || byName(a, b));
  groups.unknown.sort((a, b) => wait(b) - wait(a) || byName(a, b));
  groups.rest.sort((a, b) => (b.value("committed") ?? 0) - (a.value("committed") ?? 0) || byName(a, b));
  return groups;
}

const figure = (name) => (row) => amount(row.value(name), row.figures[name]?.unit ?? "");

function columns(caption) {
  const alarmed = (row) => state.alarms.some((alarm) => alarm.subject === row.name);
  return new Table(caption, [
    { name: "workerType", head: true, text: (row) => row.name, link: (row) => typeLink(row.name),
      chips: (row) => [...stateChips(row), ...(alarmed(row) ? [{ text: "alarm", kind: "bad" }] : [])] },
    { name: "oldest waits", class: "number wait", text: (row) => (row.value("pending") === 0 ? "" : figure("oldestWait")(row)) },
    { name: "tasks", class: "number", text: figure("pending") },
    { name: "why", class: "why", text: (row) => row.word("demandProblem") || row.word("why") },
    { name: "serving", class: "number mid", text: figure("serving"), title: () => "units that work or can take work" },
    { name: "occupying", class: "number wide room", text: (row) => `${figure("occupying")(row)} of ${figure("ceiling")(row)}`, title: () => "units that cost money or quota, of maxCapacity" },
    { name: "in leases", class: "number wide", text: figure("leased"), title: () => "units granted whose launches have no ids yet" },
    { name: "$ an hour", class: "number", text: (row) => dollars(row.value("committed")) },
    { name: "seen", class: "seen", text: (row) => seen(row, ["pending", "occupying"]).text,
      mark: (row) => (seen(row, ["pending", "occupying"]).stale ? "stale" : ""),
      chips: (row) => (seen(row, ["pending", "occupying"]).stale ? [{ text: "STALE", kind: "warn stale-word" }] : []),
      title: (row) => `demand ${age(row.age("pending", now()))}, instances ${age(row.age("occupying", now()))}` },
  ], { rowClass: (row) => (demandKnown(row) ? "" : "stale-row"), tableClass: "types" });
}

// A figure against its cap, with a bar.
export class Tile {
  constructor(name, value, cap, { leased = null, note = "" } = {}) {
    Object.assign(this, { value, cap, leased, note });
    this.big = el("span", { class: "big" });
    this.of = el("span", { class: "of" });
    this.bar = el("i");
    this.meter = el("div", { class: "meter", role: "meter", "aria-label": `${name}, percent of its cap`, "aria-valuemin": "0", "aria-valuemax": "100" }, this.bar);
    this.age = el("span", { class: "age" });
    this.element = el("div", {}, el("dt", {}, name), el("dd", {}, this.big, " ", this.of), el("dd", {}, this.meter), el("dd", {}, this.age));
  }

  update(row) {
    const value = row?.value(this.value) ?? null;
    const cap = row?.value(this.cap) ?? null;
    const leased = this.leased ? row?.value(this.leased) ?? 0 : 0;
    const unit = row?.figures[this.value].unit ?? "";
    const share = value === null || !cap ? null : (100 * (value + leased)) / cap;
    setText(this.big, amount(value, unit));
    setText(this.of, `${leased ? `+ ${count(leased)} in leases` : ""}${row && cap === null ? (leased ? ", no cap" : "no cap") : row ? ` of ${amount(cap, unit)}` : ""}`.trim());
    setClass(this.meter, `meter ${share === null ? "none" : share >= 100 ? "bad" : share >= 80 ? "warn" : ""}`);
    this.bar.style.width = `${Math.min(100, share ?? 0)}%`;
    if (share === null) this.meter.removeAttribute("aria-valuenow");
    else this.meter.setAttribute("aria-valuenow", String(Math.min(100, Math.round(share))));
    const stale = row && isStale(row, this.value);
    setText(this.age, `${stale ? "STALE, " : ""}${row ? `seen ${age(row.age(this.value, now()))}` : "not known yet"}${share !== null ? ` · ${Math.round(share)} %` : ""}${this.note}`);
    setClass(this.age, stale ? "age stale" : "age");
  }
}

export const tiles = () => [
  new Tile("Committed an hour", "committed", "committedCeiling"),
  new Tile("Spent today", "spentToday", "dailyCeiling", { note: " · upper bound, without EBS and traffic" }),
  new Tile("Units", "units", "unitsCeiling", { leased: "unitsLeased" }),
  new Tile("Instances", "instances", "instancesCeiling", { leased: "instancesLeased" }),
];

export class Overview {
  constructor() {
    this.head = el("h1", { id: "headline" });
    this.lead = el("p", { class: "lead" });
    this.unsaid = el("p", { class: "lead stale" });
    this.problem = el("p", { class: "notice", hidden: true });
    this.tiles = tiles();
    this.alarms = el("ul", { class: "alarms", "aria-label": "Alarms" });
    this.waiting = this.section("Waiting", "workerTypes that wait, the longest first");
    this.unknown = this.section("Not known", "workerTypes whose demand is not known or stale");
    this.rest = this.section("Not waiting", "workerTypes that do not wait, the costliest first");
    this.filter = el("input", { type: "search", id: "filter", oninput: () => this.update() });
    this.rest.element.querySelector("h2").after(el("div", { class: "filter" }, el("label", { for: "filter" }, "Name contains"), this.filter));
    this.all = el("button", { type: "button", "aria-pressed": "false", onclick: () => this.toggleAll() }, "Show all");
    this.filter.after(this.all);
    this.charts = new Charts("", [
      { title: "Waiting tasks, all types", unit: "tasks", series: [{ key: "pending", label: "pending" }] },
      { title: "Longest wait of any type", unit: "seconds", series: [{ key: "oldestWait", label: "oldest task" }] },
      { title: "Cost an hour, committed", unit: "dollars per hour", series: [{ key: "committed", label: "granted max prices" }] },
    ]);
    this.element = el("div", {}, this.head, this.lead, this.unsaid, this.problem, el("dl", { class: "tiles" }, ...this.tiles.map((tile) => tile.element)),
      this.alarms, this.waiting.element, this.unknown.element, this.charts.element, this.rest.element);
  }

  section(title, caption) {
    const number = el("span", { class: "count" });
    const table = columns(caption);
    return { table, number, element: el("section", { "aria-label": title }, el("h2", {}, title, " ", number), table.element) };
  }

  toggleAll() {
    this.all.setAttribute("aria-pressed", String(this.all.getAttribute("aria-pressed") !== "true"));
    this.update();
  }

  title() { return this.head.textContent; }

  updateAlarms() {
    const shown = state.alarms.slice(0, ALARMS_SHOWN).map((alarm) => ({ key: alarm.id, alarm }));
    if (state.alarms.length > ALARMS_SHOWN) shown.push({ key: "more" });
    this.alarms.hidden = shown.length === 0;
    sync(this.alarms, shown, (item) => item.key,
      (item) => (item.alarm ? el("li", {}, el("b"), " ", el("span"), " ", el("span", { class: "age" }))
        : el("li", {}, el("a", { href: "#/alarms" }))),
      (element, item) => {
        if (!item.alarm) return setText(element.firstChild, `and ${count(state.alarms.length - ALARMS_SHOWN)} more`);
        setText(element.children[0], `${item.alarm.kind}${item.alarm.subject ? ` ${item.alarm.subject}` : ""}`);
        setText(element.children[1], item.alarm.text);
        setText(element.children[2], `for ${span(now() - item.alarm.since)}`);
      });
  }

  update() {
    const groups = divide();
    const wanted = this.filter.value.trim().toLowerCase();
    const found = groups.rest.filter((row) => row.name.toLowerCase().includes(wanted));
    const rest = wanted || this.all.getAttribute("aria-pressed") === "true" ? found : found.slice(0, REST_SHOWN);
    this.all.hidden = groups.rest.length <= REST_SHOWN;
    const first = groups.waiting[0];
    const sentence = headline(groups.waiting, groups.unknown.length, groups.waiting.length + groups.rest.length);
    setText(this.head, link().state === "live" || !state.beat?.heard ? sentence : `Last known: ${sentence}`);
    setText(this.lead, first ? `${first.word("why") || "No reason was given."}` : "");
    setText(this.unsaid, groups.unknown.length ? `The demand of ${plural(groups.unknown.length, "type")} is not known.` : "");
    const problems = [["configurationProblem", "The newest configuration was rejected: "], ["ledger", "Ledger: "],
      ["credentials", "AWS credentials: "]]
      .filter(([name]) => state.supervisor && !["", "ok"].includes(state.supervisor.word(name)))
      .map(([name, text]) => text + state.supervisor.word(name));
    if (state.names?.leftOut) problems.push("More workerTypes than --max-types: some are not shown.");
    this.problem.hidden = problems.length === 0;
    setText(this.problem, problems.join(" "));
    for (const tile of this.tiles) tile.update(state.supervisor);
    this.updateAlarms();
    for (const [section, rows, all] of [[this.waiting, groups.waiting], [this.unknown, groups.unknown], [this.rest, rest, groups.rest]]) {
      section.table.update(rows);
      setText(section.number, all && all.length !== rows.length ? `${rows.length} of ${all.length}` : count(rows.length));
    }
    this.unknown.element.hidden = groups.unknown.length === 0;
  }

  announcement() {
    const groups = divide();
    return `${plural(groups.waiting.length, "type waits", "types wait")}, ${plural(state.alarms.length, "alarm")}`;
  }

  close() { this.charts.close(); }
}
