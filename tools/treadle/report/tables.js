// What stands around the timeline. All text goes in as text: names come from whoever wrote the trace.

/** An element: make("td", {class: "left"}, "text", child, ...). */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "onclick") element.addEventListener("click", value);
    else if (key === "style") Object.assign(element.style, value);
    else if (value !== null && value !== undefined) element.setAttribute(key, value);
  }
  for (const child of children.flat(Infinity)) if (child !== null && child !== undefined) element.append(child);
  return element;
}

function fill(id, ...children) {
  document.getElementById(id).replaceChildren(...children.flat().filter((each) => each !== null && each !== undefined));
}

/** A table whose columns sort. columns: {title, key (row -> number or text), show (row -> node), class, wrap}. */
function table(caption, rows, columns, sortBy, {limit = 200, rising = false, attributes = () => ({})} = {}) {
  const head = make("tr"), body = make("tbody"), note = make("p", {class: "empty"});
  let by = sortBy, down = !rising;
  const render = () => {
    const key = columns[by].key;
    const compare = (a, b) => {
      const [x, y] = [key(a), key(b)];
      if (typeof x === "string") return x.localeCompare(y);
      return (isNaN(x) ? -Infinity : x) - (isNaN(y) ? -Infinity : y);
    };
    const sorted = [...rows].sort((a, b) => down ? compare(b, a) : compare(a, b)).slice(0, limit);
    body.replaceChildren(...sorted.map((row) => make("tr", attributes(row), columns.map((column, i) =>
      make(i === 0 ? "th" : "td", {class: column.class, scope: i === 0 ? "row" : null}, column.show(row))))));
    [...head.children].forEach((cell, i) => {
      if (i === by) cell.setAttribute("aria-sort", down ? "descending" : "ascending");
      else cell.removeAttribute("aria-sort");
    });
    note.textContent = rows.length > limit ? `The first ${limit} of ${count(rows.length)}.` : "";
  };
  columns.forEach((column, i) => head.append(make("th", {scope: "col", class: column.class},
    column.key ? make("button", {type: "button", onclick: () => {
      [by, down] = [i, i === by ? !down : typeof column.key(rows[0]) !== "string"];
      render();
    }}, column.title) : column.title)));
  render();
  return [make("div", {class: "scroll", tabindex: 0, role: "region", "aria-label": caption},
    make("table", {}, make("caption", {class: "hidden"}, caption), make("thead", {}, head), body)),
  rows.length > limit ? note : null];
}

class Panels {
  constructor(model, go) {
    this.model = model;
    this.go = go; // (span, zooms) or ([from, to])
  }

  dot(name) {
    const rank = this.model.rankOf.get(name);
    return make("span", {class: "dot", "aria-hidden": "true",
      style: {background: rank < PALETTE ? `var(--c${rank})` : "var(--other)"}});
  }
  siteLink(name, span) {
    return make("button", {type: "button", class: "link site", onclick: () => this.go.span(span)}, name);
  }

  tiles() {
    const {model} = this, all = model.duration * model.workers.length;
    const latencies = model.wakes.map((wake) => wake.latency).filter((each) => !isNaN(each));
    const steals = model.marks.filter((mark) => mark.kind === STEAL).length;
    const longest = model.sites.reduce((most, site) => site.longest > most.longest ? site : most, {longest: 0, name: ""});
    const tile = (title, value, more) => make("div", {}, make("dt", {}, title), make("dd", {}, value),
      make("dd", {class: "more"}, more));
    fill("tiles",
      tile("Duration", duration(model.duration), `${count(model.workers.length)} of ${count(model.raw.workers || model.workers.length)} workers seen`),
      tile("In use", percent(model.total[RUN] / all), `${duration(model.total[RUN])} of work`),
      tile("Tasks", count(model.tasks), `at ${count(model.sites.length)} sites`),
      tile("Longest task", duration(longest.longest || NaN), make("span", {class: "site"}, longest.name)),
      tile("Blocked", percent(model.total[BLOCKED] / all), duration(model.total[BLOCKED])),
      tile("Steals", count(steals), `${percent(steals / Math.max(1, model.tasks))} of the tasks`),
      tile("Wakes", count(model.wakes.length), latencies.length ? `${duration(median(latencies))} until up (median)` : "no latency known"));
  }

