// SPDX-License-Identifier: MPL-2.0
// pages.js: regions, budget, alarms, events.
import { Charts } from "./charts.js";
import { el, setText, Table } from "./dom.js";
import { seen, stateChips, tiles, typeLink } from "./overview.js";
import { newestEvents, now, state } from "./state.js";
import { age, amount, count, dollars, plural, span, time } from "./words.js";

const figure = (name) => (row) => amount(row.value(name), row.figures[name]?.unit ?? "");

class Page {
  constructor(title, ...parts) {
    this.head = el("h1", {}, title);
    this.lead = el("p", { class: "lead" });
    this.element = el("div", {}, this.head, this.lead, ...parts);
  }

  title() { return this.head.textContent; }

  announcement() { return ""; }

  close() { this.charts?.close(); }
}

// ---- regions ----

export class Regions extends Page {
  constructor() {
    const table = new Table("Regions", [
      { name: "region", head: true, text: (row) => row.name, chips: stateChips },
      { name: "problem", class: "why", text: (row) => row.word("problem") || "none" },
      { name: "instances", class: "number", text: figure("instances") },
      { name: "foreign", class: "number", text: figure("foreign"), title: () => "our tags, but another incarnation or an undefined type" },
      { name: "listing took", class: "number mid", text: figure("listing") },
      { name: "launch calls", class: "number wide", text: figure("launchCalls"), title: () => "that the rate bucket holds" },
      { name: "launch instances", class: "number wide", text: figure("launchInstances"), title: () => "that the rate bucket holds" },
      { name: "deaths", class: "number wide", text: figure("deaths"), title: () => "of its worker process" },
      { name: "seen", class: "seen", text: (row) => seen(row, ["instances"]).text, mark: (row) => (seen(row, ["instances"]).stale ? "stale" : ""),
        chips: (row) => (seen(row, ["instances"]).stale ? [{ text: "STALE", kind: "warn stale-word" }] : []) },
    ], { empty: "No region has been heard of." });
    super("Regions", table.element);
    this.table = table;
  }

  update() {
    const rows = [...state.regions.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    const bad = rows.filter((row) => row.word("state") !== "live").length;
    setText(this.lead, rows.length ? (bad ? `${plural(bad, "region")} of ${rows.length} ${bad === 1 ? "is" : "are"} not live: nothing is launched where the inventory is stale.` : "All regions are live.") : "");
    this.table.update(rows);
  }
}

// ---- budget ----

export class Budget extends Page {
  constructor() {
    const caps = tiles();
    const charts = new Charts("", [
      { title: "Cost an hour, committed", unit: "dollars per hour", series: [{ key: "committed", label: "granted max prices" }] },
      { title: "Spent today", unit: "dollars", series: [{ key: "spent", label: "upper bound" }] },
      { title: "Units occupying", unit: "units", series: [{ key: "occupying", label: "occupying" }] },
    ]);
    const table = new Table("workerTypes by what they cost", [
      { name: "workerType", head: true, text: (row) => row.name, link: (row) => typeLink(row.name), chips: stateChips },
      { name: "$ an hour", class: "number", text: (row) => dollars(row.value("committed")) },
      { name: "share", class: "number", text: (row) => row.share },
      { name: "instances", class: "number", text: figure("occupyingInstances") },
      { name: "units", class: "number mid", text: figure("occupying") },
      { name: "idle units", class: "number mid", text: figure("idle") },
      { name: "seen", class: "seen", text: (row) => seen(row, ["occupying"]).text, mark: (row) => (seen(row, ["occupying"]).stale ? "stale" : "") },
    ], { empty: "Nothing costs anything." });
    super("Budget", el("dl", { class: "tiles" }, ...caps.map((tile) => tile.element)), charts.element,
      el("section", { "aria-label": "Costliest types" }, el("h2", {}, "Costliest types"), table.element));
    Object.assign(this, { caps, charts, table });
  }

  update() {
    const total = state.supervisor?.value("committed") ?? null;
    const rows = [...state.types.values()].filter((row) => row.value("committed") > 0).sort((a, b) => b.value("committed") - a.value("committed"));
    for (const row of rows) row.share = total ? `${Math.round((100 * row.value("committed")) / total)} %` : "?";
    setText(this.lead, "Committed: the granted max prices of all that occupies or is leased. Spent: an upper bound; EBS and traffic are not counted.");
    for (const tile of this.caps) tile.update(state.supervisor);
    this.table.update(rows.slice(0, 30));
  }
}

// ---- alarms and events ----

const subjectLink = (name) => (state.types.has(name) ? typeLink(name) : state.regions.has(name) ? "#/regions" : "#/alarms");

export class Alarms extends Page {
  constructor() {
    const table = new Table("Alarms that are raised, the oldest first", [
      { name: "alarm", head: true, text: (alarm) => alarm.kind },
      { name: "about", text: (alarm) => alarm.subject || "everything", link: (alarm) => subjectLink(alarm.subject) },
      { name: "what", class: "why", text: (alarm) => alarm.text },
      { name: "for", class: "number", text: (alarm) => span(now() - alarm.since) },
      { name: "since", class: "seen mid", text: (alarm) => time(alarm.since) },
    ], { keyOf: (alarm) => alarm.id, empty: "No alarm is raised." });
    const past = eventTable("Alarms raised and cleared, newest first", "None in the events that are kept.");
    super("Alarms", table.element, el("section", { "aria-label": "Lately" }, el("h2", {}, "Raised and cleared lately"), past.element));
    Object.assign(this, { table, past });
  }

  update() {
    this.table.update(state.alarms);
    this.past.update(newestEvents().filter((event) => event.kind.startsWith("alarm-")).slice(0, 50));
  }
}

export function eventTable(caption, empty) {
  return new Table(caption, [
    { name: "when", class: "seen", text: (event) => age(now() - event.at), title: (event) => time(event.at) },
    { name: "event", head: true, text: (event) => event.kind },
    { name: "about", text: (event) => event.type || event.region || "", link: (event) => subjectLink(event.type || event.region) },
    { name: "what", class: "why", text: (event) => event.text },
  ], { keyOf: (event) => event.sequence, empty });
}

export class Events extends Page {
  constructor() {
    const filter = el("input", { type: "search", id: "event-filter", oninput: () => this.update() });
    const table = eventTable("Events, newest first", "No event has been heard of.");
    super("Events", el("div", { class: "filter" }, el("label", { for: "event-filter" }, "Contains"), filter), table.element);
    Object.assign(this, { filter, table });
  }

  update() {
    const word = this.filter.value.trim().toLowerCase();
    const all = newestEvents();
    const rows = all.filter((event) => `${event.kind} ${event.type} ${event.region} ${event.text}`.toLowerCase().includes(word));
    setText(this.lead, `The newest ${count(all.length)} that this server has heard, at most 100 of a kind${word ? `, ${count(rows.length)} of them contain "${word}"` : ""}.`);
    this.table.update(rows.slice(0, 200));
  }
}
