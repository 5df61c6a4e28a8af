"use strict";
// Charts are drawn one after the other from top to bottom; those in a closed part are drawn when the part is opened. The
// parameters `shown` (methods), `others` (the rest, in grey) and `single` (seeds) of a view follow the check boxes. For another scale of epochs, a chart
// is drawn again from another specification.

const byId = (id) => document.getElementById(id);
const { charts, datasets } = JSON.parse(byId("data").textContent);
const views = new Map(); // name of a chart -> its view and the names of its parameters
const boxes = [...document.querySelectorAll("#methods input")];
const large = document.body.classList.contains("large"); // then methods that are not in colour are grey
const values = () => ({
  shown: boxes.filter((box) => box.checked).map((box) => box.value),
  single: byId("single").checked,
  others: byId("others")?.checked ?? false,
});

// ---- charts

const decode = (column) => (Array.isArray(column) ? column : column.places.map((place) => column.values[place]));

function rows(name) {
  const columns = Object.entries(datasets[name]).map(([field, column]) => [field, decode(column)]);
  const count = columns.length ? columns[0][1].length : 0;
  return Array.from({ length: count }, (_, i) => Object.fromEntries(columns.map(([field, column]) => [field, column[i]])));
}

const datasetsOf = (drawn) => [drawn, ...drawn.layer].map((part) => part.data?.name).filter((data) => data in datasets);

function specification(name) {
  const scales = charts[name];
  const copy = structuredClone(scales.only ?? (byId("log").checked ? scales.log : scales.linear));
  copy.datasets = Object.fromEntries(datasetsOf(copy).map((data) => [data, rows(data)]));
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
  drawKeys();
  later(() => tell("shown"));
}

// A key below each chart names the methods in colour; in a large leaderboard, their rows have their looks too.
const methodsOf = (name) => name && new Set(datasetsOf(charts[name].only ?? charts[name].log).flatMap((data) => datasets[data].method?.values ?? []));
const look = (box) => box.nextElementSibling.cloneNode(true);

function drawKeys() {
  const chosen = boxes.filter((box) => box.checked);
  for (const key of document.querySelectorAll(".key")) {
    const drawn = methodsOf(key.parentNode.querySelector(".chart")?.id);
    key.replaceChildren(...chosen.filter((box) => drawn?.has(box.value) ?? true).map((box) => {
      const entry = document.createElement("span");
      entry.append(look(box), box.closest("label").querySelector("span").textContent);
      return entry;
    }));
  }
}

if (large) {
  for (const row of document.querySelectorAll(".board tr[data-method], .glance tr[data-method]")) {
    const box = boxes.find((each) => each.value === row.dataset.method);
    if (box) row.querySelector("th").prepend(look(box));
  }
}

for (const box of boxes) box.addEventListener("change", choose);
for (const [id, checked] of [["all", true], ["none", false]]) {
  byId(id).addEventListener("click", () => {
    for (const box of boxes) box.checked = checked;
    choose();
  });
}
byId("leaders")?.addEventListener("click", () => {
  for (const box of boxes) box.checked = box.defaultChecked;
  choose();
});
for (const name of ["single", "others"]) byId(name)?.addEventListener("change", () => later(() => tell(name)));
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

// ---- a cue that a part can be scrolled sideways

function cue(part) {
  part.classList.toggle("more", part.scrollWidth - part.clientWidth - part.scrollLeft > 4);
}

for (const part of document.querySelectorAll(".scroll, figure")) {
  part.addEventListener("scroll", () => cue(part), { passive: true });
  new ResizeObserver(() => cue(part)).observe(part);
}

// ---- begin

if (matchMedia("(max-width: 44rem)").matches) {
  for (const part of document.querySelectorAll(".multiples")) part.open = false;
}
if (large) choose();
else drawKeys();

for (const part of document.querySelectorAll("main details")) {
  const inside = [...part.querySelectorAll(".chart")].map((chart) => chart.id);
  part.addEventListener("toggle", () => part.open && drawAll(inside.filter((name) => !views.has(name))));
}
drawAll(Object.keys(charts).filter((name) => !byId(name).closest("details:not([open])")));
later(() => undefined); // sets `data-drawn` even if there are no charts
