// One article: its labels and claims beside its text, whose sentences are marked in reading order.

const LABELS_AND_BACKGROUND = [...NAMES.labels.keys(), BACKGROUND];

// The labels of a sentence as numbers, [BACKGROUND] or [SILENT]; null where nobody judged it.
function labelsOf(marks, n) {
  const mask = marks[n * (1 + BACKGROUND)];
  if (mask === undefined) return null;
  if (mask === SILENT) return [SILENT];
  const given = [...NAMES.labels.keys()].filter(label => mask >> label & 1);
  return given.length ? given : [BACKGROUND];
}
const chancesOf = (marks, n) => marks.slice(n * (1 + BACKGROUND) + 1, (n + 1) * (1 + BACKGROUND));

// The sentences that bear on a claim: the evidence for the article's stance, and what was judged by itself. Their
// numbers, each with its own stance and the probabilities where it has them.
function bearing(article, [claim, , evidence, judged]) {
  const own = new Map(judged.map(([n, stance, chances]) => [n, { stance, chances }]));
  const shown = article.stances.get(claim) === NAMES.unrelated ? [] : evidence.map(n => [n, own.get(n) || {}]);
  const others = [...own].filter(([n, { stance }]) => stance !== NAMES.unrelated && !evidence.includes(n));
  return new Map([...shown, ...others].sort(([a], [b]) => a - b));
}
// The claims that a sentence bears on, as [claim, its own stance].
const claimsOf = (article, n) => article.body[2]
  .map(one => [one[0], bearing(article, one).get(n)]).filter(([, own]) => own);

// The parts of an article's page. Printed ones have no controls and no ids.
function readingView(article, onPaper = false) {
  const [pieces, marks, stances] = article.body;
  const sentence = n => sentenceView(article, n, onPaper);
  // The headline is shown once: as the heading, where it is the first sentence of the text, too.
  const headed = pieces.length > 2 && !pieces[0].trim() && pieces[1].trim() === article.title.trim()
    && /^([^\S\n]*\n|$)/.test(pieces[2]);
  const heading = make("h1", { tabindex: onPaper ? null : -1, dir: "auto" }, headed ? sentence(0) : bdi(article.title));
  const text = make("div", { class: "text" }, ...paragraphs(pieces, headed ? 1 : 0, sentence));
  const aside = make("aside", { "aria-label": "labels and claims" },
    make("section", { class: "labels-part" }, ...labelsView(article, marks, onPaper)),
    make("section", { class: "claims-part" }, ...claimsView(article, stances, pieces, onPaper)));
  const tip = make("div", { class: "tip", id: "tip", role: "tooltip", hidden: "" });
  const first = [...heading.querySelectorAll(".s"), ...text.querySelectorAll(".s")];
  if (!onPaper && first.length) (first.find(one => one.matches("mark")) || first[0]).tabIndex = 0;
  const head = make("header", {}, heading, factsView(article));
  return [head, make("div", { class: "columns" }, aside, text), ...onPaper ? [] : [tip]];
}

function factsView(article) {
  const facts = make("ul", { class: "facts" });
  const add = (...children) => facts.append(make("li", {}, ...children));
  add(article.outlet ? bdi(article.outlet) : "no outlet");
  const day = article.day !== null ? { datetime: article.shown } : {};
  add(article.published ? make("time", day, bdi(article.published)) : "no date");
  if (article.url) add(address(article.url));
  if (article.origin && article.origin !== article.url) add(address(article.origin));
  if (article.id !== article.title && !article.origin.endsWith(article.id)) add(hidden("article id "), bdi(article.id));
  const turns = article.body[0].join("").match(TURNS);
  if (turns) add(`${counted(turns.length, "invisible character")} in the text that can turn its direction`);
  return facts;
}

