// SPDX-License-Identifier: MPL-2.0
// type.js: one workerType: what it needs, what it has, what was decided last and why, where it may launch and what stands
// in the way. The last part is asked from the daemon while this page is open; everything else comes by the stream.
import { actionButtons } from "./actions.js";
import { Charts } from "./charts.js";
import { el, setClass, setText, sync, Table } from "./dom.js";
import { seen, stateChips } from "./overview.js";
import { eventTable } from "./pages.js";
import { isStale, newestEvents, now, state } from "./state.js";
import { age, amount, count, dollars, label, plural, span, time, unitWord } from "./words.js";

const EXPLAIN_EVERY = 5000;
const ROWS_MOST = 20;
const MAIN = ["pending", "oldestWait", "claimed", "wanted", "serving", "running", "booting", "idle", "dead", "occupying", "leased", "committed"];
const MORE = ["occupyingInstances", "floor", "ceiling", "launches", "launchFailures", "worked", "lastLaunch", "revision", "pid", "generation", "deaths"];

function figureText(row, name) {
  const figure = row.figures[name];
  if (figure.unit === "milliseconds UTC") return figure.value === null ? "never" : `${span(now() - figure.value)} ago`;
  return amount(figure.value, figure.unit);
}

class Figures {
  constructor(names, ages) {
    this.names = names;
    this.ages = ages;
    this.element = el("dl", { class: "figures panel" });
  }

  update(row) {
    sync(this.element, this.names.filter((name) => row.figures[name]), (name) => name,
      (name) => el("div", { title: row.figures[name].doc }, el("dt", {}, label(name)),
        el("dd", {}, el("span"), " ", el("small", {}, unitWord(row.figures[name].unit)), el("span", { class: "age" }))),
      (element, name) => {
        const [value, , when] = element.querySelectorAll("dd > *");
        const stale = isStale(row, name);
        setText(value, figureText(row, name));
        setText(when, !this.ages && !stale ? "" : row.value(name) === null ? "not known" : `${stale ? "STALE, " : ""}${age(row.age(name, now()))}`);
        setClass(when, stale ? "age stale" : "age");
      });
  }
}

const placement = (lot) => [lot.region, lot.zone, lot.instanceType, lot.market].filter(Boolean).join(" · ");

// A bid names a placement once a lot: here once in all, where it stands first.
function gather(list) {
  const rows = new Map();
  for (const lot of list) {
    const key = `${placement(lot)} ${lot.maxPrice}`;
    const row = rows.get(key) ?? { ...lot, count: 0, lots: 0 };
    row.count += lot.count;
    row.lots += 1;
    rows.set(key, row);
  }
  return [...rows.values()];
}

const lots = () => new Table("Lots of the current bid, in order", [
  { name: "", class: "number", text: (lot) => String(lot.order) },
  { name: "placement", head: true, text: placement },
  { name: "instances", class: "number", text: (lot) => count(lot.count) },
  { name: "lots", class: "number", text: (lot) => count(lot.lots) },
  { name: "units each", class: "number", text: (lot) => count(lot.capacity) },
  { name: "at most each", class: "number", text: (lot) => `${dollars(Number(lot.maxPrice))} an hour` },
], { keyOf: (lot) => lot.order, empty: "It bids for nothing now." });

const denials = () => new Table("What was cut or refused, newest first", [
  { name: "placement", head: true, text: (it) => (typeof it.placement === "string" ? it.placement : placement(it.placement ?? {})) },
  { name: "wanted", class: "number", text: (it) => count(it.wanted) },
  { name: "granted", class: "number", text: (it) => count(it.granted) },
  { name: "by", text: (it) => it.by },
  { name: "times", class: "number", text: (it) => count(it.times) },
  { name: "since", class: "seen", text: (it) => (it.since ? age(now() - it.since) : "") },
  { name: "last", class: "seen", text: (it) => age(now() - it.at) },
], { keyOf: (it) => it.key, empty: "Nothing was refused lately." });

