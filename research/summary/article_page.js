"use strict";
// Texts, titles and claims are strangers': they are set as text, never as markup, and only http and https addresses
// become links. A text is parsed when its article is opened, not before.

const find = id => document.getElementById(id);
const NAMES = JSON.parse(find("names").textContent);
const BACKGROUND = NAMES.labels.length;  // the number of the label after the last
const SILENT = -1;
const KINDS = [...NAMES.letters, "B"];  // letter and class of a label
const SIGNS = { supports: "+", denies: "−", discusses: "~", unrelated: "·", abstained: "?" };
const TURNS = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;  // bidirectional controls
const NBSP = "\u00a0", DAY = 864e5;

const words = name => name.replaceAll("_", " ");
const labelName = label => label === SILENT ? "abstained" : words(NAMES.primary[label]);
const kindOf = label => label === SILENT ? "N" : KINDS[label];
const stanceName = stance => stance === SILENT ? "abstained" : words(NAMES.stances[stance]);
const counted = (n, one, many = one + "s") => `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
const share = value => `${Math.round(value * 100)}${NBSP}%`;
const percent = p => p === null || p === undefined ? "" : `${p <= 0 ? "<1" : p >= 100 ? ">99" : p}${NBSP}%`;
const claimId = claim => CLAIMS[claim]?.[0] ?? String(claim + 1);
const claimText = (claim, before = "") => CLAIMS[claim] ? before + CLAIMS[claim][1] : "";

function setAll(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) element.setAttribute(name, value);
  }
  return element;
}

function make(tag, attributes = {}, ...children) {
  const element = setAll(document.createElement(tag), attributes);
  element.append(...children.filter(child => child !== null && child !== undefined));
  return element;
}
const dim = (tag, ...children) => make(tag, { class: "dim" }, ...children);
const bdi = text => make("bdi", {}, text);
const hidden = text => make("span", { class: "sr" }, text);  // heard, not seen

// A letter stands for a label wherever there is colour; whoever hears the page gets the word that follows.
function badge(label) {
  const letter = label === SILENT ? "?" : kindOf(label);
  return make("span", { class: `badge ${kindOf(label)}`, "aria-hidden": "true" }, letter);
}

function bar(kind, part) {
  const inside = make("i", { class: kind });
  inside.style.width = `${Math.min(100, 100 * part)}%`;
  return make("span", { class: "bar", "aria-hidden": "true" }, inside);
}

// An address as a link; anything else, such as a path or javascript:, as text.
function address(text) {
  let safe = false;
  try {
    safe = /^https?:$/.test(new URL(text).protocol);
  } catch { /* no address */ }
  return safe ? make("a", { href: text, rel: "noopener noreferrer" }, bdi(text)) : bdi(text);
}

class Article {
  constructor(item, place) {
    this.data = item.querySelector("script").textContent;
    const row = JSON.parse(this.data.slice(0, this.data.indexOf("\n")));
    [this.id, this.outlet, this.published, this.origin, this.url, this.primary, this.chances, this.derived,
      this.shares, this.silent, this.count] = row;
    this.shares = this.shares.map(part => part / 10000);
    this.stances = new Map();  // number of a claim -> stance
    for (let i = 0; i < row[11].length; i += 2) this.stances.set(row[11][i], row[11][i + 1]);
    this.title = item.querySelector("bdi").textContent;
    this.number = place + 1;
    [this.day, this.shown] = dayOf((this.published || "").trim());
  }
  get body() {
    return this.parsed ??= JSON.parse(this.data.slice(this.data.indexOf("\n")));
  }
  get searched() {
    const fields = [this.title, this.outlet, this.origin, this.url, this.id, this.body[0].join("")];
    return this.lower ??= fields.filter(Boolean).join("\n").toLowerCase();
  }
}

// The day as milliseconds since 1970 in UTC, null where none can be read, and the date as the index shows it.
function dayOf(published) {
  const iso = /^(\d{4})-(0[1-9]|1[0-2])(?:-(0[1-9]|[12]\d|3[01]))?/.exec(published);
  if (iso) return [Date.UTC(iso[1], iso[2] - 1, iso[3] || 1), iso[0]];
  const time = /\d{4}/.test(published) ? Date.parse(`${published} UTC`) || Date.parse(published) : NaN;
  if (!Number.isFinite(time)) return [null, published];
  const day = Math.floor(time / DAY) * DAY;
  return [day, new Date(day).toISOString().slice(0, 10)];
}

// What the reader chose, where the browser lets a page keep it.
function theme(chosen) {
  try {
    if (chosen) localStorage.setItem("labelled-articles-theme", chosen);
    chosen ||= localStorage.getItem("labelled-articles-theme");
  } catch { /* a page from a file may have no storage */ }
  document.documentElement.dataset.theme = chosen || "auto";
  return chosen || "auto";
}
theme();
document.documentElement.classList.add("scripted");

const BROKEN = "This page breaks off: the command that wrote it was interrupted.";
let ARTICLES = [], CLAIMS = [];
let opened = null, left = 0;  // the article that is shown, and where the index was when it was opened

// "#3" is the third article, "#3.12" its twelfth sentence, "#3.c2" what it says of the second claim.
function route() {
  const [, number, sentence, claim] = /^#(\d+)(?:\.(\d+)|\.c(\d+))?$/.exec(location.hash) || [];
  if (!number && location.hash.length > 1) return;
  const article = ARTICLES[number - 1] || (ARTICLES.length === 1 ? ARTICLES[0] : null);
  const before = opened;
  if (article && article !== before) {
    if (!before) left = scrollY;
    find("reading").replaceChildren(...readingView(article));
    scrollTo(0, 0);
  }
  opened = article;
  find("reading").hidden = !article;
  find("index").hidden = Boolean(article);
  document.title = (article ? `${article.title.replace(TURNS, "")} · ` : "") + "Labelled articles";
  showPlaces(article);
  if (sentence) goTo(find("reading").querySelector(`[data-n="${sentence}"]`));
  else if (claim) find(`claim-${claim}`)?.focus();
  else if (article && article !== before && number) find("reading").querySelector("h1").focus({ preventScroll: true });
  else if (!article && before) {
    scrollTo(0, left);
    find("index").querySelector(`a[href="#${before.number}"]`)?.focus({ preventScroll: true });
  }
}

// Back to the index, and the articles before and after in its order.
function showPlaces(article) {
  find("places").hidden = !article || ARTICLES.length === 1;
  if (find("places").hidden) return find("places").replaceChildren();
  const order = chosenArticles(), at = order.indexOf(article);
  const step = (to, text, key) => to
    ? make("a", { href: `#${to.number}`, rel: key }, text) : dim("span", text);
  find("places").replaceChildren(
    make("a", { href: "#" }, "all articles"), step(order[at - 1], "previous", "prev"),
    dim("span", at < 0 ? "" : `${at + 1} of ${order.length}`), step(order[at + 1], "next", "next"));
}

