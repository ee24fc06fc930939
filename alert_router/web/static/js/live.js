// Keeps a page up to date: the router says that something changed, the page is fetched and what differs is
// put in its place. Focus, scroll position, open details and fields in use stay as they are.

const QUIET_MS = 400; // changes come in bursts
const BUSY_MS = 3000;

const place = document.getElementById("live");
let fetching = false;
let timer = 0;

function say(state, words) {
  place.dataset.state = state;
  place.textContent = words;
}

function alike(node, wanted) {
  return node.nodeType === wanted.nodeType && node.nodeName === wanted.nodeName && !node.id && !wanted.id;
}

function morphAttributes(node, wanted) {
  for (const { name } of [...node.attributes]) {
    if (!wanted.hasAttribute(name) && name !== "open") node.removeAttribute(name);
  }
  for (const { name, value } of wanted.attributes) {
    if (node.getAttribute(name) !== value && name !== "open") node.setAttribute(name, value);
  }
}

function morphChildren(node, wanted) {
  const known = new Map([...node.children].filter((child) => child.id).map((child) => [child.id, child]));
  let next = node.firstChild;
  for (const child of [...wanted.childNodes]) {
    const kept = child.id ? known.get(child.id) : undefined;
    if (kept) {
      if (kept === next) next = next.nextSibling;
      else node.insertBefore(kept, next);
      morph(kept, child);
    } else if (next && alike(next, child)) {
      const same = next;
      next = next.nextSibling;
      morph(same, child);
    } else node.insertBefore(child, next);
  }
  while (next) {
    const gone = next;
    next = next.nextSibling;
    gone.remove();
  }
}

function morph(node, wanted) {
  if (node.isEqualNode(wanted)) return;
  if (node.nodeType !== Node.ELEMENT_NODE) node.data = wanted.data;
  else if (!isInUse(node)) {
    morphAttributes(node, wanted);
    morphChildren(node, wanted);
  }
}

// What the reader types into or draws on.
function isInUse(node) {
  if (!node.matches("form, figure, .head")) return false;
  const field = document.activeElement.matches("input, select, textarea") ? document.activeElement : null;
  return node.contains(field) || node.matches("[data-touched]") || node.querySelector("[data-touched]") !== null;
}

function show(page) {
  const focused = document.activeElement;
  document.dispatchEvent(new CustomEvent("page:fetched", { detail: page }));
  document.title = page.title;
  for (const id of ["main", "as-of"]) morph(document.getElementById(id), page.getElementById(id));
  if (focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
  document.dispatchEvent(new CustomEvent("page:shown"));
}

async function refresh() {
  const busy = document.hidden || fetching || !document.getSelection().isCollapsed;
  if (busy) return later(BUSY_MS);
  fetching = true;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (answer.ok) show(new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch {
    later(BUSY_MS); // the router is away; the stream says when it is back
  } finally {
    fetching = false;
  }
}

function later(ms) {
  clearTimeout(timer);
  timer = setTimeout(refresh, ms);
}

function follow() {
  const asOf = encodeURIComponent(document.getElementById("as-of").dateTime);
  const stream = new EventSource(`/live?since=${asOf}`);
  stream.addEventListener("open", () => say("on", "Live"));
  stream.addEventListener("change", () => later(QUIET_MS));
  stream.addEventListener("error", () => {
    // A refused stream stays closed: too many people look. The page is then as it was loaded.
    if (stream.readyState === EventSource.CLOSED) say("off", "Not live");
    else say("away", "Reconnecting");
  });
  addEventListener("pagehide", () => stream.close());
}

document.addEventListener("submit", ({ target }) => delete target.dataset.touched);
document.addEventListener("input", ({ target }) => {
  if (target.form) target.form.dataset.touched = "yes";
});
if (document.body.hasAttribute("data-live")) follow();