// Paragraphs: what blank lines part or, in a text without any, what line breaks part. Nothing is left out or changed.
function paragraphs(pieces, from, sentence) {
  const cut = pieces.some(piece => /\n[^\S\n]*\n/.test(piece)) ? /(\n[^\S\n]*\n\s*)/ : /(\n\s*)/;
  const found = [];
  let open = null;
  const add = node => {
    if (!open) found.push(open = make("p", { dir: "auto" }));
    open.append(node);
  };
  pieces.slice(2 * from).forEach((piece, i) => {
    if (i % 2) return add(sentence(from + (i - 1) / 2));
    piece.split(cut).forEach((part, j) => {
      if (j % 2) {
        found.push(part);
        open = null;
      } else if (part) add(part);
    });
  });
  return found;
}

function sentenceView(article, n, onPaper) {
  const [pieces, marks] = article.body;
  const labels = labelsOf(marks, n) || [BACKGROUND], chances = chancesOf(marks, n);
  const marked = labels[0] !== BACKGROUND;
  let inside = make("span", { class: "t" }, pieces[2 * n + 1]);
  if (marked) for (const label of labels) inside = make("span", { class: `line ${kindOf(label)}` }, inside);
  // Denial is the rarest and tells most, so it gives the ground of a sentence with two labels.
  const ground = marked ? kindOf(labels.at(-1) === 2 ? 2 : labels.includes(1) ? 1 : labels[0]) : "B";
  const attributes = { class: `s ${ground}`, tabindex: onPaper ? null : -1, "data-n": n + 1 };
  const element = make(marked ? "mark" : "span", attributes);
  if (marked) {
    const told = labels.map(label => label === SILENT ? "abstained" : `${labelName(label)} ${percent(chances[label])}`);
    element.append(make("span", { class: "badges" }, ...labels.map(badge), hidden(`${told.join(", ")}: `)));
  }
  element.append(inside);
  for (const [claim, { stance }] of claimsOf(article, n)) {
    const href = onPaper ? null : `#${article.number}.c${claim + 1}`;
    const sign = stance === undefined ? [hidden(" evidence on claim ")]
      : [make("span", { "aria-hidden": "true" }, `${SIGNS[stanceName(stance)]} `), hidden(` ${stanceName(stance)} claim `)];
    const children = [...sign, bdi(claimId(claim))];
    element.append(make(onPaper ? "span" : "a", { class: "ref", href }, ...children));
  }
  return element;
}

// Primary label and shares; the shares are the filters, too.
function labelsView(article, marks, onPaper) {
  const parts = article.primary === null ? [] : primaryView(article);
  if (!marks.length) return [...parts, dim("p", "No model judged the sentences.")];
  parts.push(make("h2", {}, "Sentences"));
  const numbers = [...Array(article.count).keys()].map(n => labelsOf(marks, n));
  const line = (label, part) => {
    const n = numbers.filter(labels => labels.includes(label)).length;
    const number = make("span", { class: "n dim" }, hidden(" of the sentences: "), String(n));
    const view = shareView(onPaper ? "div" : "button", label, part, share(part), number);
    const control = { type: "button", "aria-pressed": "false", "data-label": label, disabled: n ? null : "" };
    return onPaper ? view : setAll(view, control);
  };
  const lines = LABELS_AND_BACKGROUND.map(label => line(label, article.shares[label]));
  if (article.silent) lines.push(line(SILENT, article.silent / article.count));
  parts.push(make("div", { class: "shares", role: "group", "aria-label": "show only sentences with" }, ...lines));
  return onPaper ? parts : [...parts, ...stepsView(article, numbers.some(([label]) => label !== BACKGROUND))];
}

// A label with a part of 1, as a bar and as it is said.
function shareView(tag, label, part, said, ...more) {
  return make(tag, { class: "share" }, badge(label), make("span", { class: "name" }, labelName(label)),
    bar(kindOf(label), part), make("span", { class: "n" }, said), ...more);
}

function primaryView({ primary, chances, derived }) {
  const name = make("b", {}, labelName(primary)), p = percent(chances[primary]);
  const parts = [make("h2", {}, "Article"), make("p", { class: "primary" }, badge(primary), " ", name, " ", p)];
  parts.push(othersView("p", chances, primary, labelName));
  return derived ? [...parts, dim("p", "derived from headline and lead")] : parts;
}

