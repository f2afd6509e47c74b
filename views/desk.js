// The labelling desk: one trace, the patterns, the evidence, and every key. The server sends the trace once; each action
// is drawn at once as pending, kept until the server says that it is on disk, and sent again while it does not.
// Text comes from strangers and reaches the page by textContent alone.

const RESEND_MS = 3000;
const STANCES = ["asserts", "entertains", "rejects"];
const ROLES = [null, "passing", "weighed", "decisive"];
const VALUES = ["present", "absent", "unsure", null];
const SAID = { present: "present", absent: "absent", unsure: "unsure" };

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== undefined && child !== null));
  return made;
}

// Letters that turn the direction of what follows are shown by their number instead of being obeyed.
const shown = (text) =>
  text.replace(/[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]/g, (c) => `[U+${c.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}]`);

// Puts children of these keys into a parent and leaves alone those that it holds already: a list of hundreds is not laid
// out anew for one that came.
function keep(parent, keys, make) {
  const held = new Map(Array.from(parent.children, (child) => [child.key, child]));
  let place = parent.firstChild;
  keys.forEach((key, number) => {
    const child = held.get(key) ?? Object.assign(make(number), { key });
    held.delete(key);
    if (child === place) place = place.nextSibling;
    else parent.insertBefore(child, place);
  });
  for (const child of held.values()) child.remove();
}

// Fills a parent anew when what it shows has changed.
function fill(parent, shows, make) {
  const key = JSON.stringify(shows);
  if (parent.shows === key) return;
  parent.shows = key;
  parent.replaceChildren(...make());
}

const id = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

const spanKey = (quote) => `${quote.start}:${quote.end}`;

function keyOf(event) {
  const digit = /^(?:Digit|Numpad)(\d)$/.exec(event.code);
  const name = digit ? digit[1] : event.key.length === 1 ? event.key.toUpperCase() : event.key;
  const shifted = event.shiftKey && (digit || event.key.length > 1 || /[A-Z]/.test(name));
  return (event.ctrlKey || event.metaKey ? "Ctrl+" : "") + (shifted ? "Shift+" : "") + name;
}

class Desk {
  constructor(root, data) {
    this.root = root;
    this.item = data.item;
    this.state = { saved: -1 };
    this.pending = JSON.parse(sessionStorage.getItem(this.held("pending")) ?? "[]");
    this.seen = new Set(JSON.parse(sessionStorage.getItem(this.held("seen")) ?? "[]"));
    this.flying = null;
    this.sendings = 0;
    this.refusal = "";
    [this.at, this.from] = [0, 0];
    [this.stance, this.role, this.whole] = ["asserts", null, false];
    this.build(data);
    this.listeners = [
      [document, "keydown", (event) => this.onKey(event), true],
      [window, "telltale:ack", (event) => this.onAck(event.detail), false],
      [window, "beforeunload", (event) => this.pending.length && event.preventDefault(), false],
    ];
    for (const [target, ...listener] of this.listeners) target.addEventListener(...listener);
    this.update(data);
    window.dispatchEvent(new Event("telltale:hello"));
    this.pump();
  }

  close() {
    clearTimeout(this.timer);
    for (const [target, ...listener] of this.listeners) target.removeEventListener(...listener);
  }

  held(what) {
    return `telltale.${this.item}.${what}`;
  }

  // ---- what the server has, and what it has not yet ----

  update(data) {
    this.data = data;
    this.keys = new Map(data.keys.flatMap((entry) => entry.keys.map((key) => [key, entry.action])));
    if (data.state.saved >= this.state.saved) this.state = data.state;
    this.told = data.told ?? null;
    this.draw();
  }

  do(what, more = {}) {
    if (this.data.closed) return this.say(this.data.closed);
    this.pending.push({ id: id(), do: what, ...more, since: performance.now() });
    this.refusal = "";
    this.keep();
    this.pump();
    setTimeout(() => this.draw());  // after the message has left, which waits for a turn too
  }