  advice() {
    const found = advise(this.model);
    if (this.model.size === 0) {
      return fill("advice", make("li", {}, make("span", {class: "sign", "aria-hidden": "true"}, "·"),
        make("h3", {}, "This trace holds no events"), make("p", {}, "Nothing ran while it was taken.")));
    }
    if (found.length === 0) {
      return fill("advice", make("li", {class: "good", "data-key": "good"}, make("span", {class: "sign", "aria-hidden": "true"}, "✓"),
        make("h3", {}, "Nothing"), make("p", {}, "No long waits, no blocked workers, and work was shared.")));
    }
    fill("advice", found.map((each) => make("li", {class: each.level, "data-key": each.key},
      make("span", {class: "sign", "aria-hidden": "true"}, each.level === "bad" ? "!" : "·"), make("h3", {}, each.title),
      each.range ? make("button", {type: "button", onclick: () => this.go.range(each.range, each.span)}, "Show",
        make("span", {class: "hidden"}, `: ${each.title}`)) : null,
      make("p", {}, each.text), make("p", {class: "mend"}, each.mend))));
  }

  legend() {
    const {model} = this, top = model.sites.slice(0, PALETTE);
    const kinds = [["parked", "parked, no work"], ["waits", "watches timers or I/O"], ["blocked", "blocked"]];
    fill("legend", top.map((site) => make("li", {}, make("button", {type: "button", class: "site",
      onclick: () => this.go.search(site.name)}, this.dot(site.name), site.name))),
    model.sites.length > PALETTE ? make("li", {}, this.dot(""), "other sites") : null,
    kinds.map(([name, text]) => make("li", {}, make("span", {class: `dot ${name}`, "aria-hidden": "true"}), text)));
  }

  workers() {
    const {model} = this, whole = Math.max(1, model.duration);
    const watches = (lane) => (lane.reasons.get("waits") || 0) + (lane.reasons.get("io") || 0);
    const bar = (lane) => {
      const waits = watches(lane);
      const parts = [[lane.total[RUN], "var(--accent)", "runs"], [lane.total[BLOCKED], "var(--blocked)", "blocked"],
        [waits, "var(--waits)", "watches"], [lane.total[PARK] - waits, "var(--parked)", "parked"]];
      const text = parts.map(([time, , what]) => `${what} ${percent(time / whole)}`).join(", ");
      return make("div", {class: "bar", role: "img", "aria-label": text, title: text},
        parts.map(([time, colour]) => make("i", {style: {width: `${time / whole * 100}%`, background: colour}})));
    };
    const share = (time) => `${percent(time / whole)}`;
    fill("workers", table("Workers", model.workers, [
      {title: "Worker", key: (lane) => lane.thread, show: (lane) => lane.name},
      {title: "Time", class: "bars", show: bar},
      {title: "Runs", key: (lane) => lane.total[RUN], show: (lane) => share(lane.total[RUN])},
      {title: "Blocked", key: (lane) => lane.total[BLOCKED], show: (lane) => share(lane.total[BLOCKED])},
      {title: "Watches", key: watches, show: (lane) => share(watches(lane))},
      {title: "Parked", key: (lane) => lane.total[PARK] - watches(lane), show: (lane) => share(lane.total[PARK] - watches(lane))},
      {title: "Looks for work", key: (lane) => lane.other, show: (lane) => share(lane.other)},
      {title: "Tasks", key: (lane) => lane.tasks, show: (lane) => count(lane.tasks)},
    ], 0, {limit: 1000, rising: true}));
  }

