// Keyboard: j and k walk through a list, Enter opens, / searches, ? lists the keys. They can be switched off:
// speech input types single letters (WCAG 2.1.4).

const MEMORY = "alert-router.keys";
const dialog = document.getElementById("keys");
const box = document.getElementById("keys-on");

function remembered() {
  try {
    return localStorage.getItem(MEMORY) !== "off";
  } catch {
    return true; // storage is disabled
  }
}

function remember() {
  try {
    localStorage.setItem(MEMORY, box.checked ? "on" : "off");
  } catch {
    // then it lasts as long as the page
  }
}

function walk(step) {
  const links = [...document.querySelectorAll(".row .name, .story h3 a")].filter((link) => link.checkVisibility());
  const at = links.findIndex((link) => link.closest("li").contains(document.activeElement));
  const next = at < 0 ? (step > 0 ? 0 : links.length - 1) : at + step;
  links[Math.min(Math.max(next, 0), links.length - 1)]?.focus();
}

function search() {
  const field = document.getElementById("q");
  if (!field) return location.assign("/alerts#q");
  field.closest("details")?.setAttribute("open", "");
  field.focus();
  field.select();
}

const ACTIONS = {
  j: () => walk(1),
  k: () => walk(-1),
  "/": search,
  "?": () => dialog.showModal(),
  a: () => document.getElementById("by")?.focus(),
  n: () => location.assign("/"),
  l: () => location.assign("/alerts"),
};

document.addEventListener("keydown", (event) => {
  const types = event.target.matches("input:not([type=checkbox]), select, textarea, [contenteditable]");
  const action = ACTIONS[event.key];
  if (!action || types || !box.checked || dialog.open || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  action();
});

const opener = document.getElementById("keys-open");
opener.hidden = false;
opener.addEventListener("click", () => dialog.showModal());
box.checked = remembered();
box.addEventListener("change", remember);
if (location.hash === "#q") search();
