"use strict";
for (const box of document.querySelectorAll(".try")) {
  const form = box.querySelector("form");
  const field = (name) => form.elements.namedItem(name);
  const answer = form.querySelector("output");
  const show = (text) => { answer.textContent = text; };
  box.hidden = false;
  field("example")?.addEventListener("change", (event) => {
    field("body").value = event.target.value;
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    let path = form.dataset.path;
    const query = new URLSearchParams();
    for (const given of form.querySelectorAll("[data-in]")) {
      if (given.dataset.in === "path") path = path.replace(`{${given.name}}`, encodeURIComponent(given.value));
      else if (given.value) query.append(given.name, given.value);
    }
    const headers = {};
    if (field("key")?.value) headers.Authorization = `Bearer ${field("key").value}`;
    if (field("body")) headers["Content-Type"] = field("example").selectedOptions[0].dataset.type;
    show("Waiting for the answer.");
    try {
      // Relative to this page, as a proxy may have put a prefix before the path.
      const response = await fetch(`.${path}${query.size ? `?${query}` : ""}`, {
        method: form.dataset.method, headers, body: field("body")?.value,
      });
      const text = await response.text();
      const type = response.headers.get("content-type") ?? "";
      const pretty = /json/.test(type) && text ? JSON.stringify(JSON.parse(text), null, 2) : text;
      show(`${response.status} ${response.statusText}\n${pretty}`);
    } catch (error) {
      show(`There was no answer: ${error.message}`);
    }
  });
}
