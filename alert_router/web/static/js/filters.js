// The list's filters: suggestions while typing, and a span of time chosen on the histogram.

const PAUSE_MS = 150;
let timer = 0;

async function suggest(field) {
  const text = field.value;
  const answer = await fetch(`/alerts/suggestions?${new URLSearchParams({ match: text })}`);
  if (!answer.ok || field.value !== text) return;
  const options = (await answer.json()).map((value) => Object.assign(document.createElement("option"), { value }));
  field.list.replaceChildren(...options);
}

document.addEventListener("input", ({ target }) => {
  if (target.id !== "match") return;
  clearTimeout(timer);
  timer = setTimeout(() => suggest(target).catch(() => {}), PAUSE_MS);
});

// Drag over the bars to choose from when to when.
class Choice {
  constructor(figure, event) {
    this.figure = figure;
    this.svg = figure.querySelector("svg");
    this.from = this.to = this.share(event);
    this.mark = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    this.mark.setAttribute("class", "chosen");
    this.mark.setAttribute("height", "100");
    this.svg.append(this.mark);
    figure.dataset.touched = "yes"; // live.js leaves it alone
  }

  share({ clientX }) {
    const { left, width } = this.svg.getBoundingClientRect();
    return Math.min(Math.max((clientX - left) / width, 0), 1);
  }

  move(event) {
    this.to = this.share(event);
    const width = this.svg.viewBox.baseVal.width;
    this.mark.setAttribute("x", String(Math.min(this.from, this.to) * width));
    this.mark.setAttribute("width", String(Math.abs(this.to - this.from) * width));
  }

  moment(share) {
    const { since, until } = this.figure.dataset;
    const [start, end] = [Date.parse(since), Date.parse(until)];
    return new Date(Math.round((start + share * (end - start)) / 60000) * 60000).toISOString().replace(".000", "");
  }

  end() {
    this.mark.remove();
    delete this.figure.dataset.touched;
    if (Math.abs(this.to - this.from) < 0.01) return;
    const url = new URL(location.href);
    url.searchParams.delete("cursor");
    url.searchParams.set("since", this.moment(Math.min(this.from, this.to)));
    url.searchParams.set("until", this.moment(Math.max(this.from, this.to)));
    location.assign(url);
  }
}

function offerDragging() {
  for (const figure of document.querySelectorAll(".histogram:not(.can-drag)")) {
    let choice = null;
    figure.classList.add("can-drag");
    const hint = figure.querySelector(".hint");
    if (hint) hint.textContent = "drag to choose a time";
    figure.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      event.preventDefault();
      figure.setPointerCapture(event.pointerId);
      choice = new Choice(figure, event);
    });
    figure.addEventListener("pointermove", (event) => choice?.move(event));
    for (const type of ["pointerup", "pointercancel"]) {
      figure.addEventListener(type, () => {
        choice?.end();
        choice = null;
      });
    }
  }
}

offerDragging();
document.addEventListener("page:shown", offerDragging);
