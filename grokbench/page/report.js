"use strict";
// Charts are drawn from top to bottom, those in a closed part when it is opened. A view keeps its parameters `shown`
// (methods) and `single` (seeds) in step with the check boxes; another scale of epochs is another specification.

const { charts, datasets, dark } = JSON.parse(document.getElementById("data").textContent);
const views = new Map();
const byId = (id) => document.getElementById(id);
const boxes = [...document.querySelectorAll("#methods input")];
const shown = () => boxes.filter((box) => box.checked).map((box) => box.value);

const decode = (column) => (Array.isArray(column) ? column : column.places.map((place) => column.values[place]));

function rows(name) {
  const columns = Object.entries(datasets[name]).map(([field, column]) => [field, decode(column)]);
  const count = columns.length ? columns[0][1].length : 0;
  return Array.from({ length: count }, (_, i) => Object.fromEntries(columns.map(([field, values]) => [field, values[i]])));
}

function named(specification) {
  const parts = [specification, ...(specification.layer ?? []).flatMap((layer) => [layer, ...(layer.layer ?? [])])];
  return new Set(parts.map((part) => part.data?.name).filter((name) => name in datasets));
}

const isDark = matchMedia("(prefers-color-scheme: dark)");
const lightened = (text) => Object.entries(dark).reduce((all, [from, to]) => all.replaceAll(`"${from}"`, `"${to}"`), text);

function specification(name) {
  const scales = charts[name];
  const chosen = scales.only ?? (byId("log").checked ? scales.log : scales.linear);
  const copy = JSON.parse(isDark.matches ? lightened(JSON.stringify(chosen)) : JSON.stringify(chosen));
  copy.datasets = Object.fromEntries([...named(copy)].map((data) => [data, rows(data)]));
  for (const parameter of copy.params ?? []) {
    if (parameter.name === "shown") parameter.value = shown();
    if (parameter.name === "single") parameter.value = byId("single").checked;
  }
  return copy;
}

async function draw(name) {
  const theme = isDark.matches ? "dark" : "light";
  views.get(name)?.finalize();
  const options = { renderer: "svg", actions: false, tooltip: { theme } };
  const { view } = await vegaEmbed(`#${name}`, specification(name), options);
  views.set(name, view);
}

const closed = (name) => byId(name).closest("details:not([open])") !== null;

async function drawAll(names) {
  for (const name of names) {
    if (!closed(name)) await draw(name);
  }
}

function signal(parameter, value) {
  for (const view of views.values()) {
    const has = parameter in view.getState({ signals: (name) => name === parameter, data: () => false }).signals;
    if (has) view.signal(parameter, value).runAsync();
  }
}

function choose() {
  const labels = new Set(shown());
  signal("shown", [...labels]);
  for (const row of document.querySelectorAll("tr[data-method]")) row.classList.toggle("off", !labels.has(row.dataset.method));
}

function sort(heading) {
  const place = [...heading.parentNode.children].indexOf(heading);
  const body = heading.closest("table").tBodies[0];
  const descending = heading.getAttribute("aria-sort") === "ascending";
  for (const other of heading.parentNode.children) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
  const key = (row) => row.children[place].dataset.key ?? row.children[place].textContent;
  const numeric = [...body.rows].every((row) => ["", "-"].includes(key(row)) || !Number.isNaN(Number(key(row))));
  const compare = (a, b) => {
    if (["", "-"].includes(a) || ["", "-"].includes(b)) return ["", "-"].includes(a) - ["", "-"].includes(b);
    return (numeric ? a - b : a.localeCompare(b)) * (descending ? -1 : 1);
  };
  body.append(...[...body.rows].sort((a, b) => compare(key(a), key(b))));
}

for (const box of boxes) box.addEventListener("change", choose);
for (const [id, checked] of [["all", true], ["none", false]]) {
  byId(id).addEventListener("click", () => {
    for (const box of boxes) box.checked = checked;
    choose();
  });
}
isDark.addEventListener("change", () => drawAll([...views.keys()]));
byId("single").addEventListener("change", (event) => signal("single", event.target.checked));
byId("log").addEventListener("change", () => drawAll([...views.keys()].filter((name) => !charts[name].only)));
for (const heading of document.querySelectorAll("table.sortable thead th")) {
  heading.querySelector("button").addEventListener("click", () => sort(heading));
}
for (const part of document.querySelectorAll("main details")) {
  part.addEventListener("toggle", () => {
    const waiting = [...part.querySelectorAll(".chart")].map((chart) => chart.id).filter((name) => !views.has(name));
    if (part.open) drawAll(waiting);
  });
}
drawAll(Object.keys(charts)).then(() => document.body.setAttribute("data-drawn", "true"));
