// Progressive enhancement: relative times that keep counting, an auto-reload button, copy buttons.
"use strict";

const TICK_MS = 5000;
const RELOAD_MS = 15000;
const MEMORY = "alert-router.reload";

// The same format as alert_router.discord.markdown.duration.
function duration(seconds) {
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const days = Math.floor(hours / 24);
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (!hours) return `${minutes} min`;
  if (!days) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  return hours % 24 ? `${days} d ${hours % 24} h` : `${days} d`;
}

// The reader's clock may be wrong: use the server's time of the page, plus the time since it was opened.
const renderedAt = Date.parse(document.querySelector("footer time").dateTime);
const openedAt = Date.now();

function tick() {
  const now = renderedAt + (Date.now() - openedAt);
  for (const time of document.querySelectorAll("time[data-words]")) {
    const seconds = (now - Date.parse(time.dateTime)) / 1000;
    if (time.dataset.words === "for") time.textContent = duration(Math.max(seconds, 0));
    else if (seconds >= 5) time.textContent = `${duration(seconds)} ago`;
  }
}

function nameLocalTimes() {
  for (const time of document.querySelectorAll("time[title]")) {
    const here = new Date(time.dateTime).toLocaleString();
    time.title = `${time.title}\n${here} local time`;
  }
}

function remembered() {
  try {
    return localStorage.getItem(MEMORY) === "on";
  } catch {
    return false; // storage is disabled
  }
}

function remember(on) {
  try {
    localStorage.setItem(MEMORY, on ? "on" : "off");
  } catch {
    // then the setting lasts as long as the page
  }
}

function offerReload(place) {
  const button = document.createElement("button");
  let on = remembered();
  const show = () => {
    button.setAttribute("aria-pressed", String(on));
    button.textContent = on ? "Auto-reload on" : "Auto-reload off";
  };
  button.type = "button";
  button.addEventListener("click", () => {
    on = !on;
    remember(on);
    show();
  });
  show();
  place.append(button);
  setInterval(() => {
    // Do not discard a form or a selection that is in use.
    const busy = document.activeElement.matches("input, select") || !document.getSelection().isCollapsed;
    if (on && !busy && !document.hidden) location.reload();
  }, RELOAD_MS);
}

function offerCopy(snippet) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(snippet.querySelector("code").textContent);
    button.textContent = "Copied";
  });
  snippet.append(button);
}

nameLocalTimes();
setInterval(tick, TICK_MS);
const live = document.querySelector("#live[data-refresh]");
if (live) offerReload(live);
// Browsers allow the clipboard on https and localhost only.
if (navigator.clipboard) document.querySelectorAll("pre.copy").forEach(offerCopy);