const breakers = () => new Table("Breakers in its way", [
  { name: "scope", head: true, text: (it) => it.scope },
  { name: "failure", text: (it) => [it.failure, it.code].filter(Boolean).join(": ") },
  { name: "state", text: (it) => it.state },
  { name: "until", class: "seen", text: (it) => (it.until ? (it.until > now() ? `in ${span(it.until - now())}` : "due now") : "no time") },
  { name: "ended by", text: (it) => it.liftedBy ?? "" },
], { keyOf: (it) => it.key, empty: "None: every placement is open." });

const leases = () => new Table("Launches under way", [
  { name: "grant", head: true, text: (it) => String(it.grant) },
  { name: "placement", text: (it) => (typeof it.placement === "string" ? it.placement : placement(it.placement ?? {})) },
  { name: "instances", class: "number", text: (it) => count(it.count) },
  { name: "state", text: (it) => it.state },
  { name: "age", class: "seen", text: (it) => span(it.age_s * 1000) },
], { keyOf: (it) => it.grant, empty: "None." });

const revisions = () => new Table("Applied definitions, newest first", [
  { name: "revision", head: true, text: (it) => String(it.revision), chips: (it) => it.marks.map((text) => ({ text })) },
  { name: "applied", class: "seen", text: (it) => age(now() - it.applied), title: (it) => time(it.applied) },
  { name: "by", text: (it) => it.who || "" },
  { name: "preflight", text: (it) => (it.forced ? "left out by force" : "as usual") },
  { name: "hash", class: "seen", text: (it) => String(it.hash ?? "").slice(0, 12) },
], { keyOf: (it) => it.revision });

const PARTS = [["lots", "Placements it asks for, in order", lots], ["denials", "Refused lately", denials],
  ["breakers", "Breakers", breakers], ["leases", "Launches under way", leases]];

export class TypePage {
  constructor(name) {
    this.name = name;
    this.head = el("h1");
    this.chips = el("span");
    this.lead = el("p", { class: "lead" });
    this.seen = el("p", { class: "age" });
    this.preflight = el("p", { class: "age" });
    this.gone = el("p", { class: "notice", hidden: true });
    this.main = new Figures(MAIN, true);
    this.more = new Figures(MORE, false);
    this.actions = actionButtons(name);
    this.asked = el("p", { class: "age" });
    this.revisionNote = el("p", { class: "age" });
    this.parts = PARTS.map(([key, title, make]) => ({ key, title, table: make() }));
    this.revisions = revisions();
    this.definitions = eventTable("Changes of this type's definition", "No change of its definition in the events that are kept.");
    this.events = eventTable("Events of this type", "No event of it is kept.");
    this.charts = new Charts(name, [
      { title: "Demand", unit: "tasks", series: [{ key: "pending", label: "pending" }, { key: "claimed", label: "claimed" }] },
      { title: "Oldest task waits", unit: "seconds", series: [{ key: "oldestWait", label: "wait" }] },
      { title: "Supply", unit: "units", series: [{ key: "occupying", label: "occupying" }, { key: "serving", label: "serving" }] },
      { title: "Launches", unit: "instances", series: [{ key: "launches", label: "launched", bars: true }, { key: "failures", label: "refused calls", bars: true }] },
      { title: "Cost an hour, committed", unit: "dollars per hour", series: [{ key: "committed", label: "granted max prices" }] },
    ]);
    this.element = el("div", {}, el("p", { class: "crumb" }, el("a", { href: "#/" }, "All types")),
      this.head, this.lead, this.seen, this.gone, this.actions.element, this.main.element, this.charts.element,
      el("section", { "aria-label": "Last decision" }, el("h2", {}, "Last decision"), this.asked,
        ...this.parts.flatMap((part) => [el("h3", { class: "note" }, part.title), part.table.element])),
      el("section", { "aria-label": "Definition" }, el("h2", {}, "Definition and process"), this.more.element, this.preflight, el("h3", { class: "note" }, "Revisions"), this.revisionNote, this.revisions.element, this.definitions.element),
      el("section", { "aria-label": "Events" }, el("h2", {}, "Events"), this.events.element));
    this.explain();
  }