// On paper: the article that is open, or the index with all that the filters leave and each of them in full.
function toPaper() {
  if (!ARTICLES.length) return;
  const articles = opened ? [opened] : chosenArticles();
  if (!opened) {
    showRows(articles);
    showOutlets(articles, true);
  }
  find("printed").replaceChildren(...articles.map(article => make("article", {}, ...readingView(article, true))));
}
function fromPaper() {
  find("printed").replaceChildren();
  if (!opened && ARTICLES.length > 1) showIndex();
}

document.addEventListener("DOMContentLoaded", () => {
  ARTICLES = [...find("plain").querySelectorAll("li")].map((item, i) => new Article(item, i));
  find("plain").remove();
  const end = find("end");  // written last
  CLAIMS = end ? JSON.parse(end.textContent).claims : [];
  const select = find("theme");
  select.value = document.documentElement.dataset.theme;
  select.addEventListener("change", () => theme(select.value));
  select.closest("label").hidden = false;
  document.querySelector(".skip").addEventListener("click", event => {
    event.preventDefault();  // the address stays that of the article
    find("main").focus();
  });
  if (!end) find("main").prepend(make("p", { class: "note", role: "alert" }, BROKEN));
  if (ARTICLES.length !== 1) startIndex();
  history.scrollRestoration = "manual";
  addEventListener("hashchange", route);
  addEventListener("click", event => {  // a link to where we are moves the focus again
    if (event.target.closest?.("a")?.getAttribute("href") === location.hash && location.hash) route();
  });
  addEventListener("beforeprint", toPaper);
  addEventListener("afterprint", fromPaper);
  startReading();
  route();
});
