// A button that copies a snippet. Browsers allow the clipboard on https and localhost only.

function offer(snippet) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(snippet.querySelector("code").textContent);
    button.textContent = "Copied";
  });
  snippet.append(button);
}

function offerAll() {
  for (const snippet of document.querySelectorAll("pre.copy:not(:has(button))")) offer(snippet);
}

if (navigator.clipboard) {
  offerAll();
  document.addEventListener("page:shown", offerAll);
}
