// Times as the reader's clock shows them, and spans that keep counting. Without it, times are in UTC.

const TICK_MS = 5000;

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

// The reader's clock may be wrong: use the server's time of the page, plus the time since it was rendered.
let renderedAt = Date.parse(document.getElementById("as-of").dateTime);
let openedAt = Date.now();

function tick(root = document) {
  const now = renderedAt + (Date.now() - openedAt);
  for (const time of root.querySelectorAll("time[data-words=ago], time[data-words=for]")) {
    const seconds = (now - Date.parse(time.dateTime)) / 1000;
    if (time.dataset.words === "for") time.textContent = duration(Math.max(seconds, 0));
    else if (seconds >= 5) time.textContent = `${duration(seconds)} ago`;
  }
}

function localClock(moment, now) {
  const parts = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  if (moment.toDateString() !== now.toDateString()) Object.assign(parts, { day: "numeric", month: "short" });
  if (moment.getFullYear() !== now.getFullYear()) parts.year = "numeric";
  return new Intl.DateTimeFormat(undefined, parts).format(moment);
}

// Local time, with UTC beside it where there is room.
function localize(root) {
  const now = new Date(renderedAt);
  for (const time of root.querySelectorAll("time[title]")) {
    const moment = new Date(time.dateTime);
    if (moment.getTimezoneOffset() === 0) continue;
    time.title = `${moment.toLocaleString()} local time, ${time.title}`;
    if (time.dataset.words !== "clock") continue;
    const narrow = time.closest(".row, .story, td");
    time.textContent = localClock(moment, now) + (narrow ? "" : ` (${time.textContent})`);
  }
}

// A page that live.js has fetched: its times are made ready before it is shown.
document.addEventListener("page:fetched", ({ detail: page }) => {
  renderedAt = Date.parse(page.getElementById("as-of").dateTime);
  openedAt = Date.now();
  localize(page);
  tick(page);
});
localize(document);
setInterval(() => tick(), TICK_MS);
