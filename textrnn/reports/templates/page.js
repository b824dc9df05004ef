"use strict";
// Sorts tables, and shows the texts of the cells of a matrix. Texts are set as text, never as HTML.
(() => {
  const browse = document.getElementById("browse");
  const { labels, texts } = JSON.parse(document.getElementById("texts").textContent);
  const form = browse.querySelector("form");
  const list = browse.querySelector("ol");
  const more = browse.querySelector(".more");
  const AT_ONCE = 30;
  let matches = [];

  document.documentElement.classList.add("live");
  browse.hidden = false;
  for (const hint of document.querySelectorAll(".script")) hint.hidden = false;

  function element(name, content, look) {
    const made = document.createElement(name);
    made.textContent = content;
    if (look) made.className = look;
    return made;
  }

  function item([truth, predicted, probability, text]) {
    const made = element("li", "", truth === predicted ? "" : "wrong");
    const about = element("p", "", "labels");
    about.append(
      element("bdi", labels[truth], "true"), " → ", element("bdi", labels[predicted], "predicted"), " ",
      element("span", probability >= 0.9995 && probability < 1 ? "> 99.9 %" : (100 * probability).toFixed(1) + " %", "quiet"));
    const body = element("p", text || "(an empty text)", "text");
    body.dir = "auto";
    made.append(about, body);
    return made;
  }

  function isFiltered() {
    return !form.elements.errors.checked ||
      ["true", "predicted", "words"].some((name) => form.elements[name].value !== "");
  }

  function showMore() {
    const shown = list.children.length;
    list.append(...matches.slice(shown, shown + AT_ONCE).map(item));
    more.hidden = list.children.length >= matches.length;
  }

  // The probability orders errors from the surest, and right predictions, which come last, from the least sure.
  function before(a, b) {
    const wrong = (row) => row[0] !== row[1];
    if (wrong(a) !== wrong(b)) return wrong(a) ? -1 : 1;
    return wrong(a) ? b[2] - a[2] : a[2] - b[2];
  }

  function search() {
    const truth = form.elements.true.value, predicted = form.elements.predicted.value;
    const words = form.elements.words.value.toLowerCase();
    const errors = form.elements.errors.checked;
    matches = texts.filter((row) =>
      (truth === "" || row[0] === Number(truth)) &&
      (predicted === "" || row[1] === Number(predicted)) &&
      (!errors || row[0] !== row[1]) &&
      row[3].toLowerCase().includes(words)).sort(before);
    const number = matches.length.toLocaleString("en");
    let sentence = `${number} of the ${texts.length.toLocaleString("en")} texts in this page`;
    const cell = truth !== "" && predicted !== "" && document.querySelector(
      `.matrix [data-true="${truth}"][data-predicted="${predicted}"]`);
    for (const chosen of document.querySelectorAll(".chosen")) chosen.classList.remove("chosen");
    if (cell) {
      cell.parentElement.classList.add("chosen");
      sentence = `${number} of the ${Number(cell.textContent).toLocaleString("en")} texts of this cell`;
    }
    list.replaceChildren();
    if (!isFiltered()) {
      sentence = "Click a number above, choose labels, or type words.";
      matches = [];
    }
    browse.querySelector(".count").textContent = sentence;
    showMore();
  }

  for (const name of ["true", "predicted"]) {
    for (const [number, label] of labels.entries()) {
      const option = element("option", label.length > 60 ? label.slice(0, 59) + "…" : label);
      option.value = number;
      form.elements[name].append(option);
    }
  }
  form.addEventListener("input", search);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(search));
  more.addEventListener("click", showMore);

  document.addEventListener("click", (event) => {
    const cell = event.target.closest("[data-true]");
    if (!cell) return;
    form.elements.true.value = cell.dataset.true;
    form.elements.predicted.value = cell.dataset.predicted;
    form.elements.errors.checked = cell.dataset.true !== cell.dataset.predicted;
    form.elements.words.value = "";
    search();
    browse.scrollIntoView({ block: "start" });
  });

  function sortBy(heading) {
    const body = heading.closest("table").tBodies[0];
    const column = heading.cellIndex;
    const isName = !heading.classList.contains("number");
    const was = heading.getAttribute("aria-sort");
    const direction = was ? (was === "ascending" ? "descending" : "ascending") : isName ? "ascending" : "descending";
    for (const other of heading.parentElement.cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", direction);
    const sign = direction === "ascending" ? 1 : -1;
    const value = (row) => row.cells[column].dataset.value;
    const compare = (a, b) => isName ? value(a).localeCompare(value(b)) : value(a) - value(b);
    body.append(...[...body.rows].sort((a, b) => sign * compare(a, b)));
  }

  for (const heading of document.querySelectorAll(".sortable .sort")) {
    heading.setAttribute("role", "button");
    heading.tabIndex = 0;
    heading.addEventListener("click", () => sortBy(heading.parentElement));
    heading.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      sortBy(heading.parentElement);
    });
  }
  search();
})();