  title() { return this.name; }

  announcement() {
    const row = state.types.get(this.name);
    return row ? `${this.name}: ${row.word("state")}, ${row.word("reason")}` : "";
  }

  update() {
    const row = state.types.get(this.name);
    this.gone.hidden = Boolean(row) || !state.names;
    setText(this.gone, `There is no workerType ${this.name} in the stream.`);
    setText(this.head, this.name);
    if (!row) return;
    const chips = [...stateChips(row), { text: row.word("reason") === row.word("state") ? "" : row.word("reason") }];
    this.head.append(...chips.filter((chip) => chip.text).flatMap((chip) => [" ", el("span", { class: `chip ${chip.kind ?? ""}` }, chip.text)]));
    const pending = row.value("pending");
    const wait = pending > 0 && row.value("oldestWait") !== null ? `, the oldest for ${span(row.value("oldestWait") * 1000)}` : "";
    setText(this.lead, `${pending === null ? "How many tasks wait is not known" : pending ? `${plural(pending, "task")} wait${pending === 1 ? "s" : ""}${wait}` : "Nothing waits"}. ${row.word("why")} ${row.word("demandProblem")}`.trim());
    setText(this.preflight, row.word("preflight") ? `Preflight: ${row.word("preflight")}.` : "");
    const freshness = seen(row, ["pending", "occupying"]);
    setText(this.seen, `${freshness.stale ? "STALE: " : ""}demand seen ${age(row.age("pending", now()))}, instances seen ${age(row.age("occupying", now()))}`);
    setClass(this.seen, freshness.stale ? "age stale" : "age");
    this.main.update(row);
    this.more.update(row);
    this.actions.update(row);
    const events = newestEvents().filter((event) => event.type === this.name);
    this.events.update(events.slice(0, 40));
    this.definitions.update(events.filter((event) => event.kind.startsWith("definition") || event.kind.startsWith("specification")).slice(0, 20));
    this.updateAsked();
    if (this.revision !== row.value("revision")) this.askRevisions(row.value("revision"));
  }

  // Asked once, and again when the live revision changes.
  async askRevisions(revision) {
    this.revision = revision;
    const body = await this.ask("revisions");
    setText(this.revisionNote, body.problem ? `${body.problem}; what the events tell:` : "");
    this.revisions.element.hidden = Boolean(body.problem);
    if (body.problem) return;
    this.revisions.update((body.revisions ?? []).map((it) => ({ ...it, marks: [it.revision === body.live ? "live" : "", it.revision === body.pin ? "pinned" : ""].filter(Boolean) }))
      .sort((a, b) => b.revision - a.revision).slice(0, 50));
  }

  async ask(what) {
    try {
      const answer = await fetch(`/api/${what}?type=${encodeURIComponent(this.name)}`, { signal: AbortSignal.timeout(10000) });
      const body = await answer.json();
      return answer.ok && !body.problem ? body : { problem: `Not known: ${body.problem ?? body.text}` };
    } catch {
      return { problem: "Not known: this page's server did not answer" };
    }
  }

  updateAsked() {
    if (!this.explained) return;
    setText(this.asked, this.explained.problem ?? `${this.explained.sentence ?? ""} (asked ${age(now() - this.explained.asOf)})`.trim());
    for (const part of this.parts) {
      const told = this.explained[part.key] ?? [];
      const newest = (part.key === "lots" ? gather(told) : [...told]).sort((a, b) => (b.at ?? 0) - (a.at ?? 0)).slice(0, ROWS_MOST);
      const list = newest.map((item, i) => ({ ...item, order: i + 1, key: `${i} ${item.scope ?? ""}` }));
      if (!this.explained.problem) part.table.update(list);
    }
  }

  async explain() {
    this.explained = await this.ask("explain");
    if (this.closed) return;
    this.updateAsked();
    this.timer = setTimeout(() => this.explain(), EXPLAIN_EVERY);
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
    this.charts.close();
  }
}