  keep() {
    if (this.pending.length) sessionStorage.setItem(this.held("pending"), JSON.stringify(this.pending));
    else sessionStorage.removeItem(this.held("pending"));
  }

  pump() {
    clearTimeout(this.timer);
    if (!this.pending.length) return;
    if (!this.flying) {
      this.flying = this.pending.map((action) => action.id);
      const actions = this.pending.map(({ since, ...action }) => action);
      const detail = { item: this.item, tab: tab(), n: `${Date.now()}.${++this.sendings}`, actions };
      window.dispatchEvent(new CustomEvent("telltale:send", { detail }));
    }
    this.timer = setTimeout(() => {
      this.flying = null;
      this.waiting = true;
      this.drawSaved();
      this.pump();
    }, RESEND_MS);
  }

  onAck(ack) {
    if (ack.item !== this.item) return;
    const done = new Set(ack.done);
    const saved = this.pending.filter((action) => done.has(action.id));
    this.pending = this.pending.filter((action) => !done.has(action.id));
    if (ack.state && ack.state.saved >= this.state.saved) this.state = ack.state;
    if (ack.tab === tab() && saved.length) {
      this.waiting = false;
      const refused = saved.map((action) => ack.refused[action.id]).filter(Boolean);
      if (refused.length) this.refusal = refused.join(" ");
      this.say(refused.length ? `Not done: ${refused.join(" ")}` : `Saved: ${saved.map((action) => this.told_of(action)).join("; ")}`);
    }
    if (this.flying?.every((one) => done.has(one))) this.flying = null;
    this.keep();
    this.draw();
    requestAnimationFrame(() => {
      for (const { since } of saved) if (since <= performance.now()) performance.measure("telltale-saved", { start: since });
    });
    this.pump();
  }

  told_of(action) {
    const pattern = this.data.patterns.find((each) => each.id === action.pattern);
    const where = action.first === undefined ? "" : ` on sentence ${action.first + 1}`;
    return `${action.do}${pattern ? " " + pattern.name : ""}${where}`;
  }

  // What the log will say once everything pending has arrived: labels by pattern, each quote with its sentences.
  view() {
    const labels = new Map(this.data.patterns.map((pattern) => [pattern.id, { value: null, none: false, quotes: new Map() }]));
    for (const [pattern, label] of Object.entries(this.state.labels)) {
      labels.set(pattern, { ...label, quotes: new Map(label.quotes.map((quote) => [spanKey(quote), quote])) });
    }
    let { note, flagged } = this.state;
    for (const action of this.pending) {
      const label = labels.get(action.pattern);
      if (action.do === "note") note = action.text;
      else if (action.do === "flag") flagged = action.on;
      else if (label && (action.do === "mark" || action.do === "edit")) {
        if (action.do === "edit") label.quotes.delete(`${action.start_char}:${action.end_char}`);
        const quote = { ...this.spanOf(action), stance: action.stance, role: action.role, pending: true };
        label.quotes.set(spanKey(quote), quote);
        if (action.stance !== "rejects") label.value = "present";
      } else if (label && action.do === "unmark") {
        label.quotes.delete(`${action.start_char}:${action.end_char}`);
        if (!label.quotes.size && label.by_quote) label.value = null;
      } else if (label && action.do === "set") {
        [label.value, label.none] = [action.value, Boolean(action.none)];
      }
    }
    return { labels, note, flagged };
  }

  spanOf(action) {
    const { sentences } = this.data;
    const [start, end] = [sentences[action.first].start, sentences[action.last].end];
    return action.cut ? { start: start + action.cut[0], end: start + action.cut[1] } : { start, end };
  }

  marks() {
    const { labels } = this.view();
    const found = [];
    for (const [pattern, label] of labels) for (const quote of label.quotes.values()) found.push({ pattern, ...quote });
    return found.sort((a, b) => a.start - b.start || a.end - b.end || a.pattern.localeCompare(b.pattern));
  }

  // ---- drawing ----

