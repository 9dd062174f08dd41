"use strict";
(() => {
  const root = document.documentElement;
  const main = document.querySelector("main");
  const all = (selector, from = main) => [...from.querySelectorAll(selector)];
  const openTo = (node) => {
    for (let part = node; part; part = part.parentElement) if (part.tagName === "DETAILS") part.open = true;
  };

  // A link into a folded part unfolds it.
  const follow = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    openTo(target);
    target.scrollIntoView();
  };
  addEventListener("hashchange", follow);
  follow();

  // On a small screen the contents would fill the first view.
  if (matchMedia("(max-width: 63.99rem)").matches) document.querySelector("nav details").open = false;

  const unfold = document.getElementById("unfold");
  unfold.addEventListener("click", () => {
    const open = unfold.getAttribute("aria-pressed") !== "true";
    unfold.setAttribute("aria-pressed", open);
    for (const part of all("details")) part.open = open;
  });
  addEventListener("beforeprint", () => all("details").forEach((part) => (part.open = true)));

  const language = document.getElementById("language");
  language?.addEventListener("click", () => {
    const next = root.dataset.language === "en" ? "zh" : "en";
    root.dataset.language = root.lang = next;
    language.lang = next === "en" ? "zh" : "en";
    language.textContent = next === "en" ? "中文" : "English";
  });

  // Search: only rows, lines and paragraphs with every word of the query stay, and what folds them opens.
  const search = document.getElementById("search");
  const matches = document.getElementById("matches");
  const units = "tbody tr, li, p, figure, pre, dl > div";
  const find = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    all(".unmatched").forEach((node) => node.classList.remove("unmatched"));
    matches.textContent = "";
    if (!words.length) return;
    for (const unit of all(units)) {
      const text = unit.textContent.toLowerCase();
      const hit = words.every((word) => text.includes(word));
      unit.classList.toggle("unmatched", !hit);
      if (hit) {
        count += 1;
        openTo(unit);
      }
    }
    for (const part of all("section, details, .scroll")) {
      const rest = all(units, part).some((unit) => !unit.classList.contains("unmatched"));
      part.classList.toggle("unmatched", !rest);
    }
    matches.textContent = String(count);
  };
  search.addEventListener("input", find);
  search.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    search.value = "";
    find();
  });

  // Tables sort by a column: as numbers where both cells begin with one.
  const number = (text) => parseFloat(text.replace(/^[^\d.+-]+/, ""));
  const order = (a, b) => {
    const [x, y] = [number(a), number(b)];
    if (!isNaN(x) && !isNaN(y) && x !== y) return x - y;
    return a.localeCompare(b, undefined, { numeric: true });
  };
  for (const table of all("table")) {
    const heads = all("thead th", table);
    for (const head of heads) {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const descending = head.getAttribute("aria-sort") === "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", descending ? "descending" : "ascending");
        const body = table.tBodies[0];
        const text = (row) => row.cells[head.cellIndex].textContent.trim();
        const rows = [...body.rows].sort((a, b) => order(text(a), text(b)));
        body.append(...(descending ? rows.reverse() : rows));
      });
    }
  }
})();
