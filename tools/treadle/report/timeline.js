// The canvas: an overview of the whole above, the workers' lanes of the stretch that is looked at below.

const AXIS = 24, GUTTER = 108, PALETTE = 8;

class Timeline {
  constructor(model, overview, canvas, hooks) {
    Object.assign(this, {model, overview, canvas, hooks});
    this.whole = [0, Math.max(model.duration, 1)];
    [this.from, this.to] = this.whole;
    this.selected = -1;
    this.hovered = -1;
    this.matches = null; // a Uint8Array: which spans the search found
    this.showsArrows = false;
    this.laneHeight = Math.max(13, Math.min(34, Math.floor(560 / Math.max(1, model.lanes.length))));
    this.height = AXIS + model.lanes.length * (this.laneHeight + 4) + 6;
    canvas.style.height = `${this.height}px`;
    this.use = [RUN, BLOCKED].map((kind) => model.overTime(kind, 600));
    this.listen();
    this.readColours();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.readColours());
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  readColours() {
    const style = getComputedStyle(document.documentElement);
    this.colour = {};
    for (const name of ["ground", "panel", "sunk", "line", "text", "soft", "accent", "bad", "other", "on-bar", "parked", "waits",
      "blocked", "note"]) this.colour[name] = style.getPropertyValue(`--${name}`).trim();
    this.palette = Array.from({length: PALETTE}, (_, i) => style.getPropertyValue(`--c${i}`).trim());
    this.font = style.getPropertyValue("--sans");
    this.mono = style.getPropertyValue("--mono");
    this.draw();
  }

  colourOf(span) {
    const rank = this.model.rankOf.get(this.model.site(span));
    return rank < PALETTE ? this.palette[rank] : this.colour.other;
  }

  // ---- where things are -------------------------------------------------------------------------------------------

  get width() { return this.canvas.clientWidth; }
  x(at) { return GUTTER + (at - this.from) / (this.to - this.from) * (this.width - GUTTER - 8); }
  time(x) { return this.from + (x - GUTTER) / (this.width - GUTTER - 8) * (this.to - this.from); }
  laneTop(lane) { return AXIS + lane * (this.laneHeight + 4); }
  laneAt(y) { return Math.floor((y - AXIS) / (this.laneHeight + 4)); }

  /** Top and height of a bar: nested ones hang below those around them. */
  band(span) {
    const inset = Math.min(this.model.depth[span], 4) * Math.min(6, (this.laneHeight - 8) / 4);
    return [this.laneTop(this.model.lane[span]) + inset, this.laneHeight - inset];
  }

  /** The innermost span at a point of the canvas; a little beside a thin one will do. */
  spanAt(x, y) {
    const lane = this.model.lanes[this.laneAt(y)];
    if (!lane || x < GUTTER) return -1;
    const slack = this.time(x + 3) - this.time(x), at = this.time(x);
    const last = firstAbove(this.model.start, at + slack, lane.first, lane.last) - 1;
    let best = -1;
    for (let i = last; i >= lane.first && this.model.maxEnd[i] >= at - slack && last - i < 2000; --i) {
      if (this.model.end[i] < at - slack) continue;
      if (this.model.start[i] <= at && at <= this.model.end[i]) {
        const [top] = this.band(i);
        if (y >= top) return i;
      } else if (best < 0) best = i;
    }
    return best;
  }

  // ---- moving -----------------------------------------------------------------------------------------------------

  show(from, to) {
    const [low, high] = this.whole, least = Math.min(100, high - low);
    let width = Math.min(Math.max(to - from, least), high - low);
    from = Math.min(Math.max(from + (to - from - width) / 2, low), high - width);
    this.from = from;
    this.to = from + width;
    this.draw();
    this.hooks.viewed(this.from, this.to);
  }
  zoom(factor, around = (this.from + this.to) / 2) {
    const width = Math.min((this.to - this.from) * factor, this.whole[1] - this.whole[0]);
    const share = (around - this.from) / (this.to - this.from);
    this.show(around - share * width, around + (1 - share) * width);
  }
  pan(share) {
    const by = (this.to - this.from) * share;
    this.show(this.from + by, this.to + by);
  }
  fit() { this.show(...this.whole); }