  build(data) {
    this.parts = {
      list: element("ol", { role: "listbox", tabindex: "0", "aria-label": "Reasoning, sentence by sentence", "aria-multiselectable": "true", id: "sentences" }),
      rail: element("div", { class: "rail", "aria-hidden": "true" }),
      side: element("section", { class: "side", "aria-label": "Labels" }),
      foot: element("div", { class: "foot" }),
      live: element("div", { class: "live", role: "status", "aria-live": "polite" }),
      saved: element("span", { class: "saved" }),
      tool: element("div", { class: "tool" }),
    };
    const { list, rail, side, foot, live, tool } = this.parts;
    this.rows = data.sentences.map((sentence, number) => {
      const words = element("span", { class: "words", dir: "auto" }, shown(sentence.text));
      const chips = element("span", { class: "chips" });
      const row = element("li", { role: "option", id: `s${number}`, "aria-selected": "false", class: sentence.paragraph ? "paragraph" : "" },
        element("span", { class: "number" }, String(number + 1)), element("span", { class: "said" }, words, chips));
      row.addEventListener("mousedown", (event) => event.button === 0 && this.go(number, event.shiftKey));
      return Object.assign(row, { chips, words, drawn: "" });
    });
    list.append(...this.rows);
    const prompt = element("details", { class: "prompt", open: data.sentences.length < 12 }, element("summary", {}, data.prompt.length ? "Prompt" : "No prompt came with this trace"));
    for (const [role, text] of data.prompt) prompt.append(element("h4", {}, shown(role)), element("pre", {}, shown(text)));
    const reader = element("div", { class: "pane" }, element("div", { class: "scroll" }, list), rail);
    this.parts.scroll = reader.firstChild;
    this.root.replaceChildren(element("div", { class: "desk" }, element("div", { class: "left" }, prompt, tool, reader), side, foot, live));
    this.buildSide(data);
  }

  buildSide(data) {
    const { side } = this.parts;
    this.patternRows = data.patterns.map((pattern, place) => {
      const button = element("button", { type: "button", class: pattern.dotted ? "pattern dotted" : "pattern", onclick: () => this.pattern(place) },
        element("kbd", {}, data.pattern_keys[place] ? data.pattern_keys[place].replace("Shift+", "⇧") : " "),
        element("span", { class: "swatch" }), element("span", { class: "name" }, shown(pattern.name)), element("span", { class: "evidence" }));
      button.style.setProperty("--mark", pattern.colour);
      const select = element("select", { "aria-label": `${pattern.name}: value`, onchange: (event) => this.do("set", { pattern: pattern.id, value: event.target.value || null }) },
        ...VALUES.map((each) => element("option", { value: each ?? "" }, each ?? "not judged")));
      const box = element("input", { type: "checkbox", onchange: (event) => this.do("set", { pattern: pattern.id, value: "present", none: event.target.checked }) });
      const none = element("label", { class: "none" }, box, " no single quote");
      const row = element("li", {}, button, select, none);
      return Object.assign(row, { button, select, none, box });
    });
    this.parts.quoteAs = element("p", { class: "as" });
    this.parts.evidence = element("ul", { class: "evidence-list", "aria-label": "Evidence" });
    this.parts.evidenceTitle = element("h3", {});
    this.parts.note = element("textarea", { rows: "2", "aria-label": "Note", placeholder: "Note (M)", onchange: (event) => this.do("note", { text: event.target.value }) });
    this.parts.guidelines = element("details", { class: "guidelines" }, element("summary", {}, "Guidelines and keys (H)"), ...data.patterns.map((pattern) =>
      element("section", {}, element("h4", {}, shown(pattern.name)), ...pattern.guideline.map(([title, text]) => element("p", {}, title ? element("em", {}, title + ": ") : null, shown(text))))),
      element("h4", {}, "Keys"), element("dl", {}, ...data.keys.filter((entry) => !entry.action.startsWith("pattern:")).flatMap((entry) =>
        [element("dt", {}, entry.keys.join(", ")), element("dd", {}, entry.does)])));
    this.parts.told = element("div", { class: "told" });
    side.append(this.parts.told, element("div", { class: "judging" }, this.parts.quoteAs, element("ul", { class: "patterns", "aria-label": "Patterns" }, ...this.patternRows)),
      this.parts.evidenceTitle, this.parts.evidence, this.parts.note, this.parts.guidelines);
  }

