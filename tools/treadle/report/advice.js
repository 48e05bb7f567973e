// What stands out in a trace, in words, each with what to do about it and where to look.

/** The site that ran longest on any worker between two points in time, and for how long. */
function mostAtWork(model, from, to) {
  const bySite = new Map();
  for (const lane of model.workers) {
    const {start, end, span} = lane.pieces;
    for (let i = Math.max(0, firstAbove(start, from, 0, start.length) - 1); i < start.length && start[i] < to; ++i) {
      const overlap = Math.min(end[i], to) - Math.max(start[i], from);
      if (model.kind[span[i]] !== RUN || overlap <= 0) continue;
      const found = bySite.get(model.site(span[i])) || {name: model.site(span[i]), time: 0, piece: 0, span: span[i]};
      found.time += overlap;
      if (overlap > found.piece) [found.piece, found.span] = [overlap, span[i]];
      bySite.set(found.name, found);
    }
  }
  return [...bySite.values()].sort((a, b) => b.piece - a.piece)[0];
}

/** Tasks that waited because something long held the workers. */
function adviseOnWaits(model) {
  const limit = Math.max(2e6, model.duration / 50);
  let late = 0, worst = -1;
  for (let i = 0; i < model.size; ++i) {
    if (!(model.wait[i] > limit)) continue;
    ++late;
    if (worst < 0 || model.wait[i] > model.wait[worst]) worst = i;
  }
  if (worst < 0) return null;
  const from = model.start[worst] - model.wait[worst], to = model.start[worst];
  const culprit = mostAtWork(model, from, to);
  const what = late === 1 ? "A task" : `${count(late)} tasks`;
  const longest = duration(model.wait[worst]);
  const range = [from, model.end[worst]];
  if (culprit && culprit.piece > Math.max(limit / 2, (to - from) / 3)) {
    return {
      key: "starved", level: "bad", title: `${what} waited up to ${longest} behind a long one`,
      text: `While ${model.site(worst)} waited, ${culprit.name} ran for ${duration(culprit.piece)} at a stretch on ` +
        `${model.lanes[model.lane[culprit.span]].name}.`,
      mend: "Split the long task, let it call checkpoint() or run_ready() between its parts, or give the pool more threads.",
      range, span: culprit.span,
    };
  }
  const work = model.workers.reduce((all, lane) => all + model.timeAt(lane, RUN, from, to), 0);
  if (work < (to - from) * model.workers.length / 2) return null; // nobody was there: see how late the woken are
  return {
    key: "queued", level: "note", title: `${what} lay in a queue for up to ${longest}`,
    text: `No single task held the workers: more work arrived than ${model.workers.length} workers do.`,
    mend: "Bound what is admitted (pool_config::max_queued, a limiter), or make the tasks themselves cheaper.", range, span: worst,
  };
}

/** Stretches in which one worker alone ran while others lay parked without work. */
function adviseOnSplitting(model) {
  if (model.workers.length < 2) return null;
  const times = [], spans = []; // of what begins (even indices) and ends; runs, and parks without work
  for (const lane of model.workers) {
    const {start, end, span} = lane.pieces;
    for (let i = 0; i < start.length; ++i) {
      if (model.kind[span[i]] === RUN || (model.kind[span[i]] === PARK && model.site(span[i]) === "no work")) {
        times.push(start[i], end[i]);
        spans.push(span[i]);
      }
    }
  }
  const steps = Uint32Array.from(times.keys()).sort((a, b) => times[a] - times[b] || (b & 1) - (a & 1));
  const active = [new Set(), new Set()];
  const bySite = new Map();
  let alone = 0, before = 0;
  for (const step of steps) {
    const at = times[step], span = spans[step >> 1], what = model.kind[span] === RUN ? 0 : 1;
    if (active[0].size === 1 && active[1].size > 0 && at > before) {
      const [running] = active[0];
      alone += at - before;
      const name = model.site(running);
      const found = bySite.get(name) || {name, time: 0, from: before, until: before, best: [0, 0], span: running};
      if (before - found.until > model.duration / 100) found.from = before;
      found.until = at;
      found.time += at - before;
      if (found.until - found.from > found.best[1] - found.best[0]) {
        found.best = [found.from, found.until];
        found.span = running;
      }
      bySite.set(name, found);
    }
    if (step % 2 === 0) active[what].add(span);
    else active[what].delete(span);
    before = at;
  }
  if (alone < Math.max(5e6, model.duration / 4)) return null;
  const worst = [...bySite.values()].sort((a, b) => b.time - a.time)[0];
  return {
    key: "serial", level: "bad", title: `For ${percent(alone / model.duration)} of the time one worker ran alone`,
    text: `${worst.name} ran ${duration(worst.time)} while others lay parked for want of work, on ` +
      `${model.lanes[model.lane[worst.span]].name} the longest.`,
    mend: "Fork earlier, fork in halves rather than one after another, and call checkpoint() in long leaves: " +
      "branches that wait there are then offered to others.",
    range: worst.best, span: worst.span,
  };
}

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The longest span of a kind. */
function longestSpan(model, accept) {
  let total = 0, worst = -1;
  for (let i = 0; i < model.size; ++i) {
    if (!accept(i)) continue;
    total += model.self[i];
    if (worst < 0 || model.self[i] > model.self[worst]) worst = i;
  }
  return {total, worst};
}