  select(span, zooms = false) {
    this.selected = span;
    if (span >= 0) {
      const start = this.model.start[span], end = this.model.end[span], room = Math.max((end - start) * 0.3, 200);
      if (zooms) this.show(start - room, end + room);
      else if (end < this.from || start > this.to) {
        const half = (this.to - this.from) / 2;
        this.show(start - half, start + half);
      }
    }
    this.hooks.selected(span);
    this.draw();
  }
  step(by) {
    const {model} = this;
    if (this.selected < 0) {
      const lane = model.workers[0];
      if (lane) this.select(Math.min(firstAbove(model.start, this.from, lane.first, lane.last), lane.last - 1));
      return;
    }
    const lane = model.lanes[model.lane[this.selected]];
    this.select(Math.min(Math.max(this.selected + by, lane.first), lane.last - 1));
  }
  stepLane(by) {
    const {model} = this;
    if (this.selected < 0) return this.step(1);
    let index = model.lane[this.selected] + by;
    while (model.lanes[index] && model.lanes[index].first === model.lanes[index].last) index += by;
    const lane = model.lanes[index];
    if (!lane) return;
    const next = firstAbove(model.start, model.start[this.selected], lane.first, lane.last);
    this.select(Math.max(lane.first, next - 1));
  }

  // ---- input ------------------------------------------------------------------------------------------------------

  listen() {
    const {canvas, overview} = this;
    canvas.addEventListener("wheel", (event) => this.onWheel(event), {passive: false});
    canvas.addEventListener("pointerdown", (event) => this.onDown(event));
    canvas.addEventListener("pointermove", (event) => this.onMove(event));
    canvas.addEventListener("pointerup", (event) => this.onUp(event));
    canvas.addEventListener("pointercancel", () => this.endDrag());
    canvas.addEventListener("pointerleave", () => this.hover(-1));
    canvas.addEventListener("dblclick", (event) => {
      const span = this.spanAt(event.offsetX, event.offsetY);
      if (span >= 0) this.select(span, true);
    });
    canvas.addEventListener("keydown", (event) => this.onKey(event));
    overview.addEventListener("keydown", (event) => this.onKey(event));
    const timeOf = (event) => Math.min(Math.max((event.offsetX - GUTTER) / (overview.clientWidth - GUTTER - 8), 0), 1) * this.whole[1];
    let begun = -1;
    overview.addEventListener("pointerdown", (event) => {
      begun = timeOf(event);
      overview.setPointerCapture(event.pointerId);
    });
    overview.addEventListener("pointermove", (event) => {
      const now = timeOf(event);
      if (begun >= 0 && Math.abs(now - begun) > this.whole[1] / 500) this.show(Math.min(begun, now), Math.max(begun, now));
    });
    overview.addEventListener("pointerup", (event) => {
      const now = timeOf(event), half = (this.to - this.from) / 2;
      if (begun >= 0 && Math.abs(now - begun) <= this.whole[1] / 500) this.show(now - half, now + half);
      begun = -1;
    });
  }