  draw() {
    const marks = this.marks();
    const view = this.view();
    this.drawMarks(marks);
    this.drawSelection();
    this.drawSide(marks, view);
    this.drawTold();
    this.drawFoot(view);
    this.drawSaved();
  }

  drawMarks(marks) {
    const by = new Map();
    const { sentences } = this.data;
    for (const mark of marks) {
      for (let at = this.sentenceAt(mark.start); at < sentences.length && sentences[at].start < mark.end; at++) {
        if (!by.has(at)) by.set(at, []);
        by.get(at).push(mark);
      }
    }
    this.rows.forEach((row, number) => {
      const here = by.get(number) ?? [];
      const drawn = JSON.stringify(here);
      if (row.drawn === drawn) return;
      row.drawn = drawn;
      row.chips.replaceChildren(...here.map((mark) => this.chip(mark)));
      row.classList.toggle("marked", here.length > 0);
      row.words.replaceChildren(...this.cutWords(sentences[number], here));
    });
    keep(this.parts.rail, marks.map((mark) => `${mark.pattern} ${spanKey(mark)}`), (number) => this.tick(marks[number]));
  }

  tick(mark) {
    const tick = element("span", {});
    tick.style.top = `${(100 * this.sentenceAt(mark.start)) / this.data.sentences.length}%`;
    tick.style.background = this.patternOf(mark.pattern).colour;
    return tick;
  }

  // A quote that is not the whole sentence is shown as its part; code points, as the server counts.
  cutWords(sentence, marks) {
    const parts = marks.filter((mark) => mark.start > sentence.start || mark.end < sentence.end);
    if (!parts.length) return [shown(sentence.text)];
    const letters = Array.from(sentence.text);
    const cuts = new Set([0, letters.length]);
    for (const mark of parts) for (const place of [mark.start, mark.end]) cuts.add(Math.min(Math.max(place - sentence.start, 0), letters.length));
    const places = [...cuts].sort((a, b) => a - b);
    return places.slice(1).map((end, n) => {
      const start = places[n];
      const text = shown(letters.slice(start, end).join(""));
      const inside = parts.find((mark) => mark.start - sentence.start <= start && end <= mark.end - sentence.start);
      if (!inside) return document.createTextNode(text);
      const piece = element("mark", {}, text);
      piece.style.setProperty("--mark", this.patternOf(inside.pattern).colour);
      return piece;
    });
  }

  chip(mark) {
    const pattern = this.patternOf(mark.pattern);
    const stance = mark.stance ?? "asserts";
    const chip = element("span", { class: `chip ${stance}${mark.pending ? " pending" : ""}${pattern.dotted ? " dotted" : ""}` },
      element("span", { class: "swatch" }), shown(pattern.name), element("span", { class: "stance" }, ` ${stance}${mark.pending ? " …" : ""}`));
    chip.style.setProperty("--mark", pattern.colour);
    return chip;
  }

  drawSelection() {
    const [low, high] = this.selection();
    this.rows.forEach((row, number) => {
      const [chosen, at, unseen] = [number >= low && number <= high, number === this.at, !this.seen.has(number)];
      if (row.chosen === chosen && row.isAt === at && row.unseen === unseen) return;
      Object.assign(row, { chosen, isAt: at, unseen });
      row.setAttribute("aria-selected", String(chosen));
      row.classList.toggle("at", at);
      row.classList.toggle("unseen", unseen);
    });
    this.parts.list.setAttribute("aria-activedescendant", `s${this.at}`);
  }

