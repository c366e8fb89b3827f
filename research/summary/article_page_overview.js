// When and where the articles that the filters leave were published.

const OUTLETS = 6;  // the largest, until all are asked for
const BINS = 40;
let allOutlets = false;

// --- when ---------------------------------------------------------------------------------------------------------

const iso = (time, length) => new Date(time).toISOString().slice(0, length);
const year = time => new Date(time).getUTCFullYear();
const years = n => ({
  name: n === 1 ? "year" : `${n} years`, of: t => Math.floor(year(t) / n), said: i => String(i * n).padStart(4, "0"),
});
const UNITS = [
  { name: "day", of: t => t / DAY, said: i => iso(i * DAY, 10) },
  { name: "week", of: t => Math.floor((t / DAY + 3) / 7), said: i => iso((i * 7 - 3) * DAY, 10) },  // from Monday
  { name: "month", of: t => year(t) * 12 + new Date(t).getUTCMonth(), said: i => iso(Date.UTC(i / 12, i % 12), 7) },
  years(1), years(10), years(100),
];

// A row of bars for every primary label: told apart by place and letter, not only by colour.
function showTimeline(articles) {
  const dated = articles.filter(article => article.day !== null), without = articles.length - dated.length;
  const parts = [make("h2", { id: "when" }, "When"), ...dated.length ? timeline(dated) : []];
  if (without) parts.push(dim("p", `${counted(without, "article")} without a date that can be read`));
  find("timeline").replaceChildren(...parts);
}

function timeline(dated) {
  const days = dated.map(article => article.day);
  const low = days.reduce((a, b) => Math.min(a, b)), high = days.reduce((a, b) => Math.max(a, b));
  const months = dated.some(article => article.shown.length < 10);  // some tell no day
  const fits = one => one.of(high) - one.of(low) < BINS;
  const unit = UNITS.slice(months ? 2 : 0).find(fits) || UNITS.at(-1);
  const first = unit.of(low), n = unit.of(high) - first + 1, said = i => unit.said(first + i);
  const labels = [...PRIMARIES, null].filter(label => dated.some(article => article.primary === label));
  const counts = labels.map(label => {
    const bins = Array(n).fill(0);
    for (const article of dated) if (article.primary === label) bins[unit.of(article.day) - first]++;
    return { label, bins };
  });
  const most = counts.reduce((top, { bins }) => bins.reduce((a, b) => Math.max(a, b), top), 1);
  const plots = counts.flatMap(({ label, bins }) =>
    [label === null ? make("span") : badge(label), plot(label, bins, most, said)]);
  const axis = make("p", { class: "axis dim" }, make("span", {}, said(0)), n > 1 ? make("span", {}, said(n - 1)) : "");
  const names = labels.map(label => label === null ? "no label" : labelName(label));
  const rows = [...Array(n).keys()].filter(i => counts.some(({ bins }) => bins[i]))
    .map(i => [said(i), ...counts.map(({ bins }) => bins[i] || "")]);
  return [dim("p", `articles per ${unit.name}, at most ${most} of one label`),
    make("div", { class: "plots", "aria-hidden": "true" }, ...plots, make("span"), axis),
    make("details", {}, make("summary", {}, "as a table"), tableView([unit.name, ...names], rows))];
}

function plot(label, bins, most, said) {
  const svg = (tag, attributes, ...children) => {
    const element = setAll(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes);
    element.append(...children);
    return element;
  };
  const kind = label === null ? "B" : kindOf(label);
  const view = svg("svg", { class: `plot ${kind}`, viewBox: `0 0 ${bins.length} 1`, preserveAspectRatio: "none" });
  bins.forEach((n, i) => {
    const place = { x: i + 0.1, width: 0.8, y: 1 - n / most, height: n / most };
    if (n) view.append(svg("rect", place, svg("title", {}, `${said(i)}: ${n}`)));
  });
  return view;
}

// --- where --------------------------------------------------------------------------------------------------------

// Articles by primary label, and the share of their sentences with each label.
function showOutlets(articles, every = allOutlets) {
  find("outlets").hidden = !ARTICLES.some(article => article.outlet);
  const groups = new Map();
  for (const article of articles) {
    const outlet = article.outlet || null;
    if (!groups.has(outlet)) groups.set(outlet, []);
    groups.get(outlet).push(article);
  }
  const all = byCount(new Map([...groups].map(([outlet, of]) => [outlet, of.length])));
  const primaries = PRIMARIES.filter(label => ARTICLES.some(article => article.primary === label));
  const labels = ARTICLES.some(article => article.shares.length) ? LABELS_AND_BACKGROUND : [];
  const lettered = label => make("span", {}, badge(label), hidden(labelName(label)));
  const rows = (every ? all : all.slice(0, OUTLETS)).map(([outlet, n]) => {
    const of = groups.get(outlet), judged = of.filter(article => article.shares.length);
    const sentences = judged.reduce((sum, article) => sum + article.count, 0);
    const mean = label => judged.reduce((sum, article) => sum + article.shares[label] * article.count, 0) / sentences;
    const given = label => of.filter(article => article.primary === label).length || "";
    const parts = labels.map(label => sentences ? share(mean(label)) : "");
    return [outletButton(outlet), n, ...primaries.map(given), ...parts];
  });
  const heads = ["outlet", "articles", ...primaries.map(lettered), ...labels.map(lettered)];
  const over = [[2, ""], [primaries.length, "primary label"], [labels.length, "share of sentences"]];
  const parts = [make("h2", { id: "where" }, "Where"), tableView(heads, rows, over)];
  if (all.length > OUTLETS) {
    const said = allOutlets ? `only the first ${OUTLETS}` : `all ${all.length} outlets`;
    const more = make("button", { type: "button" }, said);
    more.addEventListener("click", () => {
      allOutlets = !allOutlets;
      showOutlets(chosenArticles());
      find("outlets").querySelector("p button").focus();
    });
    parts.push(make("p", {}, more));
  }
  find("outlets").replaceChildren(...parts);
}

// Filters by the outlet, or no longer.
function outletButton(outlet) {
  const button = make("button", { type: "button", class: "link" }, bdi(outletName(outlet)));
  button.addEventListener("click", () => {
    find("by-outlet").value = find("by-outlet").value ? "" : outletValue(outlet);
    filter();
    find("by-outlet").focus();
  });
  return button;
}

// Rows under heads; `over` are wider heads above, as [columns, name].
function tableView(heads, rows, over = []) {
  const above = over.filter(([n]) => n)
    .map(([n, name]) => make(name ? "th" : "td", { colspan: n, scope: name ? "colgroup" : null }, name));
  const head = make("thead", {}, above.length ? make("tr", {}, ...above) : null,
    make("tr", {}, ...heads.map((name, i) => make("th", { scope: "col", class: i ? "n" : null }, name))));
  const cell = (value, i) => make(i ? "td" : "th", { scope: i ? null : "row", class: i ? "n" : null }, value);
  const body = make("tbody", {}, ...rows.map(row => make("tr", {}, ...row.map(cell))));
  const table = make("table", { class: "small" }, head, body);
  return make("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": `articles by ${heads[0]}` }, table);
}
