// SPDX-License-Identifier: MPL-2.0
// words.js: numbers, ages and sentences as a tired person reads them. Pure: no page, no clock.
// Unknown is "?", never 0.

const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat("en-US", { maximumFractionDigits: 1 });
const money = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD" });
const cents = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD", minimumFractionDigits: 2, maximumFractionDigits: 4 });

const two = (n) => String(n).padStart(2, "0");

// "12s", "4m12s", "3h05m", "2d4h"
export function span(ms) {
  if (ms === null || ms === undefined || Number.isNaN(ms)) return "?";
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) return `${s}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m${two(s % 60)}s`;
  if (s < 86400) return `${Math.floor(s / 3600)}h${two(Math.floor((s % 3600) / 60))}m`;
  return `${Math.floor(s / 86400)}d${Math.floor((s % 86400) / 3600)}h`;
}

export const age = (ms) => (ms === null ? "age unknown" : `${span(ms)} ago`);

export function count(value) {
  if (value === null || value === undefined) return "?";
  return Number.isInteger(value) || Math.abs(value) >= 100 ? whole.format(value) : tenths.format(value);
}

export function dollars(value) {
  if (value === null || value === undefined) return "?";
  return value > 0 && value < 0.01 ? cents.format(value) : money.format(value);
}

// A figure by its unit.
export function amount(value, unit) {
  if (value === null || value === undefined) return "?";
  if (unit.startsWith("dollars")) return dollars(value);
  if (unit === "seconds") return span(value * 1000);
  if (["process", "revision", "generation"].includes(unit)) return String(value);
  return count(value);
}

export const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;

export function time(ms) {
  if (!ms) return "?";
  return new Date(ms).toISOString().replace("T", " ").replace(/\.\d+Z$/, " UTC");
}

const labels = {
  oldestWait: "oldest waits", claimed: "claimed", occupyingInstances: "occupying", lastLaunch: "last launch",
  launchFailures: "failed launches", unitsLeased: "in leases", committed: "committed",
};
// "launchFailures" -> "failed launches", "unitsCeiling" -> "units ceiling"
export const label = (name) => labels[name] ?? name.replace(/[A-Z]/g, (c) => ` ${c.toLowerCase()}`);

// The one sentence. waiting: types that wait, longest first; unknown and known: how many types.
export function headline(waiting, unknown, known) {
  const first = waiting[0];
  const wait = first?.value("oldestWait") ?? null;
  const since = wait === null ? "for an unknown time" : span(wait * 1000);
  if (!known) return unknown ? "Who waits is not known" : "No workerType has been heard of yet";
  if (!first) return unknown ? "Nobody is known to wait" : "Nobody waits";
  if (waiting.length === 1) return `1 type waits, ${first.name}\u00a0${since}`;
  return `${count(waiting.length)} types wait, longest ${first.name}\u00a0${since}`;
}

const units = { "dollars per hour": "an hour", dollars: "", "milliseconds UTC": "", seconds: "", revision: "", process: "", generation: "", deaths: "" };
export const unitWord = (unit) => units[unit] ?? unit;
