// Shows the record. Every number on the page is in it, as it is shown; nothing is worked out here but
// where things stand and how strongly they are tinted.
"use strict";

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
const at = (nested, where) => where.reduce((part, index) => part[index], nested);
const entryName = (name, where) => (where.length ? `${name}[${where.join(", ")}]` : name);

// Tensors

function rowLabel(axis, index) {
  if (axis === "k") return `${index} ${labels[record.idx[index]]}→${labels[record.targets[index]]}`;
  return `${index} ${labels[index]}`;
}

function table(axes, value, text) {
  const scalar = axes === "";
  const rows = scalar ? [[text]] : axes.length === 1 ? text.map((entry) => [entry]) : text;
  const result = make("table", {});
  const cells = new Map();
  if (axes.length === 2) {
    const heads = labels.map((label, j) => make("th", { scope: "col" }, `${j} ${label}`));
    result.append(make("tr", {}, make("td", {}), ...heads));
  }
  rows.forEach((row, i) => {
    const line = make("tr", {});
    if (!scalar) line.append(make("th", { scope: "row" }, rowLabel(axes[0], i)));
    row.forEach((entry, j) => {
      const where = [i, j].slice(0, axes.length);
      const cell = make("td", {}, entry === null ? "" : shown(entry));
      cell.where = where;
      cells.set(where.join(), cell);
      line.append(cell);
    });
    result.append(line);
  });
  if (value !== null) tint(cells, axes, value);
  return { table: result, cells };
}

