"use strict";
const audit = JSON.parse(document.getElementById("audit").textContent);
const $ = (id) => document.getElementById(id);
const BREAK = 50;
let state = null;
let chosen = new Set();
let revealed = false;

const key = (name) => `tamis-audit:${audit.tasks_sha256}:${name}`;
const asked = () => audit.categories.filter((name) => !state.off.includes(name));

function load(name) {
  let found = null;
  try { found = JSON.parse(localStorage.getItem(key(name))); } catch { found = null; }
  return found && typeof found.labels === "object" ? found : { annotator: name, labels: {}, off: [], at: 0 };
}

function save() {
  try {
    localStorage.setItem(key(state.annotator), JSON.stringify(state));
    $("stored").hidden = true;
  } catch {
    $("stored").hidden = false;
  }
}

function show(id) {
  for (const part of ["start", "work", "pause", "done"]) $(part).hidden = part !== id;
}

function start(event) {
  event.preventDefault();
  const name = $("annotator").value.trim();
  if (!name) { $("annotator").focus(); return; }
  const off = audit.categories.filter((_, k) => !$(`ask-${k}`).checked);
  if (off.length === audit.categories.length) { $("none").hidden = false; return; }
  state = load(name);
  state.off = off;
  const first = audit.tasks.findIndex((task) => !(task.task in state.labels));
  state.at = first < 0 ? audit.tasks.length : first;
  save();
  draw();
}

function draw() {
  const done = Object.keys(state.labels).length;
  $("count").textContent = `${done} of ${audit.tasks.length} done · ${state.annotator}`;
  $("progress").max = audit.tasks.length;
  $("progress").value = done;
  if (state.at >= audit.tasks.length) { $("total").textContent = `${done} of ${audit.tasks.length}`; show("done"); return; }
  const task = audit.tasks[state.at];
  const before = state.labels[task.task];
  chosen = new Set(before ? Object.keys(before).filter((name) => before[name] === 1) : []);
  revealed = false;
  $("text").scrollTop = 0;
  $("number").textContent = `Text ${state.at + 1}`;
  $("reveal").hidden = task.shown === undefined;
  paint();
  show("work");
  $("text").focus();
}

function paint() {
  const task = audit.tasks[state.at];
  $("text").textContent = revealed && task.shown !== undefined ? task.shown : task.text;
  $("reveal").setAttribute("aria-pressed", String(revealed));
  audit.categories.forEach((name, k) => {
    $(`label-${k}`).hidden = state.off.includes(name);
    $(`label-${k}`).setAttribute("aria-pressed", String(chosen.has(name)));
  });
  $("next").firstChild.data = chosen.size ? "Save and next " : "None of these, next ";
}

function toggle(name) {
  if (state.off.includes(name)) return;
  if (!chosen.delete(name)) chosen.add(name);
  paint();
}

function put(labels) {
  state.labels[audit.tasks[state.at].task] = labels;
  state.at += 1;
  save();
  const done = Object.keys(state.labels).length;
  if (done % BREAK === 0 && state.at < audit.tasks.length) { $("so-far").textContent = String(done); show("pause"); $("on").focus(); return; }
  draw();
}

const next = () => put(Object.fromEntries(asked().map((name) => [name, chosen.has(name) ? 1 : 0])));
const skip = () => put(null);

function back() {
  if (state.at > 0) { state.at -= 1; save(); draw(); }
}

function reveal() {
  revealed = !revealed;
  paint();
}

function exported() {
  const labels = Object.fromEntries(audit.tasks.filter((task) => task.task in state.labels).map((task) => [task.task, state.labels[task.task]]));
  return { format: 1, tasks_sha256: audit.tasks_sha256, annotator: state.annotator, labels };
}

function save_file() {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(exported(), null, 1)], { type: "application/json" }));
  link.download = `labels-${state.annotator.replace(/[^\w.-]+/g, "_")}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

async function take(event) {
  const file = event.target.files[0];
  if (!file) return;
  let found = null;
  try { found = JSON.parse(await file.text()); } catch { found = null; }
  if (!found || found.tasks_sha256 !== audit.tasks_sha256 || typeof found.labels !== "object" || typeof found.annotator !== "string") {
    $("import-note").textContent = "Not labels of these tasks.";
    return;
  }
  const known = new Set(audit.tasks.map((task) => task.task));
  state = load(found.annotator);
  for (const [task, labels] of Object.entries(found.labels)) if (known.has(task)) state.labels[task] = labels;
  save();
  $("annotator").value = found.annotator;
  const count = Object.keys(state.labels).length;
  $("import-note").textContent = `${count} label${count === 1 ? "" : "s"} of ${found.annotator} taken over.`;
}

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.tagName === "INPUT") return;
  if (!$("pause").hidden && event.key === "Enter") { event.preventDefault(); draw(); return; }
  if ($("work").hidden) return;
  const number = Number(event.key);
  const keys = { Enter: next, n: next, s: skip, b: back, ArrowLeft: back, r: reveal, x: save_file };
  if (number >= 1 && number <= audit.categories.length) toggle(audit.categories[number - 1]);
  else if (event.key in keys && !(event.key === "Enter" && event.target.tagName === "BUTTON")) keys[event.key]();
  else return;
  event.preventDefault();
}

audit.categories.forEach((name, k) => $(`label-${k}`).addEventListener("click", () => toggle(name)));
$("form").addEventListener("submit", start);
$("next").addEventListener("click", next);
$("skip").addEventListener("click", skip);
$("back").addEventListener("click", back);
$("reveal").addEventListener("click", reveal);
$("on").addEventListener("click", draw);
for (const id of ["export", "export-done"]) $(id).addEventListener("click", save_file);
$("import").addEventListener("change", take);
document.addEventListener("keydown", pressed);