  onWheel(event) {
    const sideways = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
    const isWhole = this.to - this.from >= this.whole[1] - this.whole[0];
    if (isWhole && (sideways || event.deltaY > 0)) return; // nothing to do here: the page may scroll
    event.preventDefault();
    if (sideways) this.pan((event.deltaX || event.deltaY) / 800);
    else this.zoom(Math.exp(Math.min(Math.max(event.deltaY, -200), 200) / 300), this.time(event.offsetX));
  }
  onDown(event) {
    if (event.button !== 0) return;
    this.drag = {x: event.offsetX, from: this.from, to: this.to, moved: false, marks: event.shiftKey};
    this.canvas.setPointerCapture(event.pointerId);
    this.canvas.focus({preventScroll: true});
  }
  onMove(event) {
    if (!this.drag) return this.hover(this.spanAt(event.offsetX, event.offsetY), event.offsetX, event.offsetY);
    const dx = event.offsetX - this.drag.x;
    if (!this.drag.moved && Math.abs(dx) < 4) return;
    this.drag.moved = true;
    this.drag.now = event.offsetX;
    this.hover(-1);
    if (this.drag.marks) return this.draw();
    this.canvas.classList.add("dragging");
    const by = -dx / (this.width - GUTTER - 8) * (this.drag.to - this.drag.from);
    this.show(this.drag.from + by, this.drag.to + by);
  }
  onUp(event) {
    const drag = this.drag;
    this.endDrag();
    if (!drag) return;
    if (!drag.moved) return this.select(this.spanAt(event.offsetX, event.offsetY));
    if (drag.marks) this.show(...[this.time(drag.x), this.time(drag.now)].sort((a, b) => a - b));
  }
  endDrag() {
    this.drag = null;
    this.canvas.classList.remove("dragging");
    this.draw();
  }
  hover(span, x, y) {
    if (span !== this.hovered) {
      this.hovered = span;
      this.draw();
    }
    this.hooks.hovered(span, x, y);
  }
  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const actions = {
      ArrowLeft: () => this.pan(-0.2), ArrowRight: () => this.pan(0.2), ArrowUp: () => this.stepLane(-1),
      ArrowDown: () => this.stepLane(1), "+": () => this.zoom(0.5), "=": () => this.zoom(0.5), "-": () => this.zoom(2),
      "0": () => this.fit(), Home: () => this.fit(), ".": () => this.step(1), ",": () => this.step(-1),
      Enter: () => this.select(this.selected, true), Escape: () => this.select(-1), a: () => this.hooks.arrows(),
    };
    if (!actions[event.key]) return;
    event.preventDefault();
    actions[event.key]();
  }

  // ---- drawing ----------------------------------------------------------------------------------------------------

  draw() {
    if (this.pending || !this.colour) return;
    this.pending = requestAnimationFrame(() => {
      this.pending = 0;
      this.drawOverview();
      this.drawLanes();
    });
  }

  begin(canvas) {
    const ratio = window.devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const pen = canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    return pen;
  }

  drawOverview() {
    const pen = this.begin(this.overview), width = this.overview.clientWidth, height = this.overview.clientHeight;
    const room = width - GUTTER - 8, [run, blocked] = this.use, top = 8, tall = height - 14;
    pen.fillStyle = this.colour.soft;
    pen.font = `12px ${this.font}`;
    pen.textBaseline = "middle";
    pen.fillText("workers in use", 10, height / 2);
    const area = (of, colour) => {
      pen.fillStyle = colour;
      pen.beginPath();
      pen.moveTo(GUTTER, top + tall);
      of.forEach((share, i) => {
        const y = top + tall * (1 - Math.min(1, share));
        pen.lineTo(GUTTER + room * i / of.length, y);
        pen.lineTo(GUTTER + room * (i + 1) / of.length, y);
      });
      pen.lineTo(GUTTER + room, top + tall);
      pen.fill();
    };
    area(run.map((share, i) => share + blocked[i]), this.colour.blocked);
    area(run, this.colour.accent);
    const left = GUTTER + room * this.from / this.whole[1], right = GUTTER + room * this.to / this.whole[1];
    pen.fillStyle = this.colour.sunk;
    pen.globalAlpha = 0.72;
    pen.fillRect(GUTTER, 2, left - GUTTER, height - 4);
    pen.fillRect(right, 2, GUTTER + room - right, height - 4);
    pen.globalAlpha = 1;
    pen.strokeStyle = this.colour.text;
    pen.lineWidth = 1.5;
    pen.strokeRect(left, 2, Math.max(2, right - left), height - 4);
  }

  drawAxis(pen) {
    const span = this.to - this.from, rough = span / Math.max(2, (this.width - GUTTER) / 130);
    const power = 10 ** Math.floor(Math.log10(rough)), step = power * [1, 2, 5, 10].find((each) => each * power >= rough);
    const digitsOf = (scale) => Math.max(0, Math.ceil(-Math.log10(step / scale) - 1e-9));
    const [scale, unit] = [[1e9, "s"], [1e6, "ms"], [1e3, "µs"]].find(([each]) => this.to >= each && digitsOf(each) <= 3) || [1, "ns"];
    const digits = digitsOf(scale);
    pen.font = `11px ${this.font}`;
    pen.textBaseline = "middle";
    pen.lineWidth = 1;
    for (let at = Math.ceil(this.from / step) * step; at <= this.to; at += step) {
      const x = Math.round(this.x(at)) + 0.5;
      pen.strokeStyle = this.colour.line;
      pen.beginPath();
      pen.moveTo(x, AXIS - 4);
      pen.lineTo(x, this.height);
      pen.stroke();
      pen.fillStyle = this.colour.soft;
      pen.textAlign = "center";
      if (x > GUTTER + 20 && x < this.width - 24) pen.fillText(`${(at / scale).toFixed(digits)} ${unit}`, x, AXIS / 2);
    }
    pen.textAlign = "left";
  }

  drawLanes() {
    const pen = this.begin(this.canvas), {model} = this;
    this.drawAxis(pen);
    for (const lane of model.lanes) {
      const top = this.laneTop(lane.index);
      if (this.laneHeight >= 11) {
        pen.fillStyle = this.colour.text;
        pen.font = `12px ${this.font}`;
        pen.textBaseline = "middle";
        pen.fillText(this.shorten(pen, lane.name, GUTTER - 18), 10, top + this.laneHeight / 2);
      }
      pen.save();
      pen.beginPath();
      pen.rect(GUTTER, top, this.width - GUTTER - 8, this.laneHeight);
      pen.clip();
      pen.fillStyle = this.colour.panel;
      pen.fillRect(GUTTER, top, this.width - GUTTER, this.laneHeight);
      this.drawSpans(pen, lane);
      pen.restore();
    }
    this.drawMarks(pen);
    if (this.showsArrows || this.selected >= 0) this.drawArrows(pen);
    if (this.drag && this.drag.marks && this.drag.moved) {
      pen.globalAlpha = 0.2;
      pen.fillStyle = this.colour.accent;
      pen.fillRect(Math.min(this.drag.x, this.drag.now), AXIS, Math.abs(this.drag.now - this.drag.x), this.height);
      pen.globalAlpha = 1;
    }
  }

  /** Spans of a pixel or more as bars; of the rest, in each pixel, the share that was run. */
  drawSpans(pen, lane) {
    const {model} = this, pixel = (this.to - this.from) / (this.width - GUTTER - 8);
    let i = firstAbove(model.maxEnd, this.from, lane.first, lane.last), dense = -1;
    const stop = firstAbove(model.start, this.to, lane.first, lane.last);
    while (i < stop) {
      const start = model.start[i], end = model.end[i];
      if (end < this.from) { ++i; continue; }
      if (end - start >= pixel) {
        this.drawBar(pen, i);
        ++i;
        continue;
      }
      const column = Math.floor((start - this.from) / pixel);
      if (column > dense) {
        this.drawColumn(pen, lane, column, pixel, i);
        dense = column;
      }
      i = this.nextOf(i, this.from + (column + 1) * pixel, pixel, stop);
    }
  }
  /** The next span that starts behind `limit`, or is wide. */
  nextOf(i, limit, pixel, stop) {
    const {model} = this;
    for (let looked = 0; looked < 16; ++looked) {
      ++i;
      if (i >= stop || model.start[i] >= limit || model.end[i] - model.start[i] >= pixel) return i;
    }
    const behind = firstAbove(model.start, limit, i, stop);
    return model.maxEnd[behind - 1] > limit + pixel ? i : behind; // a wide one is among them: go on step by step
  }
  drawColumn(pen, lane, column, pixel, span) {
    const {model} = this, from = this.from + column * pixel, top = this.laneTop(lane.index);
    const share = Math.min(1, model.timeAt(lane, RUN, from, from + pixel) / pixel);
    const blocked = lane.total[BLOCKED] > 0 ? Math.min(1, model.timeAt(lane, BLOCKED, from, from + pixel) / pixel) : 0;
    const parked = model.kind[span] === PARK && share + blocked < 0.02;
    if (parked) return this.drawPark(pen, span, GUTTER + column, 1);
    pen.globalAlpha = this.isDimmed(span) ? 0.12 : 1;
    const tall = Math.max(2, this.laneHeight * share);
    pen.fillStyle = model.kind[span] === RUN ? this.colourOf(span) : this.colour.other;
    pen.fillRect(GUTTER + column, top + this.laneHeight - tall, 1, tall);
    if (blocked > 0.02) {
      pen.fillStyle = this.colour.blocked;
      pen.fillRect(GUTTER + column, top, 1, this.laneHeight * blocked);
    }
    pen.globalAlpha = 1;
  }
  isDimmed(span) { return this.matches !== null && !this.matches[span]; }

  drawPark(pen, span, x, width) {
    const reason = this.model.site(span), top = this.laneTop(this.model.lane[span]);
    pen.globalAlpha = this.isDimmed(span) ? 0.3 : 1;
    pen.fillStyle = reason !== "no work" ? this.colour.waits : this.colour.parked;
    const thick = this.model.depth[span] > 0 ? this.laneHeight / 2 : 3;
    pen.fillRect(x, top + this.laneHeight / 2 - (this.model.depth[span] > 0 ? 0 : 1.5), width, thick);
    pen.globalAlpha = 1;
  }
  drawBar(pen, span) {
    const {model} = this, left = Math.max(this.x(model.start[span]), GUTTER - 2), right = Math.min(this.x(model.end[span]), this.width);
    const [top, tall] = this.band(span), width = Math.max(1, right - left - (right - left > 4 ? 1 : 0));
    if (model.kind[span] === PARK) this.drawPark(pen, span, left, width);
    else {
      pen.globalAlpha = this.isDimmed(span) ? 0.16 : 1;
      if (model.depth[span] > 0) {
        pen.fillStyle = this.colour.panel;
        pen.fillRect(left - 0.5, top - 1.5, width + 1, tall + 2);
      }
      pen.fillStyle = model.kind[span] === BLOCKED ? this.hatch(pen) : this.colourOf(span);
      if (width > 6) {
        pen.beginPath();
        pen.roundRect(left, top, width, tall, 3);
        pen.fill();
      } else pen.fillRect(left, top, width, tall);
      if (width > 46 && model.kind[span] === RUN) this.drawLabel(pen, span, left, top, width, tall);
      pen.globalAlpha = 1;
    }
    if (span === this.selected || span === this.hovered) {
      pen.strokeStyle = this.colour.text;
      pen.lineWidth = span === this.selected ? 2.5 : 1.25;
      pen.strokeRect(left + 1, top + 1, Math.max(2, width - 2), tall - 2);
    }
  }
  drawLabel(pen, span, left, top, width, tall) {
    const below = this.model.lanes[this.model.lane[span]].levels > 1 && this.model.depth[span] < 4 ? 0 : 1;
    if (tall < 12 || (!below && span + 1 < this.model.size && this.model.start[span + 1] < this.model.end[span] &&
      this.model.lane[span + 1] === this.model.lane[span])) return; // something nested covers it
    pen.fillStyle = this.colour["on-bar"];
    pen.font = `11px ${this.mono}`;
    pen.textBaseline = "middle";
    pen.fillText(this.shorten(pen, this.model.site(span), width - 10), left + 5, top + tall / 2 + 0.5);
  }
  shorten(pen, text, room) {
    if (pen.measureText(text).width <= room) return text;
    let low = 0, high = text.length;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (pen.measureText(`…${text.slice(text.length - middle)}`).width <= room) low = middle;
      else high = middle - 1;
    }
    return low > 1 ? `…${text.slice(text.length - low)}` : "";
  }
  hatch(pen) {
    if (this.hatched && this.hatched.colour === this.colour.blocked) return this.hatched.pattern;
    const tile = document.createElement("canvas");
    tile.width = tile.height = 8;
    const draw = tile.getContext("2d");
    draw.strokeStyle = this.colour.blocked;
    draw.globalAlpha = 0.3;
    draw.fillStyle = this.colour.blocked;
    draw.fillRect(0, 0, 8, 8);
    draw.globalAlpha = 1;
    draw.lineWidth = 2.5;
    draw.beginPath();
    for (const by of [-8, 0, 8]) {
      draw.moveTo(by - 2, 10);
      draw.lineTo(by + 10, -2);
    }
    draw.stroke();
    this.hatched = {colour: this.colour.blocked, pattern: pen.createPattern(tile, "repeat")};
    return this.hatched.pattern;
  }

  /** Ticks on the lanes, where they are not so many that they would hide the bars. */
  drawMarks(pen) {
    const {marks} = this.model, low = this.markAbove(this.from), high = this.markAbove(this.to);
    if (high - low > 1500) return;
    for (let i = low; i < high; ++i) {
      const mark = marks[i], x = this.x(mark.at), top = this.laneTop(mark.lane);
      if (mark.kind === SCHEDULE && high - low > 400) continue;
      pen.fillStyle = mark.kind === STEAL ? this.colour.bad : mark.kind === WAKE ? this.colour.note : this.colour.text;
      pen.beginPath();
      pen.moveTo(x, top + 5);
      pen.lineTo(x - 3, top - 1);
      pen.lineTo(x + 3, top - 1);
      pen.fill();
    }
  }
  markAbove(at) {
    let from = 0, to = this.model.marks.length;
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (this.model.marks[middle].at > at) to = middle;
      else from = middle + 1;
    }
    return from;
  }

  /** All arrows of the stretch, or those of the selected span. */
  drawArrows(pen) {
    const {model} = this, colours = {[SCHEDULE]: this.colour.text, [STEAL]: this.colour.bad, [WAKE]: this.colour.note};
    const touches = (lane, at, span) => model.lane[span] === lane && at >= model.start[span] - 1 && at <= model.end[span] + 1;
    let drawn = 0;
    for (const arrow of model.arrows) {
      if (arrow.toAt < this.from || arrow.fromAt > this.to) continue;
      if (!this.showsArrows && !(touches(arrow.fromLane, arrow.fromAt, this.selected) ||
        touches(arrow.toLane, arrow.toAt, this.selected))) continue;
      if (++drawn > 600) break;
      const x1 = this.x(arrow.fromAt), x2 = this.x(arrow.toAt), half = this.laneHeight / 2;
      const y1 = this.laneTop(arrow.fromLane) + half, y2 = this.laneTop(arrow.toLane) + half;
      const bend = Math.max(12, Math.min(60, Math.abs(x2 - x1) / 2));
      for (const [width, colour] of [[3.5, this.colour.panel], [1.5, colours[arrow.kind] || this.colour.text]]) {
        pen.lineWidth = width;
        pen.strokeStyle = colour;
        pen.beginPath();
        pen.moveTo(x1, y1);
        pen.bezierCurveTo(x1 + bend, y1, x2 - bend, y2, x2, y2);
        pen.stroke();
      }
      pen.fillStyle = colours[arrow.kind] || this.colour.text;
      pen.beginPath();
      pen.moveTo(x2, y2);
      pen.lineTo(x2 - 6, y2 - 3.5);
      pen.lineTo(x2 - 6, y2 + 3.5);
      pen.fill();
    }
  }
}