function tint(cells, axes, value) {
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
  return { ...made, node };
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

function arithmetic(step, where) {
  const entry = at(step.entries, where);
  const value = at(step.shown, where);
  let sides = entry ? [entry.names, entry.numbers, value] : [value];
  if (entry && entry.names === entry.numbers) sides = [value]; // a constant
  const lines = [...new Set(sides)].flatMap((side, line) => [
    make("span", {}, line ? "" : entryName(step.name, where)), make("span", {}, "="), make("span", {}, shown(side)),
  ]);
  if (step.torch) {
    const theirs = make("span", { class: "torch" }, shown(`${at(step.torch.shown, where)}; ${step.torch.nearness}`));
    lines.push(make("span", { class: "torch" }, "torch"), make("span", { class: "torch" }, "="), theirs);
  }
  return make("div", {}, ...lines);
}

function stepSection(step) {
  const inputs = new Map(inputsOf(step).map((key) => [key, figure(tensors.get(key), "input")]));
  const result = figure(step, "result");
  const output = make("div", { class: "arithmetic", "aria-live": "polite" });
  let kept = exampleOf(step);

  function show(where) {
    const entry = at(step.entries, where);
    const sources = new Set((entry ? entry.from : []).map(([key, index]) => inputs.get(key).cells.get(index.join())));
    for (const [, input] of inputs) {
      for (const cell of input.cells.values()) cell.classList.toggle("source", sources.has(cell));
    }
    for (const cell of result.cells.values()) cell.classList.toggle("chosen", cell.where.join() === where.join());
    output.replaceChildren(arithmetic(step, where));
  }

  function keep(where) {
    result.cells.get(kept.join()).tabIndex = -1;
    kept = where;
    result.cells.get(kept.join()).tabIndex = 0;
    show(kept);
  }

  const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  result.table.setAttribute("role", "grid");
  result.table.addEventListener("keydown", (event) => {
    if (!(event.key in moves)) return;
    event.preventDefault();
    event.stopPropagation();
    const next = result.cells.get(kept.map((index, axis) => index + moves[event.key][axis]).join());
    if (next) next.focus();
  });
  for (const cell of result.cells.values()) {
    cell.tabIndex = -1;
    cell.setAttribute("role", "gridcell");
    cell.addEventListener("focus", () => keep(cell.where));
    cell.addEventListener("click", () => cell.focus());
    cell.addEventListener("mouseenter", () => show(cell.where));
  }
  result.table.addEventListener("mouseleave", () => show(kept));
  keep(kept);

  const formula = document.getElementById(`formula ${step.key}`).content.cloneNode(true);
  const code = step.code.map((code) => {
    const summary = make("summary", {}, `${code.function}, ${code.file}:${code.line}`);
    return make("details", {}, summary, make("pre", {}, code.source));
  });
  const notes = step.notes.map((note) => make("p", { class: "note" }, shown(note)));
  const words = [make("div", { class: "formula" }, formula), make("p", {}, shown(step.why)), output, ...notes, ...code];
  const heading = make("h2", {}, make("span", { class: "name" }, step.name), make("small", {}, record.parts[step.part]));
  const figures = make("div", { class: "tensors" }, ...[...inputs.values()].map((input) => input.node), result.node);
  const said = make("div", { class: "said" }, ...words);
  const node = make("section", { "data-key": step.key, "aria-label": step.name }, heading, said, figures);
  node.inputs = [...inputs.keys()];
  return node;
}

// Training

function curve(training) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const top = Math.max(...training.loss);
  const height = (loss) => 100 - (95 * loss) / top;
  const draw = (tag, kind, attributes) => {
    const shape = document.createElementNS(svg.namespaceURI, tag);
    shape.setAttribute("class", kind);
    for (const [name, value] of Object.entries(attributes)) shape.setAttribute(name, value);
    svg.append(shape);
    return shape;
  };
  svg.setAttribute("viewBox", `0 0 ${training.steps} 100`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  const least = height(training.optimum);
  draw("line", "least", { x1: 0, x2: training.steps, y1: least, y2: least });
  draw("path", "loss", { d: `M${training.loss.map((loss, step) => `${step} ${height(loss)}`).join("L")}` });
  const now = draw("line", "now", { y1: 0, y2: 100 });
  const move = (step) => ["x1", "x2"].forEach((name) => now.setAttribute(name, step));
  return { svg, move };
}

function trainingSection() {
  const training = record.training;
  const texts = (rows) => rows.map((row) => (row ? row.map((number) => number.toFixed(4)) : labels.map(() => null)));
  const known = [["W", "W, the table"], ["dW", "dW, the gradient"], ["p", "softmax(W), the probabilities"]];
  const tables = known.map(([key]) => table("ij", training[key][0], texts(training[key][0])));
  const frequencies = table("ij", training.frequencies.map((row) => row || labels.map(() => 0)), texts(training.frequencies));
  const figures = known.map(([, name], k) => make("figure", {}, make("figcaption", {}, name), tables[k].table));
  figures.push(make("figure", {}, make("figcaption", {}, "C / n, the counts’ own frequencies"), frequencies.table));
  figures.forEach((node, k) => node.setAttribute("data-training", ["W", "dW", "p", "frequencies"][k]));

  const drawn = curve(training);
  const slider = make("input", { type: "range", id: "scrub", min: 0, max: training.steps, step: 1, value: 0 });
  const output = make("output", { for: "scrub" });
  slider.addEventListener("input", () => {
    const step = Number(slider.value);
    known.forEach(([key], k) => {
      texts(training[key][step]).forEach((row, i) => row.forEach((text, j) => {
        tables[k].cells.get(`${i},${j}`).textContent = shown(text);
      }));
      tint(tables[k].cells, "ij", training[key][step]);
    });
    output.textContent = `after ${step} steps: loss ${training.loss[step].toFixed(4)}`;
    slider.setAttribute("aria-valuetext", output.textContent);
    drawn.move(step);
  });
  slider.dispatchEvent(new Event("input"));

  const node = make("section", { class: "training", "data-key": "training", "aria-label": "training" });
  const said = make("div", { class: "said" }, ...training.notes.map((note) => make("p", {}, shown(note))));
  node.append(make("h2", {}, `${training.steps} AdamW steps, each on all pairs`), said);
  const label = make("label", { for: "scrub" }, "Move through training: ");
  const least = make("span", { class: "quiet" }, `; the dotted line is the least, ${training.optimum.toFixed(4)}`);
  said.append(make("div", { class: "curve" }, drawn.svg, slider, label, output, least));
  node.append(make("div", { class: "tensors" }, ...figures));
  node.inputs = [];
  return node;
}

// The map, and moving through it

const sections = [...record.steps.map(stepSection), trainingSection()];
const order = sections.map((section) => section.dataset.key);
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
  const wanted = order.indexOf(decodeURIComponent(location.hash.slice(1)));
  current = Math.max(0, wanted);
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
document.querySelector("h1").textContent = text;
document.getElementById("opening").textContent = record.opening;
document.getElementById("rounding").textContent = record.rounding;
document.querySelector("nav").append(...map());
document.querySelector("main").append(make("div", { class: "turn" }, ...turns), ...sections);
turns.forEach((button, k) => button.addEventListener("click", () => turn(2 * k - 1)));
window.addEventListener("hashchange", open);
document.addEventListener("keydown", (event) => {
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (by && !event.altKey && !event.ctrlKey && !event.metaKey && !event.target.matches("input")) turn(by);
});
open();
