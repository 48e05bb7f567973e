// Puts the page together.

function start() {
  const raw = JSON.parse(document.getElementById("trace").textContent);
  const model = new Model(raw);
  document.title = `${raw.source} – treadle report`;
  const get = (id) => document.getElementById(id);
  fill("subject", make("strong", {}, raw.source), raw.pool ? ` · pool ${raw.pool}` : "", raw.version ? ` · treadle ${raw.version}` : "");
  fill("footer", `${count(model.size)} spans, ${count(model.marks.length)} marks and ${count(model.arrows.length)} arrows` +
    (raw.ignored ? `; ${count(raw.ignored)} events of other programs are left out` : "") +
    ". This page holds everything that it shows; it asks no network.");

  let timeline = null, found = [], current = -1;
  const scrollTo = (id) => get(id).scrollIntoView({block: "center", behavior: "auto"});
  const go = {
    span: (span) => {
      timeline.select(span, true);
      scrollTo("timeline");
      timeline.canvas.focus({preventScroll: true});
    },
    range: ([from, to], span) => {
      const room = (to - from) * 0.05;
      timeline.select(span);
      timeline.show(from - room, to + room);
      scrollTo("timeline");
      timeline.canvas.focus({preventScroll: true});
    },
    search: (text) => {
      get("search").value = get("search").value === text ? "" : text;
      search();
    },
  };
  const panels = new Panels(model, go);

  const hooks = {
    viewed: (from, to) => {
      const text = to - from >= model.duration ? `everything, ${duration(model.duration)}` :
        `${duration(from)} to ${duration(to)}, ${duration(to - from)}`;
      get("view").textContent = `Shows ${text}`;
      get("timeline").setAttribute("aria-label", `Timeline of ${model.lanes.length} workers. Shows ${text}.`);
      Object.assign(get("timeline").dataset, {from, to});
    },
    selected: (span) => {
      get("timeline").dataset.selected = span;
      panels.inspector(span);
    },
    hovered: (span, x, y) => {
      const tip = get("tip");
      tip.hidden = span < 0;
      if (span < 0) return;
      const length = model.end[span] - model.start[span];
      tip.replaceChildren(make("strong", {}, model.kind[span] === PARK ? `parked: ${model.site(span)}` : model.site(span)),
        `${duration(length)} on ${model.lanes[model.lane[span]].name}, at ${duration(model.start[span])}`,
        isNaN(model.wait[span]) ? "" : `, queued ${duration(model.wait[span])}`);
      const room = get("timeline").clientWidth;
      tip.style.left = `${Math.min(x + 14, Math.max(4, room - tip.offsetWidth - 4))}px`;
      tip.style.top = `${get("overview").clientHeight + y + 16}px`;
    },
    arrows: () => {
      timeline.showsArrows = !timeline.showsArrows;
      get("arrows").setAttribute("aria-pressed", String(timeline.showsArrows));
      timeline.draw();
    },
  };
  timeline = new Timeline(model, get("overview"), get("timeline"), hooks);

  const search = () => {
    const wanted = get("search").value.trim().toLowerCase();
    const accept = (name) => wanted === "" || name.toLowerCase().includes(wanted);
    found = [];
    current = -1;
    if (wanted === "") timeline.matches = null;
    else {
      const named = model.names.map((name, i) => accept(name || "task"));
      timeline.matches = new Uint8Array(model.size);
      for (let i = 0; i < model.size; ++i) {
        if (model.kind[i] === RUN && named[model.name[i]]) {
          timeline.matches[i] = 1;
          found.push(i);
        }
      }
      found.sort((a, b) => model.start[a] - model.start[b]);
    }
    get("matches").textContent = wanted === "" ? "" : found.length === 1 ? "1 task" : `${count(found.length)} tasks`;
    for (const id of ["search-previous", "search-next"]) get(id).disabled = found.length === 0;
    panels.sites(accept);
    panels.longest(accept);
    timeline.draw();
  };
  const stepMatch = (by) => {
    if (found.length === 0) return;
    current = current < 0 ? (by > 0 ? 0 : found.length - 1) : (current + by + found.length) % found.length;
    get("matches").textContent = `${count(current + 1)} of ${count(found.length)}`;
    timeline.select(found[current]);
  };
  let typing = 0;
  get("search").addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(search, model.size > 20000 ? 150 : 0);
  });
  get("search").addEventListener("keydown", (event) => {
    if (event.key === "Enter") stepMatch(event.shiftKey ? -1 : 1);
    if (event.key === "Escape") {
      get("search").value = "";
      search();
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.target.tagName === "INPUT") return;
    event.preventDefault();
    get("search").focus();
  });
  const buttons = {
    left: () => timeline.pan(-0.3), right: () => timeline.pan(0.3), "zoom-in": () => timeline.zoom(0.5),
    "zoom-out": () => timeline.zoom(2), fit: () => timeline.fit(), arrows: hooks.arrows,
    "search-previous": () => stepMatch(-1), "search-next": () => stepMatch(1),
  };
  for (const [id, act] of Object.entries(buttons)) get(id).addEventListener("click", act);

  panels.tiles();
  panels.advice();
  panels.legend();
  panels.workers();
  panels.idle();
  panels.steals();
  panels.chains();
  panels.inspector(-1);
  search();
  timeline.fit();
  document.documentElement.dataset.ready = "yes";
}

start();