  sites(accept) {
    const rows = this.model.sites.filter((site) => accept(site.name));
    if (rows.length === 0) return fill("sites", make("p", {class: "empty"}, "No tasks."));
    const most = this.model.total[RUN];
    fill("sites", table("Tasks by site", rows, [
      {title: "Site", key: (site) => site.name, class: "wrap", show: (site) => [this.dot(site.name), this.siteLink(site.name, site.span)]},
      {title: "Tasks", key: (site) => site.count, show: (site) => count(site.count)},
      {title: "Time", key: (site) => site.self, show: (site) => duration(site.self)},
      {title: "Of all", key: (site) => site.self, show: (site) => percent(site.self / most)},
      {title: "Median", key: (site) => site.median, show: (site) => duration(site.median)},
      {title: "Longest", key: (site) => site.longest, show: (site) => duration(site.longest)},
      {title: "Queued, median", key: (site) => site.wait, show: (site) => duration(site.wait)},
      {title: "Queued, longest", key: (site) => site.waitMax, show: (site) => duration(site.waitMax)},
    ], 2));
  }

  longest(accept) {
    const {model} = this, best = [];
    let least = -1;
    for (let i = 0; i < model.size; ++i) {
      const length = model.end[i] - model.start[i];
      if (model.kind[i] !== RUN || length <= least || !accept(model.site(i))) continue;
      best.push(i);
      if (best.length >= 400) {
        best.sort((a, b) => model.end[b] - model.start[b] - model.end[a] + model.start[a]).length = 50;
        least = model.end[best[49]] - model.start[best[49]];
      }
    }
    best.sort((a, b) => model.end[b] - model.start[b] - model.end[a] + model.start[a]);
    if (best.length === 0) return fill("longest", make("p", {class: "empty"}, "No tasks."));
    fill("longest", table("Longest tasks", best.slice(0, 50), [
      {title: "Site", key: (i) => model.site(i), class: "wrap", show: (i) => [this.dot(model.site(i)), this.siteLink(model.site(i), i)]},
      {title: "Took", key: (i) => model.end[i] - model.start[i], show: (i) => duration(model.end[i] - model.start[i])},
      {title: "Itself", key: (i) => model.self[i], show: (i) => duration(model.self[i])},
      {title: "At", key: (i) => model.start[i], show: (i) => duration(model.start[i])},
      {title: "Worker", key: (i) => model.lane[i], show: (i) => model.lanes[model.lane[i]].name},
    ], 1));
  }

  idle() {
    const {model} = this, rows = model.idleReasons();
    if (rows.length === 0) return fill("idle", make("p", {class: "empty"}, "No idle time."));
    const show = (reason) => this.go.range([reason.from, reason.from + reason.longest], reason.span);
    fill("idle", table("Idle time, by reason", rows, [
      {title: "Reason", key: (reason) => reason.name, show: (reason) => ({waits: "watches timers", io: "watches I/O"})[reason.name] || reason.name},
      {title: "Gaps", key: (reason) => reason.count, show: (reason) => count(reason.count)},
      {title: "Time", key: (reason) => reason.total, show: (reason) => duration(reason.total)},
      {title: "Of all", key: (reason) => reason.total, show: (reason) => percent(reason.total / model.duration / model.workers.length)},
      {title: "Longest", key: (reason) => reason.longest, show: (reason) =>
        make("button", {type: "button", class: "link", onclick: () => show(reason)}, duration(reason.longest))},
    ], 2));
  }