  drawSide(marks, view) {
    fill(this.parts.quoteAs, [this.whole, this.stance, this.role], () => [
      element("span", { class: "mode" }, this.whole ? "Whole trace: a digit cycles present, absent, unsure, not judged (T)" : "A digit quotes the selection as"),
      ...(this.whole ? [] : [
        element("button", { type: "button", onclick: () => this.run("stance") }, `${this.stance} (G)`),
        element("button", { type: "button", onclick: () => this.run("role") }, `${this.role ?? "no role"} (W)`),
        element("button", { type: "button", onclick: () => this.run("wholeTrace") }, "whole trace (T)"),
      ])]);
    this.data.patterns.forEach((pattern, place) => {
      const label = view.labels.get(pattern.id);
      const row = this.patternRows[place];
      const count = label.quotes.size;
      if (row.count !== count) row.button.querySelector(".evidence").textContent = (row.count = count) ? String(count) : "";
      if (row.className !== (label.value ?? "open")) {
        row.button.setAttribute("aria-pressed", String(label.value === "present"));
        row.className = label.value ?? "open";
      }
      if (row.select.value !== (label.value ?? "")) row.select.value = label.value ?? "";
      const quoted = [...label.quotes.values()].some((quote) => quote.stance !== "rejects");
      row.none.hidden = label.value !== "present" || quoted;
      row.box.checked = label.none;
    });
    this.parts.evidenceTitle.textContent = `Evidence: ${marks.length} ${marks.length === 1 ? "quote" : "quotes"}`;
    keep(this.parts.evidence, marks.map((mark) => JSON.stringify(mark)), (number) => this.evidence(marks[number]));
    if (this.root.getRootNode().activeElement !== this.parts.note) this.parts.note.value = view.note ?? "";
  }

  evidence(mark) {
    const first = this.sentenceAt(mark.start);
    const jump = element("button", { type: "button", class: "jump", onclick: () => this.go(first) },
      this.chip(mark), mark.role ? element("span", { class: "role" }, mark.role) : null, element("span", { class: "where" }, ` ${first + 1}: `), shown(this.textOf(mark).slice(0, 160)));
    const remove = element("button", { type: "button", class: "remove", "aria-label": `Remove ${this.patternOf(mark.pattern).name} from sentence ${first + 1}`, onclick: () => this.unmark(mark) }, "×");
    return element("li", {}, jump, remove);
  }

  drawTold() {
    const { told } = this.parts;
    const { submitted } = this.state;
    told.hidden = !submitted;
    this.root.firstChild.classList.toggle("reviewing", submitted);
    if (!submitted) return;
    if (!this.told) {
      told.replaceChildren(element("p", {}, "Submitted. Your own labels are kept as they were; what you change now is marked as review."),
        this.data.can_reveal ? element("button", { type: "button", onclick: () => this.do("reveal") }, "Reveal the run's verdicts (V)") : element("p", {}, "No run has judged this store yet, so there is nothing to compare with."));
      return;
    }
    const open = this.openRows();
    told.replaceChildren(element("h3", {}, `You and the run: ${open.length} left to answer`),
      open.length > 1 ? element("button", { type: "button", onclick: () => this.run("acceptAll") }, `Accept all ${open.length} (Shift+A)`) : "",
      ...[...open, ...this.told.filter((row) => !open.includes(row))].map((row) => this.toldRow(row, row === open[0])));
  }

  openRows() {
    const { labels } = this.view();
    const answered = new Set(this.pending.filter((a) => a.do === "accept" || a.do === "dismiss").map((a) => a.pattern));
    return (this.told ?? []).filter((row) => !answered.has(row.pattern) && !labels.get(row.pattern)?.reviewed && !(row.verdict === "absent" && (labels.get(row.pattern)?.value ?? null) === "absent"));
  }

