"use strict";
// What the script adds: sliders on charts, pages that renew themselves, replays that run on, keys.
(() => {
  const every = 5000, slowest = 60000;
  const policy = window.trustedTypes
    ? window.trustedTypes.createPolicy("eps", { createHTML: (text) => text })
    : { createHTML: (text) => text };

  function readable(chart) {
    const rows = [...chart.querySelectorAll("tbody tr")].reverse();
    const names = [...chart.querySelectorAll("thead th")].slice(1).map((it) => it.textContent);
    if (rows.length < 2) return;
    const said = rows.map((row) => {
      const values = [...row.querySelectorAll("td")].map((it, at) => `${names[at]}: ${it.textContent}`);
      return `${row.querySelector("th").textContent} – ${values.join(", ")}`;
    });
    const slider = document.createElement("input");
    const told = document.createElement("p");
    slider.type = "range";
    slider.max = String(rows.length - 1);
    slider.value = slider.max;
    slider.className = "slider";
    slider.setAttribute("aria-label", chart.querySelector("figcaption").textContent);
    const tell = () => {
      told.textContent = said[slider.value];
      slider.setAttribute("aria-valuetext", said[slider.value]);
    };
    slider.addEventListener("input", tell);
    tell();
    chart.querySelector(".plot").after(slider, told);
  }

  function renewing(live) {
    const body = document.body.dataset, place = document.getElementById("renew");
    const pause = document.createElement("button"), stale = document.createElement("p");
    let busy = false, timer = 0, wait = every, paused = false, last = new Date();
    stale.setAttribute("role", "status");
    pause.type = "button";
    const later = () => {
      clearTimeout(timer);
      if (!paused && !document.hidden) timer = setTimeout(renew, wait);
    };
    const title = document.title;
    const mark = () => {
      const failing = live.querySelector(".verdict.failing") !== null;
      document.title = failing || stale.textContent ? `✗ ${title}` : title;
    };
    async function renew() {
      if (busy) return;
      busy = true;
      try {
        const answer = await fetch(live.dataset.renew, {
          headers: { Accept: "text/html" }, signal: AbortSignal.timeout(10000),
        });
        if (!answer.ok) throw new Error(String(answer.status));
        const page = new DOMParser().parseFromString(policy.createHTML(await answer.text()), "text/html");
        const next = page.getElementById("live");
        if (!live.contains(document.activeElement)) {
          const opened = [...live.querySelectorAll("details")].map((it) => it.open);
          live.replaceChildren(...next.childNodes);
          live.querySelectorAll("details").forEach((it, at) => { it.open = opened[at] || false; });
          live.querySelectorAll(".chart").forEach(readable);
        }
        last = new Date();
        wait = every;
        stale.textContent = "";
        stale.className = "";
      } catch {
        wait = Math.min(2 * wait, slowest);
        stale.textContent = `✗ ${body.stale.replace("{moment}", last.toISOString().slice(0, 19).replace("T", " ") + " UTC")}`;
        stale.className = "notice failing";
      }
      busy = false;
      mark();
      later();
    }
    pause.textContent = body.pause;
    pause.addEventListener("click", () => {
      paused = !paused;
      pause.textContent = paused ? body.goOn : body.pause;
      if (!paused) renew(); else clearTimeout(timer);
    });
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) clearTimeout(timer); else if (!paused) renew();
    });
    place.replaceChildren(pause);
    place.after(stale);
    mark();
    later();
  }

  // A replay of many pages: one after the other, until there are no more or somebody stops it.
  async function running(section) {
    const waiting = () => section.querySelector("form[data-auto]");
    if (!waiting()) return;
    const stop = document.createElement("button"), said = document.createElement("p");
    let stopped = false;
    stop.type = "button";
    stop.textContent = section.dataset.stop;
    stop.addEventListener("click", () => { stopped = true; });
    said.setAttribute("role", "alert");
    section.after(stop, said);
    section.classList.add("running");
    try {
      while (waiting() && !stopped) {
        const answer = await fetch(waiting().action, { method: "POST", headers: { Accept: "text/html" } });
        if (!answer.ok) throw new Error(String(answer.status));
        const page = new DOMParser().parseFromString(policy.createHTML(await answer.text()), "text/html");
        section.replaceChildren(...page.getElementById("replay").childNodes);
      }
    } catch {
      said.textContent = `✗ ${section.dataset.broken}`;
      said.className = "notice failing";
    }
    section.classList.remove("running");
    stop.remove();
  }

  // Keys follow the links that name them; a letter of another alphabet counts by its place.
  function keys(list) {
    const on = list.querySelector("input");
    const remembered = (work) => { try { return work(localStorage); } catch { return null; } };
    on.checked = remembered((store) => store.getItem("eps-keys")) !== "off";
    on.addEventListener("change", () => {
      remembered((store) => store.setItem("eps-keys", on.checked ? "on" : "off"));
    });
    list.hidden = false;
    document.addEventListener("keydown", (event) => {
      if (!on.checked || event.ctrlKey || event.altKey || event.metaKey) return;
      if (event.target.closest("input, select, textarea, .wide")) return;
      const isChar = event.key.length === 1, isForeign = isChar && event.key > "~";
      let key = isChar ? event.key.toLowerCase() : event.key;
      if (isForeign && event.code.startsWith("Key")) key = event.code.slice(3).toLowerCase();
      const link = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
      const field = key === "/" ? document.querySelector("main input[name=id]") : null;
      if (key === "?") {
        list.open = !list.open;
        list.querySelector("summary").focus();
      } else if (field) field.focus();
      else if (link) link.click();
      else return;
      event.preventDefault();
    });
  }

  keys(document.getElementById("keys"));
  document.querySelectorAll(".chart").forEach(readable);
  const replay = document.getElementById("replay");
  if (replay) running(replay);
  const live = document.getElementById("live");
  if (live) renewing(live);
})();