// The probabilities of the labels that were not chosen.
function othersView(tag, chances, label, named) {
  const others = chances.map((p, i) => p === null || i === label ? "" : `${named(i)} ${percent(p)}`);
  return dim(tag, others.filter(Boolean).join(", "));
}

function stepsView(article, possible) {
  const off = possible ? null : "";
  const step = (way, text) => make("button", { type: "button", "data-step": way, disabled: off }, text);
  const key = ([does, ...keys]) => make("div", {},
    make("dt", {}, ...keys.flatMap(one => [make("kbd", {}, one), " "])), make("dd", {}, does));
  const keys = [["labelled sentences", "←", "→"], ["all sentences", "↑", "↓"], ["hide probabilities", "Esc"]];
  return [make("p", { class: "dim", id: "shown", role: "status" }, counted(article.count, "sentence")),
    make("p", { class: "steps" }, step(-1, "‹ previous"), " ", step(1, "next labelled ›")),
    make("dl", { class: "keys" }, ...keys.map(key))];
}

function claimsView(article, stances, pieces, onPaper) {
  const unrelated = ([claim]) => article.stances.get(claim) === NAMES.unrelated;
  const list = some => make("ul", { class: "claims" }, ...some.map(one => claimView(article, one, pieces, onPaper)));
  const related = stances.filter(one => !unrelated(one)), others = stances.filter(unrelated);
  const parts = stances.length ? [make("h2", {}, "Claims")] : [];
  if (related.length) parts.push(list(related));
  if (others.length) {
    parts.push(make("details", { open: onPaper || !related.length ? "" : null },
      make("summary", {}, `unrelated to ${counted(others.length, "claim")}`), list(others)));
  }
  return parts;
}

function claimView(article, one, pieces, onPaper) {
  const [claim, chances] = one, sentences = [...bearing(article, one)];
  const stance = article.stances.get(claim), others = othersView("span", chances, stance, stanceName);
  const item = make("li", { id: onPaper ? null : `claim-${claim + 1}`, tabindex: onPaper ? null : -1 },
    make("p", {}, make("span", { class: "ref" }, bdi(claimId(claim))), " ", bdi(claimText(claim))),
    make("p", {}, stanceView(stance), " ", percent(chances[stance]), " ", others));
  if (sentences.length) {
    const quoted = ([n, { stance, chances }]) => {
      const text = bdi(pieces[2 * n + 1]);
      const own = stance === undefined ? [] : [stanceView(stance), ` ${percent(chances[stance])} `];
      const quote = onPaper ? text : make("a", { href: `#${article.number}.${n + 1}` }, text);
      return make("li", { value: n + 1 }, ...own, quote);
    };
    item.append(make("ol", { class: "evidence", "aria-label": "evidence" }, ...sentences.map(quoted)));
  }
  return item;
}

const stanceView = stance => make("span", { class: "stance" },
  make("span", { "aria-hidden": "true" }, SIGNS[stanceName(stance)] + " "), stanceName(stance));

let visited = null;  // the sentence that was last in focus
const sentences = () => [...find("reading").querySelectorAll(".s")];
const labelled = one => one.matches("mark") && !one.matches(".off");

// The one sentence that the tabulator reaches is the one last visited.
function goTo(sentence) {
  if (!sentence) return;
  visited = sentence;
  for (const one of sentences()) one.tabIndex = one === sentence ? 0 : -1;
  sentence.focus({ preventScroll: true });
  const { top, bottom } = sentence.getBoundingClientRect();
  if (top < 60 || bottom > innerHeight - 130) sentence.scrollIntoView({ block: "center" });
  showTip(sentence);
}

function step(way, from, wanted = labelled) {
  const all = sentences(), at = all.indexOf(from);
  goTo(way > 0 ? all.find((one, i) => i > at && wanted(one)) : all.findLast((one, i) => i < at && wanted(one)));
}

