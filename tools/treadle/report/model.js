// What a trace says: who ran what when, who woke whom, what waited. Times are nanoseconds since the first event.
"use strict";

const RUN = 0, PARK = 1, BLOCKED = 2;
const SCHEDULE = 0, STEAL = 1, WAKE = 2, EXPOSE = 3, IO = 4, TIMER = 5;
const KIND_NAMES = ["runs", "parked", "blocked"];
const MARK_NAMES = ["schedule", "steal", "wake", "expose", "I/O", "timer"];

/** The first index in [from, to) of sorted `values` whose value is greater than `limit`. */
function firstAbove(values, limit, from, to) {
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (values[middle] > limit) to = middle;
    else from = middle + 1;
  }
  return from;
}

function median(values) {
  if (values.length === 0) return NaN;
  const sorted = Float64Array.from(values).sort();
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** A duration for people: three digits and a unit. */
function duration(ns) {
  if (!isFinite(ns)) return "–";
  const size = Math.abs(ns);
  if (size < 999.5) return `${Math.round(ns)} ns`;
  const [scale, unit] = size < 999.5e3 ? [1e3, "µs"] : size < 999.5e6 ? [1e6, "ms"] : [1e9, "s"];
  const value = ns / scale, whole = Math.abs(value);
  return `${value.toFixed(whole < 9.995 ? 2 : whole < 99.95 ? 1 : 0)} ${unit}`;
}

function percent(part) {
  if (!isFinite(part)) return "–";
  if (part > 0 && part < 0.0005) return "< 0.1 %";
  return part > 0 && part < 0.00995 ? `${(part * 100).toFixed(1)} %` : `${Math.round(part * 100)} %`;
}

function count(number) {
  return number.toLocaleString("en-US");
}

class Model {
  constructor(raw) {
    this.raw = raw;
    this.duration = raw.duration;
    this.lanes = raw.lanes.map((lane, index) => ({...lane, index}));
    this.names = raw.names;
    const {spans, marks} = raw;
    this.size = spans.start.length;
    this.start = Float64Array.from(spans.start);
    this.end = this.start.map((start, i) => start + spans.length[i]);
    this.kind = Uint8Array.from(spans.kind);
    this.lane = Int32Array.from(spans.lane);
    this.name = Int32Array.from(spans.name);
    this.flow = Float64Array.from(spans.flow);
    this.marks = Array.from(marks.at, (at, i) => ({
      at, lane: marks.lane[i], kind: marks.kind[i], from: marks.from[i], to: marks.to[i], name: marks.name[i],
      flow: marks.flow[i],
    }));
    const {arrows} = raw;
    this.arrows = Array.from(arrows.kind, (kind, i) => ({
      kind, fromLane: arrows.fromLane[i], fromAt: arrows.fromAt[i], toLane: arrows.toLane[i], toAt: arrows.toAt[i],
    }));
    this.flatten();
    this.sumUp();
    this.matchWaits();
    this.sites = this.collectSites();
    this.wakes = this.collectWakes();
    this.chains = this.collectChains();
  }

  site(span) {
    return this.names[this.name[span]] || (this.kind[span] === RUN ? "task" : KIND_NAMES[this.kind[span]]);
  }

  /** Cuts nested spans into pieces that follow one another: at any time a worker does what is innermost. */
  flatten() {
    this.depth = new Uint8Array(this.size);
    this.self = new Float64Array(this.size);
    this.maxEnd = new Float64Array(this.size); // of a lane's spans so far
    for (const lane of this.lanes) {
      lane.first = firstAbove(this.lane, lane.index - 1, 0, this.size);
      lane.last = firstAbove(this.lane, lane.index, lane.first, this.size);
      lane.levels = 1;
      const start = [], end = [], span = [], stack = [];
      let cursor = 0;
      const emit = (of, until) => {
        if (until > cursor) {
          start.push(cursor);
          end.push(until);
          span.push(of);
          this.self[of] += until - cursor;
        }
        cursor = Math.max(cursor, until);
      };
      const close = (limit) => {
        while (stack.length > 0 && this.end[stack[stack.length - 1]] <= limit) {
          const top = stack.pop();
          emit(top, this.end[top]);
        }
      };
      let latest = 0;
      for (let i = lane.first; i < lane.last; ++i) {
        close(this.start[i]);
        if (stack.length > 0) emit(stack[stack.length - 1], this.start[i]);
        cursor = Math.max(cursor, this.start[i]);
        this.depth[i] = Math.min(stack.length, 255);
        lane.levels = Math.max(lane.levels, stack.length + 1);
        latest = Math.max(latest, this.end[i]);
        this.maxEnd[i] = latest;
        stack.push(i);
      }
      close(Infinity);
      lane.pieces = {start: Float64Array.from(start), end: Float64Array.from(end), span: Int32Array.from(span)};
      lane.from = lane.first < lane.last ? this.start[lane.first] : 0;
      lane.until = latest;
    }
  }

  /** Per lane: time of each kind in all, and up to each piece, so that any stretch is looked up in log time. */
  sumUp() {
    for (const lane of this.lanes) {
      const {start, end, span} = lane.pieces;
      lane.sums = [0, 1, 2].map(() => new Float64Array(start.length + 1));
      lane.reasons = new Map();
      for (let i = 0; i < start.length; ++i) {
        const kind = this.kind[span[i]];
        for (let k = 0; k < 3; ++k) lane.sums[k][i + 1] = lane.sums[k][i] + (k === kind ? end[i] - start[i] : 0);
        if (kind === PARK) {
          const reason = this.site(span[i]);
          lane.reasons.set(reason, (lane.reasons.get(reason) || 0) + end[i] - start[i]);
        }
      }
      lane.total = lane.sums.map((sums) => sums[start.length]);
      lane.tasks = 0;
      for (let i = lane.first; i < lane.last; ++i) lane.tasks += this.kind[i] === RUN;
      lane.other = Math.max(0, lane.until - lane.from - lane.total[RUN] - lane.total[PARK] - lane.total[BLOCKED]);
    }
    this.workers = this.lanes.filter((lane) => lane.first < lane.last);
    const sum = (kind) => this.workers.reduce((all, lane) => all + lane.total[kind], 0);
    this.total = [sum(RUN), sum(PARK), sum(BLOCKED)];
    this.tasks = this.workers.reduce((all, lane) => all + lane.tasks, 0);
  }

  /** How long `lane` was at `kind` between two points in time. */
  timeAt(lane, kind, from, to) {
    return this.timeUntil(lane, kind, to) - this.timeUntil(lane, kind, from);
  }
  timeUntil(lane, kind, at) {
    const {start, end, span} = lane.pieces;
    const next = firstAbove(start, at, 0, start.length);
    const over = next > 0 && this.kind[span[next - 1]] === kind ? Math.max(0, end[next - 1] - at) : 0;
    return lane.sums[kind][next] - over;
  }

  /** How long each task lay in a queue, where the trace says when it was scheduled. */
  matchWaits() {
    this.wait = new Float64Array(this.size).fill(NaN);
    this.scheduledBy = new Int32Array(this.size).fill(-1); // a mark
    const scheduled = new Map();
    this.marks.forEach((mark, i) => {
      if (mark.kind === SCHEDULE && mark.flow >= 0) scheduled.set(mark.flow, i);
    });
    for (let i = 0; i < this.size; ++i) {
      if (this.kind[i] !== RUN || this.flow[i] < 0 || !scheduled.has(this.flow[i])) continue;
      const mark = scheduled.get(this.flow[i]);
      this.scheduledBy[i] = mark;
      this.wait[i] = Math.max(0, this.start[i] - this.marks[mark].at);
    }
  }

  collectSites() {
    const sites = new Map();
    for (let i = 0; i < this.size; ++i) {
      if (this.kind[i] !== RUN) continue;
      const name = this.site(i);
      let site = sites.get(name);
      if (!site) sites.set(name, site = {name, count: 0, self: 0, longest: 0, span: i, lengths: [], waits: []});
      const length = this.end[i] - this.start[i];
      ++site.count;
      site.self += this.self[i];
      site.lengths.push(length);
      if (!isNaN(this.wait[i])) site.waits.push(this.wait[i]);
      if (length > site.longest) [site.longest, site.span] = [length, i];
    }
    const all = [...sites.values()].sort((a, b) => b.self - a.self);
    all.forEach((site, rank) => {
      site.rank = rank;
      site.median = median(site.lengths);
      site.wait = median(site.waits);
      site.waitMax = site.waits.reduce((most, each) => Math.max(most, each), site.waits.length ? 0 : NaN);
      delete site.lengths;
      delete site.waits;
    });
    this.rankOf = new Map(all.map((site) => [site.name, site.rank]));
    return all;
  }

  /** Each wake, and how long it took until the woken worker was up. */
  collectWakes() {
    const wakes = [], own = this.lanes.map(() => []); // when each lane was up for a timer or for I/O
    for (const mark of this.marks) if (mark.kind === TIMER || mark.kind === IO) own[mark.lane].push(mark.at);
    for (const mark of this.marks) {
      if (mark.kind !== WAKE || mark.to < 0) continue;
      const lane = this.lanes[mark.to], {start, end, span} = lane.pieces;
      let at = firstAbove(start, mark.at, 0, start.length) - 1;
      let up = NaN, latency = NaN;
      if (at >= 0 && end[at] > mark.at && this.kind[span[at]] === PARK) up = end[at];
      else if (at + 1 < start.length && this.kind[span[at + 1]] !== PARK) up = start[at + 1];
      const itself = own[mark.to][firstAbove(own[mark.to], up - 1000, 0, own[mark.to].length)];
      latency = up - mark.at;
      if (itself < up + 20000) up = latency = NaN; // it got up by itself, later
      // A waker may come to its note only when the woken one has been up and lain down again.
      for (let before = at - 1; before >= 0 && end[before] > mark.at - 2e5; --before) {
        if (this.kind[span[before]] === PARK) [up, latency, before] = [end[before], NaN, 0];
      }
      wakes.push({at: mark.at, from: mark.from < 0 ? mark.lane : mark.from, to: mark.to, up, latency});
    }
    return wakes;
  }

  /** Wakes that led to wakes: B, woken by A, woke C before it lay down again. The longest first. */
  collectChains() {
    const latest = new Map(); // lane: its wake
    const isParent = new Set();
    for (const wake of this.wakes) {
      const before = latest.get(wake.from);
      if (before && before.up <= wake.at && this.timeAt(this.lanes[wake.from], PARK, before.up, wake.at) === 0) {
        wake.parent = before;
        wake.depth = before.depth + 1;
        isParent.add(before);
      } else {
        wake.depth = 1;
      }
      latest.set(wake.to, wake);
    }
    const chains = this.wakes.filter((wake) => !isParent.has(wake) && wake.depth > 1).map((wake) => {
      const links = [];
      for (let each = wake; each; each = each.parent) links.unshift(each);
      const last = links[links.length - 1];
      return {links, at: links[0].at, end: isNaN(last.up) ? last.at : last.up};
    });
    return chains.sort((a, b) => b.links.length - a.links.length || (b.end - b.at) - (a.end - a.at)).slice(0, 50);
  }

  /** The share of all workers' time that went to `kind` in each of `buckets` equal parts. */
  overTime(kind, buckets) {
    const shares = new Float64Array(buckets), width = this.duration / buckets;
    if (!(width > 0) || this.workers.length === 0) return shares;
    for (const lane of this.workers) {
      let before = 0;
      for (let b = 0; b < buckets; ++b) {
        const now = this.timeUntil(lane, kind, (b + 1) * width);
        shares[b] += (now - before) / width / this.workers.length;
        before = now;
      }
    }
    return shares;
  }

  /** Stretches without work: parks by reason, and what lies between events. */
  idleReasons() {
    const reasons = new Map();
    const add = (name, length, span, lane, from) => {
      if (length <= 0) return;
      let reason = reasons.get(name);
      if (!reason) reasons.set(name, reason = {name, count: 0, total: 0, longest: 0});
      ++reason.count;
      reason.total += length;
      if (length > reason.longest) Object.assign(reason, {longest: length, span, lane, from});
    };
    for (const lane of this.workers) {
      const {start, end, span} = lane.pieces;
      add("not started yet", lane.from, -1, lane.index, 0);
      let before = lane.from;
      for (let i = 0; i < start.length; ++i) {
        add("looking for work", start[i] - before, -1, lane.index, before);
        if (this.kind[span[i]] === PARK) add(this.site(span[i]), end[i] - start[i], span[i], lane.index, start[i]);
        before = end[i];
      }
    }
    return [...reasons.values()].sort((a, b) => b.total - a.total);
  }

  stealMatrix() {
    const size = this.lanes.length, cells = new Map();
    let total = 0, most = 0;
    for (const mark of this.marks) {
      if (mark.kind !== STEAL || mark.from < 0) continue;
      const key = mark.from * size + (mark.to < 0 ? mark.lane : mark.to);
      const next = (cells.get(key) || 0) + 1;
      cells.set(key, next);
      most = Math.max(most, next);
      ++total;
    }
    return {cells, total, most, at: (from, to) => cells.get(from * size + to) || 0};
  }
}
