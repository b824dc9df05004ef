"use strict";

const MOST_LABELS = 10;
const MOST_WORDS = 8;
const LEAST_SHOWN = 0.005; // it would be printed as 0.00

const element = (id) => document.getElementById(id);
const form = element("form");
const text = element("text");
const answer = element("answer");
let latest = 0; // so that a slow answer does not replace a newer one

/** A new element with a class and a text, which is never read as markup. */
function make(tag, name, content) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (content !== undefined) made.textContent = content;
  return made;
}

const signed = (value) => (value < 0 ? "−" : "+") + Math.abs(value).toFixed(2);

function showLabels(top) {
  const items = top.map(({ label, probability }) => {
    const item = make("li");
    const bar = make("div", "bar");
    const filled = make("span");
    filled.style.width = `${100 * probability}%`;
    bar.append(filled);
    item.append(make("bdi", "", label), make("span", "value", `${(100 * probability).toFixed(1)} %`), bar);
    return item;
  });
  element("labels").querySelector("ol").replaceChildren(...items);
}

/** Tokens that share characters become one piece. Positions count code points, not the halves that JavaScript counts. */
function pieces(words) {
  const found = [];
  for (const { start, end, contribution } of words) {
    const last = found[found.length - 1];
    if (last && start < last.end) {
      last.end = Math.max(last.end, end);
      last.value += contribution;
    } else {
      found.push({ start, end, value: contribution });
    }
  }
  return found;
}

function showText(sent, words) {
  const characters = Array.from(sent);
  const largest = Math.max(LEAST_SHOWN, ...words.map((word) => Math.abs(word.contribution)));
  const nodes = [];
  let at = 0;
  for (const { start, end, value } of pieces(words)) {
    nodes.push(characters.slice(at, start).join(""));
    const share = Math.min(1, Math.abs(value) / largest);
    const piece = make("span", share < 0.05 ? "" : value > 0 ? "for" : "against", characters.slice(start, end).join(""));
    piece.style.setProperty("--depth", share.toFixed(2));
    piece.title = signed(value);
    nodes.push(piece);
    at = end;
  }
  nodes.push(characters.slice(at).join(""));
  element("coloured").replaceChildren(...nodes);
}

function showWords(words) {
  const sums = new Map();
  for (const { token, contribution } of words) sums.set(token, (sums.get(token) || 0) + contribution);
  const strongest = [...sums].filter(([, value]) => Math.abs(value) >= LEAST_SHOWN);
  strongest.sort((a, b) => Math.abs(b[1]) - Math.abs(a[1]));
  for (const [id, sign] of [["for", 1], ["against", -1]]) {
    const items = strongest.filter(([, value]) => sign * value > 0).slice(0, MOST_WORDS).map(([token, value]) => {
      const item = make("li");
      item.append(make("bdi", "", token), make("span", "value", signed(value)));
      return item;
    });
    element(id).replaceChildren(...(items.length ? items : [make("li", "quiet", "none")]));
  }
}

function show(message, result, sent) {
  element("message").textContent = message;
  element("labels").hidden = element("words").hidden = !result;
  if (!result) return;
  showLabels(result.top);
  element("explained").textContent = result.label;
  showText(sent, result.words);
  showWords(result.words);
}

async function classify() {
  const sent = text.value;
  const number = ++latest;
  answer.setAttribute("aria-busy", "true");
  let message = "";
  let result = null;
  try {
    const response = await fetch("predict", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ text: sent, top_k: MOST_LABELS, explain: true }),
    });
    const found = await response.json();
    if (response.ok) result = found.results[0];
    else message = found.error;
  } catch {
    message = "The server does not answer.";
  }
  if (number !== latest) return;
  answer.setAttribute("aria-busy", "false");
  show(message, result, sent);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  classify();
});
text.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    form.requestSubmit();
  }
});