  toldRow(row, first) {
    const label = this.view().labels.get(row.pattern);
    const mine = label?.value ?? "not judged";
    const score = row.score === null ? "" : ` (${row.score} of 100)`;
    const open = this.openRows().includes(row);
    return element("section", { class: first ? "row first" : "row", "aria-label": row.name }, element("h4", {}, shown(row.name)),
      element("p", {}, `you: ${mine} · run: ${row.verdict}${score}${label?.reviewed ? ` · ${label.reviewed}` : ""}`),
      ...row.quotes.map((quote) => element("blockquote", {}, `${quote.stance ?? ""}: “${shown(quote.quote)}” ${shown(quote.why ?? "")}`)),
      open ? element("button", { type: "button", onclick: () => this.do("accept", { pattern: row.pattern }) }, first ? "Accept (A)" : "Accept") : "",
      open ? element("button", { type: "button", onclick: () => this.do("dismiss", { pattern: row.pattern }) }, first ? "Dismiss (D)" : "Dismiss") : "");
  }

  drawFoot(view) {
    const button = (action, label, key, more = {}) => element("button", { type: "button", onclick: () => this.run(action), ...more }, `${label} `, element("kbd", {}, key));
    const { submitted } = this.state;
    const undo = Boolean(this.state.undo || this.pending.length);
    fill(this.parts.foot, [undo, this.state.redo, view.flagged, submitted, this.refusal], () => [
      button("undo", "Undo", "Z", { disabled: !undo }),
      button("redo", "Redo", "⇧Z", { disabled: !this.state.redo }),
      button("flag", view.flagged ? "Take the flag off" : "Flag", "F", { "aria-pressed": String(Boolean(view.flagged)) }),
      this.parts.saved,
      element("span", { class: "refusal", role: "alert" }, this.refusal),
      submitted ? "" : button("skip", "Skip", "S"),
      submitted ? "" : button("reveal", "Submit and compare", "V"),
      button("submit", submitted ? "Next trace" : "Submit and next", "Ctrl+Enter", { class: "primary" })]);
  }

  drawSaved() {
    const waiting = this.pending.length;
    const { saved } = this.parts;
    saved.classList.toggle("waiting", Boolean(waiting && this.waiting));
    saved.dataset.waiting = String(waiting);
    saved.textContent = waiting ? (this.waiting ? `not saved: ${waiting} waiting, retrying` : `saving ${waiting} …`)
      : this.state.saved > 0 ? `✓ ${this.state.saved} ${this.state.saved === 1 ? "event" : "events"} saved` : "nothing to save yet";
  }

  // ---- finding one's way ----

  patternOf(pattern) {
    return this.data.patterns.find((each) => each.id === pattern) ?? { id: pattern, name: pattern, colour: "#888888" };
  }

