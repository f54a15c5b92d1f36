// Shows the record: every number as it stands there, or as pass.js computes it for a changed table. Nothing is
// worked out here but where things stand and how strongly they are tinted.

const record = JSON.parse(document.getElementById("record").textContent);
const labels = record.characters.map((character) => character.shown);
const tensors = new Map([record.W, ...record.steps].map((tensor) => [tensor.key, tensor]));

function make(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

// A minus sign as wide as a plus, for every hyphen that is one.
const shown = (text) => text.replace(/^-|-(?=[\d(])|(?<= )-(?= )/g, "−");
const same = (a, b) => a.join() === b.join();
const at = (nested, where) => where.reduce((part, index) => part[index], nested);
const each = (nested, make, where = []) =>
  Array.isArray(nested) ? nested.map((part, i) => each(part, make, [...where, i])) : make(nested, where);
const entryName = (name, where) => (where.length ? `${name}[${where.join(", ")}]` : name);

const views = []; // functions that show the values of now
const refresh = () => views.forEach((view) => view());

// Tensors

const label = (id) => make("bdi", {}, labels[id]); // set apart, in case it is read from right to left

function rowLabel(axis, index) {
  if (axis === "k") return [`${index} `, label(record.idx[index]), "→", label(record.targets[index])];
  return [`${index} `, label(index)];
}

function table(axes, value, text) {
  const scalar = axes === "";
  const rows = scalar ? [[text]] : axes.length === 1 ? text.map((entry) => [entry]) : text;
  const result = make("table", {});
  const cells = new Map();
  if (axes.length === 2) {
    const heads = labels.map((_, j) => make("th", { scope: "col" }, `${j} `, label(j)));
    result.append(make("tr", {}, make("td", {}), ...heads));
  }
  rows.forEach((row, i) => {
    const line = make("tr", {});
    if (!scalar) line.append(make("th", { scope: "row" }, ...rowLabel(axes[0], i)));
    row.forEach((entry, j) => {
      const where = [i, j].slice(0, axes.length);
      const cell = make("td", {}, entry === null ? "" : shown(entry));
      cell.where = where;
      cells.set(where.join(), cell);
      line.append(cell);
    });
    result.append(line);
  });
  tint(cells, value);
  return { table: result, cells };
}

function tint(cells, value) {
  const flat = [value].flat(2);
  const largest = Math.max(...flat.map(Math.abs)) || 1;
  for (const cell of cells.values()) {
    const number = at(value, cell.where);
    cell.classList.toggle("positive", number > 0);
    cell.classList.toggle("negative", number < 0);
    cell.style.setProperty("--strength", (Math.abs(number) / largest).toFixed(2));
  }
}

function figure(tensor, kind) {
  const shape = tensor.shape.length ? ` (${tensor.shape.join(", ")})` : "";
  const made = table(tensor.axes, tensor.value, tensor.shown);
  const node = make("figure", { class: kind }, make("figcaption", {}, tensor.name + shape), made.table);
  function view(hidden = () => false) {
    tint(made.cells, tensor.value);
    for (const cell of made.cells.values()) {
      const unknown = hidden(cell.where);
      const text = at(tensor.shown, cell.where);
      cell.textContent = unknown ? "?" : text === null ? "" : shown(text);
      if (unknown) cell.classList.remove("positive", "negative");
    }
    made.table.style.setProperty("--characters", widthOf(made.table));
  }
  return { ...made, node, view };
}

// How many characters a row takes, for a screen so narrow that the font gives way.
function widthOf(made) {
  const widths = [];
  for (const row of made.rows) {
    [...row.cells].forEach((cell, j) => { widths[j] = Math.max(widths[j] || 0, cell.textContent.length); });
  }
  return sum(widths);
}

// One stop for the tab key, and arrows from cell to cell.
function grid(made, start, onFocus, onEnter) {
  let kept = start;
  const cellAt = (where) => made.cells.get(where.join());
  const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  made.table.setAttribute("role", "grid");
  made.table.addEventListener("keydown", (event) => {
    if (event.key === "Enter") onEnter(event);
    if (!(event.key in moves)) return;
    event.preventDefault();
    event.stopPropagation();
    const next = cellAt(kept.map((index, axis) => index + moves[event.key][axis]));
    if (next) next.focus();
  });
  for (const cell of made.cells.values()) {
    cell.tabIndex = same(cell.where, kept) ? 0 : -1;
    cell.setAttribute("role", "gridcell");
    cell.addEventListener("click", () => cell.focus());
    cell.addEventListener("focus", () => {
      cellAt(kept).tabIndex = -1;
      kept = cell.where;
      cell.tabIndex = 0;
      onFocus(kept);
    });
  }
}

// Ask before showing

let asking = false;

function asker() {
  const box = make("input", { type: "checkbox", id: "asking" });
  box.addEventListener("change", () => {
    asking = box.checked;
    refresh();
  });
  return make("p", { class: "asker" }, make("label", {}, box, " ask before showing"));
}

// The question about one entry at a time of a step; `hides` says which entries are not known yet.
function question(step, toCell, onAnswer) {
  const known = new Set();
  let [where, values, mode] = [[], step.shown, asking];
  const field = make("input", { type: "text", inputmode: "decimal", autocomplete: "off", size: 11 });
  const name = make("span", {});
  const verdict = make("output", {});
  const give = make("button", { type: "button" }, "show it");
  const form = make("form", {}, make("label", {}, name, field), make("button", {}, "check"), give);
  const equals = () => `${entryName(step.name, where)} = ${shown(at(step.shown, where))}`;
  const hides = (entry) => asking && !known.has(entry.join());

  function answer(words) {
    known.add(where.join());
    onAnswer();
    toCell();
    verdict.textContent = words;
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const typed = field.value.trim().replace("−", "-").replace(",", ".");
    const right = Number(at(step.shown, where));
    const off = Number(typed) - right;
    if (typed === "" || Number.isNaN(off)) verdict.textContent = "that is not a number; type one such as −0.25";
    else if (Math.abs(off) <= 1.0001 * unitOf(at(step.shown, where), step.format)) answer(`right: ${equals()}`);
    else verdict.textContent = `wrong: the number is ${off < 0 ? "larger" : "smaller"}`;
  });
  give.addEventListener("click", () => answer(equals()));

  function about(entry) {
    if (mode !== asking || values !== step.shown) known.clear();
    if (mode !== asking || values !== step.shown || !same(where, entry)) [field.value, verdict.textContent] = ["", ""];
    [where, values, mode] = [entry, step.shown, asking];
    form.hidden = !hides(where);
    name.textContent = `${entryName(step.name, where)} = `;
  }

  function enter(event) {
    if (form.hidden) return;
    event.preventDefault();
    field.focus();
  }
  return { node: make("div", { class: "question" }, form, verdict), hides, about, enter };
}

// Change an entry of W, and every number follows

const table0 = tensors.get("W");
const asMade = new Map([...tensors].map(([key, { value, shown, entries }]) => [key, { value, shown, entries }]));
const changed = () => table0.value !== asMade.get("W").value;
const changedEntries = () =>
  asMade.get("W").value.flatMap((row, i) => row.flatMap((_, j) => (table0.value[i][j] === row[j] ? [] : [[i, j]])));

function follow(W) {
  if (same(W.flat(), asMade.get("W").value.flat())) {
    for (const [key, tensor] of tensors) Object.assign(tensor, asMade.get(key));
  } else {
    const values = passOf(W, record);
    for (const [key, tensor] of tensors) {
      tensor.value = values[key];
      tensor.shown = each(values[key], (value) => written(value, tensor.format));
    }
    for (const step of record.steps) step.entries = each(asMade.get(step.key).entries, (entry, where) => entryNow(step, entry, where));
  }
  document.body.classList.toggle("changed", changed());
  refresh();
}

// The arithmetic of one entry with the numbers of now. Which logit of a row is the largest may have changed.
function entryNow(step, entry, where) {
  if (!entry) return entry;
  let { names, from } = entry;
  if (step.key === "z") {
    const row = tensors.get("logits").value[where[0]];
    from = [["logits", where], ["logits", [where[0], row.indexOf(Math.max(...row))]]];
    names = from.map(([key, index]) => entryName(key, index)).join(" - ");
  }
  const sources = [...from];
  const numbers = names.replace(/softmax\(W\)\[.*?\]|\w+\[.*?\]|[a-zA-Z]\w*(?!\()\b/g, (name, offset) => {
    let text = name in record.scalars ? written(record.scalars[name], "g") : tensors.has(name) ? tensors.get(name).shown : name;
    if (name.endsWith("]")) {
      const [key, index] = sources.shift();
      const tensor = tensors.get(key);
      // A mere copy is shown in the digits of the copy.
      text = name === names ? written(at(tensor.value, index), step.format) : at(tensor.shown, index);
    }
    return text.startsWith("-") && /[ -]$/.test(names.slice(0, offset)) ? `(${text})` : text;
  });
  return { names, numbers, from };
}

function changer(made) {
  let where = exampleOf(record.steps[0]).map((_, axis) => [record.idx, record.targets][axis][record.example]);
  const field = make("input", { type: "number", min: -9.9, max: 9.9, step: 0.1, required: "" });
  const name = make("span", {});
  const hint = make("output", {});
  const view = () => {
    const marked = changedEntries().map((entry) => entry.join());
    for (const cell of made.cells.values()) {
      cell.classList.toggle("edited", same(cell.where, where));
      cell.classList.toggle("moved", marked.includes(cell.where.join()));
    }
    name.textContent = `W[${where.join(", ")}] = `;
    hint.textContent = field.checkValidity() ? "" : "a number from −9.9 to 9.9 with at most one decimal";
  };
  field.addEventListener("change", () => {
    if (field.checkValidity()) follow(each(table0.value, (value, entry) => (same(entry, where) ? Number(field.value) + 0 : value)));
    else view();
  });
  const onEnter = (event) => {
    event.preventDefault();
    field.focus();
  };
  const choose = (entry) => {
    where = entry;
    field.value = at(table0.shown, where);
    view();
  };
  grid(made, where, choose, onEnter);
  views.push(() => choose(where));
  choose(where);
  return make("div", { class: "changer" }, make("label", {}, "change ", name, field), hint);
}

function changes() {
  const said = make("span", { role: "status" });
  const reset = make("button", { type: "button" }, "reset W");
  const node = make("p", { class: "changes" }, said, reset);
  const view = () => {
    node.hidden = !changed();
    const list = changedEntries().map((where) => `${entryName("W", where)} is ${at(table0.shown, where)} instead of ${at(asMade.get("W").shown, where)}`);
    said.textContent = list.length
      ? shown(`${list.join("; ")}. Every number follows; torch’s are left out, for they are those of the table as it was. `)
      : "";
  };
  reset.addEventListener("click", () => {
    document.querySelector("main").focus();
    follow(asMade.get("W").value);
  });
  views.push(view);
  view();
  return node;
}

// One operation

function exampleOf(step) {
  const k = record.example;
  return [step.axes[0] === "k" ? k : record.idx[k], record.targets[k]].slice(0, step.axes.length);
}

function inputsOf(step) {
  const entries = step.shape.length === 0 ? [step.entries] : step.entries.flat(step.shape.length - 1);
  return [...new Set(entries.flatMap((entry) => (entry ? entry.from.map(([key]) => key) : [])))];
}

function arithmetic(step, where, hidden) {
  const entry = at(step.entries, where);
  const value = at(step.shown, where);
  let sides = entry ? [entry.names, entry.numbers, value] : [value];
  if (entry && entry.names === entry.numbers) sides = [value]; // a constant
  if (hidden) sides = [...sides.filter((side) => side !== value), "?"];
  const lines = [...new Set(sides)].flatMap((side, line) => [
    make("span", {}, line ? "" : entryName(step.name, where)), make("span", {}, "="), make("span", {}, shown(side)),
  ]);
  if (step.torch && !hidden && !changed()) {
    const theirs = make("span", { class: "torch" }, shown(`${at(step.torch.shown, where)}; ${step.torch.nearness}`));
    lines.push(make("span", { class: "torch" }, "torch"), make("span", { class: "torch" }, "="), theirs);
  }
  return make("div", {}, ...lines);
}

function notesOf({ notes, given }) {
  const note = (kind) => (text) => make("p", { class: kind }, shown(text));
  return [...notes.map(note("note")), ...given.map(note("note given"))];
}

function stepSection(step) {
  const inputs = new Map(inputsOf(step).map((key) => [key, figure(tensors.get(key), "input")]));
  const result = figure(step, "result");
  const output = make("div", { class: "arithmetic", "aria-live": "polite" });
  let kept = exampleOf(step);
  const asked = question(step, () => result.cells.get(kept.join()).focus(), () => view());

  function show(where) {
    const entry = at(step.entries, where);
    const sources = new Set((entry ? entry.from : []).map(([key, index]) => inputs.get(key).cells.get(index.join())));
    for (const [, input] of inputs) {
      for (const cell of input.cells.values()) cell.classList.toggle("source", sources.has(cell));
    }
    for (const cell of result.cells.values()) cell.classList.toggle("chosen", same(cell.where, where));
    output.replaceChildren(arithmetic(step, where, asked.hides(where)));
  }

  function keep(where) {
    kept = where;
    asked.about(kept);
    show(kept);
  }

  function view() {
    for (const [, input] of inputs) input.view();
    result.view(asked.hides);
    if (step.key.startsWith("dlogits")) {
      for (const cell of result.cells.values()) cell.classList.toggle("push", !asked.hides(cell.where));
    }
    keep(kept);
  }

  grid(result, kept, keep, asked.enter);
  for (const cell of result.cells.values()) cell.addEventListener("mouseenter", () => show(cell.where));
  result.table.addEventListener("mouseleave", () => show(kept));
  if (step.key === order[0]) inputs.get("W").node.append(changer(inputs.get("W")));
  views.push(view);
  view();

  const formula = document.getElementById(`formula ${step.key}`).content.cloneNode(true);
  const code = step.code.map((code) => {
    const summary = make("summary", {}, `${code.function}, ${code.file}:${code.line}`);
    return make("details", {}, summary, make("pre", {}, code.source));
  });
  const notes = notesOf(step);
  const words = [make("div", { class: "formula" }, formula), make("p", {}, shown(step.why)), output, asked.node, ...notes, ...code];
  const heading = make("h2", {}, make("span", { class: "name" }, step.name), make("small", {}, record.parts[step.part]));
  const figures = make("div", { class: "tensors" }, ...[...inputs.values()].map((input) => input.node), result.node);
  const said = make("div", { class: "said" }, ...words);
  const node = make("section", { "data-key": step.key, "aria-label": step.name }, heading, said, figures);
  node.inputs = [...inputs.keys()];
  return node;
}

// Training

function curve() {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const shape = (tag, kind) => {
    const node = document.createElementNS(svg.namespaceURI, tag);
    node.setAttribute("class", kind);
    svg.append(node);
    return node;
  };
  const set = (node, attributes) => Object.entries(attributes).forEach(([name, value]) => node.setAttribute(name, value));
  svg.setAttribute("viewBox", `0 0 ${record.training.steps} 100`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  const [least, loss, now] = [shape("line", "least"), shape("path", "loss"), shape("line", "now")];
  const draw = (losses) => {
    const top = Math.max(...losses) || 1; // of one character the loss is 0
    const height = (value) => 100 - (95 * value) / top;
    const y = height(record.training.optimum);
    set(least, { x1: 0, x2: record.training.steps, y1: y, y2: y });
    set(loss, { d: `M${losses.map((value, step) => `${step} ${height(value)}`).join("L")}` });
  };
  const move = (step) => set(now, { x1: step, x2: step, y1: 0, y2: 100 });
  return { svg, draw, move };
}

function trainingSection() {
  let training = record.training;
  const texts = (rows) => rows.map((row) => (row ? row.map((number) => written(number, ".4f")) : labels.map(() => null)));
  const known = [["W", "W, the table"], ["dW", "dW, the gradient"], ["p", "softmax(W), the probabilities"]];
  const tables = known.map(([key]) => table("ij", training[key][0], texts(training[key][0])));
  const frequencies = table("ij", training.frequencies.map((row) => row || labels.map(() => 0)), texts(training.frequencies));
  const figures = known.map(([, name], k) => make("figure", {}, make("figcaption", {}, name), tables[k].table));
  figures.push(make("figure", {}, make("figcaption", {}, "C / n, the counts’ own frequencies"), frequencies.table));
  figures.forEach((node, k) => node.setAttribute("data-training", ["W", "dW", "p", "frequencies"][k]));

  const drawn = curve();
  const slider = make("input", { type: "range", id: "scrub", min: 0, max: training.steps, step: 1, value: 0 });
  const output = make("output", { for: "scrub" });
  slider.addEventListener("input", () => {
    const step = Number(slider.value);
    known.forEach(([key], k) => {
      texts(training[key][step]).forEach((row, i) => row.forEach((text, j) => {
        tables[k].cells.get(`${i},${j}`).textContent = shown(text);
      }));
      tint(tables[k].cells, training[key][step]);
    });
    output.textContent = `after ${step} ${step === 1 ? "step" : "steps"}: loss ${written(training.loss[step], ".4f")}`;
    slider.setAttribute("aria-valuetext", output.textContent);
    drawn.move(step);
  });
  function view() {
    training = changed() ? trainingOf(table0.value, record, record.training.steps) : record.training;
    drawn.draw(training.loss);
    slider.dispatchEvent(new Event("input"));
  }
  views.push(view);
  view();

  const node = make("section", { class: "training", "data-key": "training", "aria-label": "training" });
  const said = make("div", { class: "said" }, ...notesOf(training));
  node.append(make("h2", {}, `${training.steps} AdamW steps, each on all pairs`), said);
  const label = make("label", { for: "scrub" }, "Move through training: ");
  const least = make("span", { class: "quiet" }, `; the dotted line is the optimum, ${training.optimum.toFixed(4)}`);
  said.append(make("div", { class: "curve" }, drawn.svg, slider, label, output, least));
  node.append(make("div", { class: "tensors" }, ...figures));
  node.inputs = [];
  return node;
}

// The map, and moving through it

const order = [...record.steps.map((step) => step.key), "training"];
const sections = [...record.steps.map(stepSection), trainingSection()];
const links = new Map();

function map() {
  const link = (key, text) => {
    const node = make("a", { href: `#${encodeURIComponent(key)}` }, text);
    links.set(key, node);
    return make("li", {}, node);
  };
  const forward = record.steps.filter((step) => step.part === "forward");
  const backward = record.steps.filter((step) => step.part === "backward").reverse();
  const way = (text) => make("li", { class: "way" }, text);
  const first = make("li", {}, make("a", { href: `#${forward[0].key}` }, "W"));
  links.set("W", first.firstChild);
  const then = ["collapse", "counts", "adamw"].map((part) => {
    const steps = record.steps.filter((step) => step.part === part);
    const item = link(steps[0].key, part);
    item.firstChild.href = `#${part}`; // an anchor of the whole part, which opens its first step
    for (const step of steps) links.set(step.key, item.firstChild);
    return item;
  });
  return [
    make("ol", {}, way("forward →"), first, ...forward.map((step) => link(step.key, step.name))),
    make("ol", {}, ...backward.map((step) => link(step.key, step.name)), way("← backward")),
    make("ol", { class: "then" }, ...then, link("training", "training")),
  ];
}

const turns = [make("button", { type: "button" }, "← previous"), make("button", { type: "button" }, "next →")];
let current = 0;

function open() {
  const wanted = decodeURIComponent(location.hash.slice(1));
  const part = record.steps.findIndex((step) => step.part === wanted);
  current = Math.max(0, order.indexOf(wanted), part);
  sections.forEach((section, k) => section.classList.toggle("current", k === current));
  for (const link of links.values()) {
    link.removeAttribute("aria-current");
    link.classList.remove("source");
  }
  for (const key of sections[current].inputs) links.get(key).classList.add("source");
  links.get(order[current]).classList.remove("source");
  links.get(order[current]).setAttribute("aria-current", "step");
  turns[0].disabled = current === 0;
  turns[1].disabled = current === order.length - 1;
}

function turn(by) {
  const next = order[current + by];
  if (!next) return;
  location.hash = encodeURIComponent(next);
  open(); // now, not only when the browser comes to tell of the change
}

const text = [record.idx[0], ...record.targets].map((id) => labels[id]).join("");
document.title = `${text}: one pass through a bigram model`;
document.querySelector("h1 bdi").textContent = text;
for (const id of ["opening", "rounding", "command"]) document.getElementById(id).textContent = record[id];
document.querySelector("nav").append(...map());
document.querySelector("main").append(make("div", { class: "turn" }, ...turns), asker(), changes(), ...sections);
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address names the step
  document.querySelector("main").focus();
});
turns.forEach((button, k) => button.addEventListener("click", () => turn(2 * k - 1)));
window.addEventListener("hashchange", open);
document.addEventListener("keydown", (event) => {
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (by && !event.altKey && !event.ctrlKey && !event.metaKey && !event.target.matches("input")) turn(by);
});
open();
