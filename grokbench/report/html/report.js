"use strict";
// Charts are drawn one after the other from top to bottom; those in a closed part are drawn when the part is opened. The
// parameters `shown` (methods) and `single` (seeds) of a view follow the check boxes. For another scale of epochs, a chart
// is drawn again from another specification.

const byId = (id) => document.getElementById(id);
const { charts, datasets } = JSON.parse(byId("data").textContent);
const views = new Map(); // name of a chart -> its view and the names of its parameters
const boxes = [...document.querySelectorAll("#methods input")];
const values = () => ({ shown: boxes.filter((box) => box.checked).map((box) => box.value), single: byId("single").checked });

// ---- charts

const decode = (column) => (Array.isArray(column) ? column : column.places.map((place) => column.values[place]));

function rows(name) {
  const columns = Object.entries(datasets[name]).map(([field, column]) => [field, decode(column)]);
  const count = columns.length ? columns[0][1].length : 0;
  return Array.from({ length: count }, (_, i) => Object.fromEntries(columns.map(([field, column]) => [field, column[i]])));
}

function specification(name) {
  const scales = charts[name];
  const copy = structuredClone(scales.only ?? (byId("log").checked ? scales.log : scales.linear));
  const named = [copy, ...copy.layer].map((part) => part.data?.name).filter((data) => data in datasets);
  copy.datasets = Object.fromEntries(named.map((data) => [data, rows(data)]));
  for (const parameter of copy.params) parameter.value = values()[parameter.name] ?? parameter.value;
  return copy;
}

async function draw(name) {
  views.get(name)?.view.finalize();
  const drawn = specification(name);
  const { view } = await vegaEmbed(`#${name}`, drawn, { renderer: "svg", actions: false });
  views.set(name, { view, parameters: drawn.params.map((parameter) => parameter.name) });
}

async function tell(parameter) {
  for (const { view, parameters } of views.values()) {
    if (parameters.includes(parameter)) await view.signal(parameter, values()[parameter]).runAsync();
  }
}

let work = Promise.resolve();
let waiting = 0;

function later(task) {
  waiting += 1;
  document.body.removeAttribute("data-drawn");
  work = work.then(task).catch(console.error).finally(() => {
    waiting -= 1;
    document.body.toggleAttribute("data-drawn", waiting === 0);
  });
}

function drawAll(names) {
  for (const name of names) later(() => draw(name));
}

// ---- what can be chosen

function choose() {
  const { shown } = values();
  for (const row of document.querySelectorAll("tr[data-method]")) row.classList.toggle("off", !shown.includes(row.dataset.method));
  later(() => tell("shown"));
}

for (const box of boxes) box.addEventListener("change", choose);
for (const [id, checked] of [["all", true], ["none", false]]) {
  byId(id).addEventListener("click", () => {
    for (const box of boxes) box.checked = checked;
    choose();
  });
}
byId("single").addEventListener("change", () => later(() => tell("single")));
byId("log").addEventListener("change", () => drawAll([...views.keys()].filter((name) => !charts[name].only)));

// ---- tables

function sort(heading) {
  const place = heading.cellIndex;
  const body = heading.closest("table").tBodies[0];
  const sign = heading.getAttribute("aria-sort") === "ascending" ? -1 : 1;
  for (const other of heading.parentNode.cells) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", sign === 1 ? "ascending" : "descending");
  const key = (row) => row.cells[place].dataset.key;
  const numeric = [...body.rows].every((row) => !Number.isNaN(Number(key(row))));
  const compare = (a, b) => {
    if (a === "" || b === "") return (a === "") - (b === ""); // missing values come last in both orders
    return sign * (numeric ? a - b : a.localeCompare(b));
  };
  body.append(...[...body.rows].sort((a, b) => compare(key(a), key(b))));
}

for (const button of document.querySelectorAll("thead button")) {
  button.addEventListener("click", () => sort(button.parentNode));
}

// ---- begin

for (const part of document.querySelectorAll("main details")) {
  const inside = [...part.querySelectorAll(".chart")].map((chart) => chart.id);
  part.addEventListener("toggle", () => part.open && drawAll(inside.filter((name) => !views.has(name))));
}
drawAll(Object.keys(charts).filter((name) => !byId(name).closest("details:not([open])")));
later(() => undefined); // sets `data-drawn` even if there are no charts