  steals() {
    const {model} = this, matrix = model.stealMatrix();
    if (matrix.total === 0) return fill("steals", make("p", {class: "empty"}, "Nobody stole."));
    const taking = model.lanes.filter((lane) => model.lanes.some((other) => matrix.at(other.index, lane.index)));
    const robbed = model.lanes.filter((lane) => model.lanes.some((other) => matrix.at(lane.index, other.index)));
    if (taking.length * robbed.length > 400) return this.stealList(matrix);
    const cell = (from, to) => {
      const times = matrix.at(from.index, to.index), share = times / matrix.most;
      if (times === 0) return make("td", {class: "none"}, from === to ? "–" : "0");
      return make("td", {title: `${to.name} stole ${count(times)} times from ${from.name}`, style: {
        background: `color-mix(in srgb, var(--accent-soft) ${Math.round(30 + 70 * share)}%, var(--panel))`,
        boxShadow: `inset 0 ${-Math.max(1, Math.round(share * 5))}px var(--accent)`}}, count(times));
    };
    fill("steals", make("p", {class: "empty"}, "Rows are robbed, columns take."),
      make("div", {class: "matrix", tabindex: 0, role: "region", "aria-label": "Who stole from whom"}, make("table", {},
        make("caption", {class: "hidden"}, "Steals from the worker of the row by the worker of the column"),
        make("thead", {}, make("tr", {}, make("td"), taking.map((lane) => make("th", {scope: "col"}, lane.name)))),
        make("tbody", {}, robbed.map((from) => make("tr", {}, make("th", {scope: "row"}, from.name),
          taking.map((to) => cell(from, to))))))));
  }
  stealList(matrix) {
    const {lanes} = this.model;
    const rows = [...matrix.cells].map(([key, times]) => ({times, from: lanes[Math.floor(key / lanes.length)], to: lanes[key % lanes.length]}));
    fill("steals", table("Who stole from whom", rows, [
      {title: "From", key: (row) => row.from.thread, show: (row) => row.from.name},
      {title: "By", key: (row) => row.to.thread, class: "left", show: (row) => row.to.name},
      {title: "Times", key: (row) => row.times, show: (row) => count(row.times)},
    ], 2));
  }

  chains() {
    const {model} = this;
    if (model.chains.length === 0) {
      return fill("chains", make("p", {class: "empty"}, model.wakes.length ? "No woken worker woke another before it lay down again." :
        "Nobody was woken."));
    }
    const who = (lane) => make("span", {class: "who"}, model.lanes[lane].name);
    fill("chains", make("ol", {class: "chains", tabindex: 0, role: "region", "aria-label": "Wake chains"}, model.chains.slice(0, 20).map((chain) => {
      const shown = chain.links.slice(0, 12);
      return make("li", {}, make("button", {type: "button", class: "link", onclick: () => {
        const room = (chain.end - chain.at) * 0.2 + 500;
        this.go.range([chain.at - room, chain.end + room], -1);
      }}, `at ${duration(chain.at)}`), who(shown[0].from),
      shown.map((wake) => [make("span", {class: "late"}, `→ ${duration(wake.latency)} →`), who(wake.to)]),
      chain.links.length > shown.length ? `and ${chain.links.length - shown.length} more` : null);
    })));
  }

  inspector(span) {
    const {model} = this;
    if (span < 0) {
      return fill("inspector", make("p", {class: "empty"}, "Click a task, or walk from one to the next with the keys, to see where it came from."));
    }
    const fact = (name, value) => value === null ? null : make("div", {}, make("dt", {}, name), make("dd", {}, value));
    const mark = model.scheduledBy[span] >= 0 ? model.marks[model.scheduledBy[span]] : null;
    const length = model.end[span] - model.start[span];
    const isRun = model.kind[span] === RUN;
    fill("inspector", make("h3", {}, isRun ? this.dot(model.site(span)) : null, model.kind[span] === PARK ? `parked: ${model.site(span)}` :
      isRun ? model.site(span) : `blocked${model.site(span) === "blocked" ? "" : `: ${model.site(span)}`}`), make("dl", {},
      fact("took", duration(length)),
      fact("itself", isRun && length - model.self[span] > 0.5 ? duration(model.self[span]) : null),
      fact("at", duration(model.start[span])), fact("on", model.lanes[model.lane[span]].name),
      fact("queued", mark ? duration(model.wait[span]) : null),
      fact("scheduled by", mark ? `${model.lanes[mark.lane].name} at ${duration(mark.at)}` : null),
      fact("flow", model.flow[span] >= 0 ? String(model.flow[span]) : null)));
  }
}
