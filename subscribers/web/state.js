// SPDX-License-Identifier: MPL-2.0
// state.js: what this page knows: the stream from its server, and how old all of it is. Two links can break: server to
// daemon (the server tells for how long the daemon was silent) and browser to server (no beat comes any more).
// All times are the server's clock: a browser's own may be wrong.

const BEAT_LIMIT = 6000; // the server beats once a second
const EVENTS_OF_A_KIND = 100; // as many as the server keeps: launches must not push out what explains them

class Row {
  constructor(topic, data, schema) {
    this.name = data.n;
    this.asOf = data.t;
    this.words = {};
    this.figures = {};
    schema[topic].words.forEach((field, i) => { this.words[field.name] = data.w[i] ?? ""; });
    schema[topic].figures.forEach((field, i) => {
      this.figures[field.name] = { value: data.v[i] ?? null, unit: field.unit, doc: field.doc, asOf: data.a[i] === null || data.a[i] === undefined ? null : data.t - data.a[i] };
    });
  }

  value(name) { return this.figures[name]?.value ?? null; }

  word(name) { return this.words[name] ?? ""; }

  // ms since the figure was seen; null where that is not known.
  age(name, now) {
    const asOf = this.figures[name]?.asOf ?? null;
    return asOf === null ? null : Math.max(0, now - asOf);
  }
}

export const state = {
  schema: null, canAct: false, maxAge: 60000,
  supervisor: null, types: new Map(), regions: new Map(), alarms: [], events: new Map(), names: null,
  beat: null, beatAt: 0, openedAt: performance.now(), skew: 0,
};

export const now = () => Date.now() + state.skew;

export function isStale(row, name) {
  const age = row.age(name, now());
  return row.value(name) !== null && (age === null || age > state.maxAge);
}

// "live", "starting", "daemon" (the daemon fell silent) or "server" (this page lost its server), and for how long.
export function link() {
  const sinceBeat = performance.now() - (state.beat ? state.beatAt : state.openedAt);
  if (sinceBeat > BEAT_LIMIT) return { state: "server", silent: sinceBeat, ever: state.beat !== null };
  if (!state.beat) return { state: "starting", silent: sinceBeat };
  const silent = state.beat.silent + sinceBeat;
  if (silent > state.beat.quietLimit) return { state: "daemon", silent, heard: state.beat.heard };
  return { state: state.beat.heard ? "live" : "starting", silent };
}

const takers = {
  hello(data) {
    Object.assign(state, { schema: data.schema, canAct: data.canAct, maxAge: data.maxAge, skew: data.now - Date.now() });
  },
  beat(data) {
    state.beat = data;
    state.beatAt = performance.now();
    state.skew = data.now - Date.now();
  },
  supervisor(data) { state.supervisor = new Row("supervisor", data, state.schema); },
  type(data) { state.types.set(data.n, new Row("type", data, state.schema)); },
  region(data) { state.regions.set(data.n, new Row("region", data, state.schema)); },
  alarms(data) { state.alarms = data.sort((a, b) => a.since - b.since); },
  names(data) {
    state.names = data;
    for (const [map, list] of [[state.types, data.types], [state.regions, data.regions]]) {
      const kept = new Set(list);
      for (const name of map.keys()) if (!kept.has(name)) map.delete(name);
    }
  },
  event(data) {
    state.events.set(data.sequence, data);
    const same = [...state.events.values()].filter((event) => event.kind === data.kind).map((event) => event.sequence);
    if (same.length > EVENTS_OF_A_KIND) state.events.delete(Math.min(...same));
  },
};

export function listen(onChange) {
  const source = new EventSource("/api/stream");
  for (const [name, take] of Object.entries(takers)) {
    source.addEventListener(name, (message) => {
      take(JSON.parse(message.data));
      onChange(name);
    });
  }
  // A browser gives up on a stream that was refused (503): try again.
  const retry = setInterval(() => {
    if (source.readyState !== EventSource.CLOSED) return;
    clearInterval(retry);
    listen(onChange);
  }, 5000);
}

export const newestEvents = () => [...state.events.values()].sort((a, b) => b.sequence - a.sequence);