  sentenceAt(place) {
    const { sentences } = this.data;
    let [low, high] = [0, sentences.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sentences[middle].end > place) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  textOf(mark) {
    const { sentences } = this.data;
    const parts = [];
    for (let at = this.sentenceAt(mark.start); at < sentences.length && sentences[at].start < mark.end; at++) {
      const letters = Array.from(sentences[at].text);
      parts.push(letters.slice(Math.max(mark.start - sentences[at].start, 0), mark.end - sentences[at].start).join(""));
    }
    return parts.join(" ");
  }

  selection() {
    return [Math.min(this.at, this.from), Math.max(this.at, this.from)];
  }

  go(number, extend = false) {
    this.at = Math.min(Math.max(number, 0), this.rows.length - 1);
    if (!extend) this.from = this.at;
    this.seen.add(this.at);
    sessionStorage.setItem(this.held("seen"), JSON.stringify([...this.seen]));
    this.rows[this.at].scrollIntoView({ block: "nearest" });
    this.drawSelection();
  }

  say(text) {
    this.parts.live.textContent = text;
  }

  // ---- actions ----

  run(action) {
    const [low, high] = this.selection();
    if (action.startsWith("pattern:")) return this.pattern(Number(action.slice(8)));
    const step = { down: 1, up: -1, extendDown: 1, extendUp: -1 }[action];
    if (step) return this.go(this.at + step, action.startsWith("extend"));
    switch (action) {
      case "first": return this.go(0);
      case "last": return this.go(this.rows.length - 1);
      case "nextMark": return this.jump(this.marks().map((mark) => this.sentenceAt(mark.start)).find((at) => at > this.at), "mark");
      case "previousMark": return this.jump(this.marks().map((mark) => this.sentenceAt(mark.start)).reverse().find((at) => at < this.at), "mark");
      case "unseen": return this.jump(this.rows.findIndex((_, number) => number > this.at && !this.seen.has(number)), "sentence not looked at");
      case "palette": return this.palette();
      case "wholeTrace": this.whole = !this.whole; return this.draw();
      case "stance": this.stance = STANCES[(STANCES.indexOf(this.stance) + 1) % STANCES.length]; return this.draw();
      case "role": this.role = ROLES[(ROLES.indexOf(this.role) + 1) % ROLES.length]; return this.draw();
      case "trim": return this.trim(this.markHere());
      case "unmark": return this.unmark(this.markHere());
      case "note": this.parts.note.focus(); return undefined;
      case "undo": return this.state.undo || this.pending.length ? this.do("undo") : this.say("Nothing to undo");
      case "redo": return this.state.redo ? this.do("redo") : this.say("Nothing to redo");
      case "find": return this.find();
      case "flag": return this.do("flag", { on: !this.view().flagged });
      case "guidelines": this.parts.guidelines.open = !this.parts.guidelines.open; if (this.parts.guidelines.open) this.parts.guidelines.scrollIntoView({ block: "start" }); return undefined;
      case "submit": return this.do(this.state.submitted ? "next" : "submit", this.state.submitted ? {} : { then: "next" });
      case "skip": return this.state.submitted ? undefined : this.skip();
      case "reveal": return this.do(this.state.submitted ? "reveal" : "submit");
      case "accept": case "dismiss": return this.openRows().length && this.do(action, { pattern: this.openRows()[0].pattern });
      case "acceptAll": return this.openRows().forEach((row) => this.do("accept", { pattern: row.pattern }));
    }
    return undefined;
  }

  jump(number, what) {
    if (number === undefined || number < 0) this.say(`No further ${what}`);
    else this.go(number);
  }

  pattern(place) {
    const pattern = this.data.patterns[place];
    if (!pattern) return this.say("No pattern has this key");
    const label = this.view().labels.get(pattern.id);
    if (this.whole) return this.do("set", { pattern: pattern.id, value: VALUES[(VALUES.indexOf(label.value ?? null) + 1) % VALUES.length] });
    const [first, last] = this.selection();
    const span = this.spanOf({ first, last });
    const held = label.quotes.get(spanKey(span));
    if (held) return this.unmark({ pattern: pattern.id, ...held });
    return this.do("mark", { pattern: pattern.id, first, last, stance: this.stance, role: this.role });
  }

  markHere() {
    const { start, end } = this.data.sentences[this.at];
    return this.marks().filter((mark) => mark.start < end && mark.end > start).pop();
  }

  unmark(mark) {
    if (!mark) return this.say("No mark on this sentence");
    return this.do("unmark", { pattern: mark.pattern, start_char: mark.start, end_char: mark.end });
  }

  trim(mark) {
    if (!mark) return this.say("No mark on this sentence to trim");
    const first = this.sentenceAt(mark.start);
    const last = this.sentenceAt(mark.end - 1);
    if (first !== last) return this.say("A quote of several sentences can't be trimmed; mark one");
    const sentence = this.data.sentences[first];
    const units = (points) => Array.from(sentence.text).slice(0, points).join("").length;
    const points = (count) => Array.from(sentence.text.slice(0, count)).length;
    const box = element("textarea", { rows: "3", "aria-label": "Select the exact words, then press Enter" });
    box.value = sentence.text;
    box.addEventListener("beforeinput", (event) => event.preventDefault());
    this.tool(box, "Select the exact words with Shift and the arrows or the mouse. Enter keeps, Escape leaves.", () => {
      const cut = [points(box.selectionStart), points(box.selectionEnd)];
      if (cut[0] >= cut[1]) return this.say("Select some words first");
      return this.do("edit", { pattern: mark.pattern, start_char: mark.start, end_char: mark.end, first, last, cut, stance: mark.stance, role: mark.role });
    });
    // A text area turns \r\n into \n and keeps all else, so units and points are those of the sentence.
    box.setSelectionRange(units(mark.start - sentence.start), units(mark.end - sentence.start));
  }

  palette() {
    const box = element("input", { type: "text", "aria-label": "Pattern", placeholder: "Type a pattern's name; Enter puts it on the selection" });
    const names = element("p", { class: "found" });
    const found = () => this.data.patterns.filter((pattern) => pattern.name.toLowerCase().includes(box.value.toLowerCase()));
    const list = () => names.replaceChildren(...found().slice(0, 5).map((pattern, n) => element("span", { class: n ? "" : "first" }, shown(pattern.name))));
    box.addEventListener("input", list);
    this.tool(box, names, () => found().length && this.pattern(this.data.patterns.indexOf(found()[0])));
    list();
  }

  find() {
    const box = element("input", { type: "search", "aria-label": "Find in the text", placeholder: "Find; Enter goes to the next place" });
    const hits = () => this.data.sentences.flatMap((sentence, n) => (box.value && sentence.text.toLowerCase().includes(box.value.toLowerCase()) ? [n] : []));
    const count = element("span", {});
    box.addEventListener("input", () => {
      const found = hits();
      count.textContent = box.value ? `${found.length} ${found.length === 1 ? "sentence" : "sentences"}` : "";
      if (found.length) this.go(found.find((n) => n >= this.at) ?? found[0]);
    });
    this.tool(box, count, () => {
      const found = hits();
      if (found.length) this.go(found.find((n) => n > this.at) ?? found[0]);
      return true;
    });
  }

  skip() {
    const box = element("input", { type: "text", "aria-label": "Reason to skip", placeholder: "Reason to skip; Enter skips" });
    this.tool(box, "", () => this.do("skip", { note: box.value, then: "next" }));
  }

  // A small form above the text: Enter keeps (and stays open where it says so), Escape leaves.
  tool(box, beside, keep) {
    box.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== "Escape") return;
      event.preventDefault();
      event.stopPropagation();
      if (event.key === "Enter" && keep() === true) return;
      this.parts.tool.replaceChildren();
      this.parts.list.focus();
    });
    this.parts.tool.replaceChildren(box, beside);
    box.focus();
  }

  onKey(event) {
    const target = event.composedPath()[0];
    const typing = target.matches?.("input:not([type=checkbox]), textarea, select, [contenteditable='true']");
    const key = keyOf(event);
    if (key === "Escape" && typing && this.root.contains(target)) return this.parts.list.focus();
    if (event.altKey || event.isComposing || (typing && key !== "Ctrl+Enter")) return undefined;
    if (typing) target.blur();
    if (target.matches?.("button, summary, a") && (key === "Enter" || key === " ")) return undefined;
    const action = this.keys.get(key);
    if (!action || (event.repeat && !/^(down|up|extend)/.test(action))) return undefined;
    event.preventDefault();
    event.stopPropagation();
    return this.run(action);
  }
}

function tab() {
  let name = sessionStorage.getItem("telltale.tab");
  if (!name) sessionStorage.setItem("telltale.tab", (name = id()));
  return name;
}

export default function ({ parentElement, data }) {
  if (parentElement.desk?.item === data.item) parentElement.desk.update(data);
  else {
    parentElement.desk?.close();
    parentElement.desk?.root.remove();
    const root = element("div");
    parentElement.append(root);
    parentElement.desk = new Desk(root, data);
  }
  return () => {
    parentElement.desk?.close();
    parentElement.desk?.root.remove();
    delete parentElement.desk;
  };
}
