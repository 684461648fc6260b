"use strict";
(() => {
  const tip = document.getElementById("tip");
  const all = (selector, root = document) => Array.from(root.querySelectorAll(selector));

  // Light and dark: the system's choice until the button is pressed.
  const root = document.documentElement;
  document.getElementById("theme").addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });

  // Alternatives of a figure.
  for (const input of all(".choices input")) {
    input.addEventListener("change", () => {
      for (const part of all(".choice", input.closest("figure"))) part.hidden = part.dataset.choice !== `${input.name}-${input.value}`;
    });
  }

  // The note beside a mark.
  const show = (text, x, y) => {
    tip.textContent = text;
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(6, Math.min(x + 14, innerWidth - box.width - 6))}px`;
    tip.style.top = `${y + 18 + box.height > innerHeight ? y - box.height - 12 : y + 18}px`;
  };
  const middle = (mark) => {
    const box = mark.getBoundingClientRect();
    return [box.left + box.width / 2, box.top + box.height / 2];
  };
  const hide = () => {
    tip.hidden = true;
    for (const lit of all(".lit")) lit.classList.remove("lit");
    for (const figure of all(".faded, .reading")) figure.classList.remove("faded", "reading");
  };

  // A finger that is lifted leaves the note where it is, until the next tap elsewhere.
  const leave = (event) => { if (event.pointerType !== "touch") hide(); };
  addEventListener("pointerdown", (event) => { if (!event.target.closest(".strip, .marks > *")) hide(); });

  // Marks: one of each picture is in the tab order, arrow keys go on to the others.
  const light = (mark) => {
    const key = mark.classList.contains("hub") ? "h" : mark.classList.contains("demand") ? "n" : "";
    if (!key) return;
    const picture = mark.ownerSVGElement;
    const flows = all(`.flow[data-${key}="${mark.dataset[key]}"]`, picture);
    for (const flow of flows) flow.classList.add("lit");
    if (flows.length) picture.classList.add("faded");
  };
  for (const picture of all("svg.map, svg.chart, .bars")) {
    const marks = all(".marks > [aria-label]", picture);
    if (!marks.length) continue;
    const order = marks.filter((mark) => mark.classList.contains("hub")).reverse();
    order.push(...marks.filter((mark) => !mark.classList.contains("hub")));
    order[0].setAttribute("tabindex", "0");
    order.forEach((mark, i) => {
      const point = (event) => { hide(); light(mark); show(mark.getAttribute("aria-label"), event.clientX, event.clientY); };
      mark.addEventListener("pointerenter", point);
      mark.addEventListener("pointermove", point);
      mark.addEventListener("pointerleave", leave);
      mark.addEventListener("focus", () => { hide(); light(mark); show(mark.getAttribute("aria-label"), ...middle(mark)); });
      mark.addEventListener("blur", hide);
      mark.addEventListener("keydown", (event) => {
        const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
        if (event.key === "Escape") hide();
        if (!step) return;
        event.preventDefault();
        order[(i + step + order.length) % order.length].focus();
      });
    });
  }

  // Strips: one field with a reading for every hour.
  for (const strip of all(".strip")) {
    const picture = strip.ownerSVGElement;
    const labels = picture.dataset.labels.split("|");
    const texts = strip.dataset.texts.split("|");
    const cursor = picture.querySelector(".cursor");
    const siblings = all(".strip", picture);
    let at = 0;
    const read = (i, y) => {
      at = Math.max(0, Math.min(texts.length - 1, i));
      const box = strip.getBoundingClientRect();
      const x = Number(strip.getAttribute("x")) + ((at + 0.5) * Number(strip.getAttribute("width"))) / texts.length;
      cursor.setAttribute("transform", `translate(${x},0)`);
      picture.classList.add("reading");
      picture.dataset.at = at;
      show(`${strip.getAttribute("aria-label")}, ${labels[at]}: ${texts[at]}`, box.left + ((at + 0.5) * box.width) / texts.length, y ?? box.top + box.height / 2);
    };
    strip.addEventListener("pointermove", (event) => {
      const box = strip.getBoundingClientRect();
      read(Math.floor(((event.clientX - box.left) / box.width) * texts.length), event.clientY);
    });
    strip.addEventListener("pointerleave", leave);
    strip.addEventListener("focus", () => read(Number(picture.dataset.at || 0)));
    strip.addEventListener("blur", hide);
    strip.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1, Home: -texts.length, End: texts.length }[event.key];
      const other = siblings[siblings.indexOf(strip) + ({ ArrowDown: 1, ArrowUp: -1 }[event.key] || 0)];
      if (event.key === "Escape") hide();
      if (!step && (!other || other === strip)) return;
      event.preventDefault();
      if (step) read(at + step);
      else other.focus();
    });
  }

  // Tables: sorting by a column, and CSV.
  const value = (cell) => (cell.dataset.v !== undefined ? Number(cell.dataset.v) : cell.classList.contains("n") ? null : cell.textContent);
  const order = (a, b) => {
    if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
    return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), undefined, { numeric: true });
  };
  for (const button of all(".sort")) {
    button.addEventListener("click", () => {
      const head = button.closest("th");
      const column = head.cellIndex;
      const down = head.getAttribute("aria-sort") === "ascending" || (!head.hasAttribute("aria-sort") && head.classList.contains("n"));
      for (const other of head.parentElement.children) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const body = head.closest("table").tBodies[0];
      const rows = Array.from(body.rows).map((row) => [value(row.cells[column]), row]);
      rows.sort(([a], [b]) => (a === null || b === null ? order(a, b) : down ? order(b, a) : order(a, b)));
      body.append(...rows.map(([, row]) => row));
    });
  }
  const field = (given) => {
    if (given === null || given === undefined) return "";
    if (typeof given === "number") return String(given);
    const text = /^ *[=+\-@\t\r]/.test(given) ? `'${given}` : given; // a spreadsheet would run it as a formula
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  for (const button of all(".csv")) {
    button.addEventListener("click", () => {
      const table = document.getElementById(`table-${button.dataset.name}`);
      const rest = document.getElementById(`rest-${button.dataset.name}`);
      const head = Array.from(table.tHead.rows[0].cells, (cell) => cell.textContent.trim());
      const rows = Array.from(table.tBodies[0].rows, (row) => Array.from(row.cells, value));
      if (rest) rows.push(...JSON.parse(rest.textContent));
      const text = [head, ...rows].map((row) => row.map(field).join(",")).join("\r\n");
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob(["\ufeff", text, "\r\n"], { type: "text/csv;charset=utf-8" }));
      link.download = `${button.dataset.name}.csv`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    });
  }

  // On paper everything is open.
  addEventListener("beforeprint", () => { for (const part of all("details")) part.open = part.querySelectorAll("tr").length < 60; });
})();