function adviseOnBlocking(model) {
  const {total, worst} = longestSpan(model, (i) => model.kind[i] === BLOCKED);
  const whole = model.duration * model.workers.length;
  if (worst < 0 || (total < whole / 50 && model.self[worst] < Math.max(2e6, model.duration / 50))) return null;
  let around = worst;
  while (around >= 0 && !(model.kind[around] === RUN && model.lane[around] === model.lane[worst] &&
    model.end[around] >= model.end[worst])) --around;
  const site = around >= 0 ? model.site(around) : model.site(worst);
  const culprit = mostAtWork(model, model.start[worst], model.end[worst]);
  return {
    key: "blocked", level: "bad",
    title: `${capital(model.lanes[model.lane[worst]].name)} stood blocked for ${duration(model.self[worst])}`,
    text: `It blocked inside ${site}` + (site === model.site(worst) ? "" : ` (in ${model.site(worst)})`) + (culprit ? `; meanwhile ${culprit.name} ran the most elsewhere` : "") +
      `. All workers together were blocked for ${duration(total)}.`,
    mend: "Wrap the call in treadle::blocking, so that a spare worker takes over; or await it: a coro::mutex instead of " +
      "a std::mutex, io:: instead of read().",
    range: [model.start[worst], model.end[worst]], span: worst,
  };
}

/** Most of the time nobody ran anything: it is not for want of workers that this program is slow. */
function adviseOnIdleness(model) {
  const runs = model.overTime(RUN, 2000), blocked = model.overTime(BLOCKED, 2000);
  let idle = 0, longest = 0, at = 0, length = 0;
  for (let i = 0; i < 2000; ++i) {
    const nobody = runs[i] + blocked[i] < 0.05 / model.workers.length;
    idle += nobody;
    length = nobody ? length + 1 : 0;
    if (length > longest) [longest, at] = [length, i + 1 - length];
  }
  const part = model.duration / 2000;
  if (model.duration < 5e7 || idle < 1200 || model.tasks < 20) return null;
  return {
    key: "idle", level: "note", title: `For ${percent(idle / 2000)} of the time nobody ran anything`,
    text: `The longest such stretch took ${duration(longest * part)}. The program waits for something that is no work: time, ` +
      "I/O, or each other.",
    mend: "Ask pool.dump() what coroutines wait for. Many at one mutex: whoever holds it waits itself, so release it before. " +
      "Else start more at a time.",
    range: [at * part, (at + longest) * part], span: -1,
  };
}

function adviseOnWaking(model) {
  const latencies = model.wakes.map((wake) => wake.latency).filter((each) => !isNaN(each));
  const typical = median(latencies);
  if (latencies.length < 10 || !(typical > 2e5)) return null;
  return {
    key: "waking", level: "note", title: `Woken workers start ${duration(typical)} late (median)`,
    text: "The system is slow to give a processor: more threads want to run than there are processors.",
    mend: "See `treadle doctor` for processors and quota; lower pool_config::max_threads to what it says.",
  };
}

function adviseOnGrain(model) {
  if (model.tasks < 2000 || model.total[RUN] > 0.5 * model.duration * model.workers.length) return null;
  const lengths = [];
  for (let i = 0; i < model.size; ++i) if (model.kind[i] === RUN) lengths.push(model.self[i]);
  const typical = median(lengths);
  if (typical > 1000) return null;
  return {
    key: "grain", level: "note", title: `Tasks are tiny: ${duration(typical)} (median)`,
    text: `${count(model.tasks)} tasks, and the workers spend most of their time between them.`,
    mend: "Use fork_join or parallel_for, which cost a call a branch, or put more work into a task.",
  };
}

function advise(model) {
  const all = [adviseOnWaits, adviseOnSplitting, adviseOnBlocking, adviseOnIdleness, adviseOnWaking, adviseOnGrain];
  const found = all.map((each) => each(model)).filter(Boolean);
  return found.sort((a, b) => (b.level === "bad") - (a.level === "bad"));
}