function showTip(sentence) {
  const [, marks] = opened.body, n = sentence.dataset.n - 1, labels = labelsOf(marks, n), tip = find("tip");
  const stances = claimsOf(opened, n).filter(([, { stance }]) => stance !== undefined);
  if (!labels && !stances.length) return;
  const said = !labels ? "" : labels[0] === SILENT ? "abstained: too unsure" : labels.map(labelName).join(", ");
  const place = dim("span", hidden("sentence "), `${n + 1} of ${opened.count}`);
  const lines = chancesOf(marks, n).map((p, label) => p === null ? "" : shareView("div", label, p / 100, percent(p)));
  const toward = ([claim, { stance, chances }]) => make("p", {}, stanceView(stance), ` ${percent(chances[stance])} `,
    hidden("claim "), make("span", { class: "ref" }, bdi(claimId(claim))));
  tip.replaceChildren(make("p", {}, make("b", {}, said), " ", place), ...lines, ...stances.map(toward));
  tip.hidden = false;
  if (sentence === document.activeElement) sentence.setAttribute("aria-describedby", "tip");
  const rects = [...sentence.getClientRects()], frame = find("reading").getBoundingClientRect(), last = rects.at(-1);
  const below = last.bottom + tip.offsetHeight + 8 < innerHeight || rects[0].top < tip.offsetHeight + 60;
  const start = Math.min(below ? last.left : rects[0].left, frame.right - tip.offsetWidth);
  tip.style.left = `${Math.max(0, start - frame.left)}px`;
  tip.style.top = `${(below ? last.bottom + 4 : rects[0].top - tip.offsetHeight - 4) - frame.top}px`;
}
function hideTip() {
  if (find("tip")) find("tip").hidden = true;
  find("reading").querySelector("[aria-describedby=tip]")?.removeAttribute("aria-describedby");
}

// Dims, by colour only, what has none of the chosen labels.
function filterSentences() {
  const pressed = [...find("reading").querySelectorAll("button[aria-pressed=true]")];
  const chosen = pressed.map(button => Number(button.dataset.label));
  const [, marks] = opened.body;
  let n = 0;
  for (const one of sentences()) {
    const on = !chosen.length || labelsOf(marks, one.dataset.n - 1).some(label => chosen.includes(label));
    one.classList.toggle("off", !on);
    n += on;
  }
  const all = counted(opened.count, "sentence");
  find("shown").textContent = chosen.length ? `${n} of ${all} shown` : all;
}

function startReading() {
  const reading = find("reading"), sentenceAt = event => event.target.closest?.(".s");
  let leaving = 0;
  reading.addEventListener("focusin", event => {
    if (!event.target.matches(".s")) return;
    visited = event.target;
    showTip(visited);
  });
  reading.addEventListener("focusout", hideTip);
  reading.addEventListener("pointerover", event => {
    clearTimeout(leaving);
    if (sentenceAt(event)) showTip(sentenceAt(event));
  });
  reading.addEventListener("pointerout", () => {  // soon, but not before the pointer had time to reach the tip
    clearTimeout(leaving);
    leaving = setTimeout(() => document.activeElement.matches(".s") ? showTip(document.activeElement) : hideTip(), 150);
  });
  reading.addEventListener("click", event => {
    const button = event.target.closest("button");
    if (button?.dataset.label) {
      button.setAttribute("aria-pressed", button.getAttribute("aria-pressed") !== "true");
      filterSentences();
    } else if (button?.dataset.step) step(Number(button.dataset.step), visited);
    else if (sentenceAt(event) && !event.target.closest("a") && !String(getSelection())) goTo(sentenceAt(event));
  });
  reading.addEventListener("keydown", event => {
    if (event.key === "Escape") return hideTip();
    if (!event.target.matches(".s") || event.altKey || event.ctrlKey || event.metaKey) return;
    const way = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!way) return;
    event.preventDefault();
    step(way, event.target, event.key === "ArrowUp" || event.key === "ArrowDown" ? () => true : labelled);
  });
}
