// The index over the articles: filters and a table that sorts, a page of rows at a time.

const PAGE = 100;  // rows
const CLAIMS_SHOWN = 4;  // in a row
const PRIMARIES = [...NAMES.primary.keys(), SILENT];
let COLUMNS = [];
let order = { column: null, up: true }, page = 0;
let chosen = null;  // the articles that the filters leave, in the order of the table; null when it is to be found anew

const none = () => dim("span", "none");
const ORDER = new Intl.Collator("en", { numeric: true });

// `key` is what a column sorts by; null, the unknown, comes last whichever way. `up` is the way it sorts first.
function columns() {
  const some = test => ARTICLES.some(test);
  const number = a => String(a.number), count = a => String(a.count), outlet = a => a.outlet ? bdi(a.outlet) : none();
  const found = [{ name: "#", said: "first come", key: a => a.number, up: true, number: true, cell: number }];
  found.push({ name: "title", key: a => a.title, up: true, head: true, cell: titleCell });
  if (some(a => a.outlet)) found.push({ name: "outlet", key: a => a.outlet, up: true, cell: outlet });
  if (some(a => a.published)) found.push({ name: "date", key: a => a.day, up: false, cell: dateCell });
  if (some(a => a.primary !== null)) {
    const place = a => a.primary === null ? null : PRIMARIES.indexOf(a.primary);
    found.push({ name: "primary label", key: place, up: true, cell: primaryCell });
  }
  if (some(a => a.shares.length)) {
    NAMES.letters.forEach((letter, label) => found.push({
      name: letter, shown: () => badge(label), said: `share of ${words(NAMES.labels[label])}`, number: true,
      key: a => a.shares[label] ?? null, up: false, cell: a => shareCell(a, label),
    }));
  }
  found.push({ name: "sentences", key: a => a.count, up: false, number: true, cell: count });
  if (some(a => a.stances.size)) {
    const supports = a => [...a.stances.values()].filter(stance => stance === 0).length;
    found.push({ name: "stances", said: "claims supported", key: supports, up: false, cell: stancesCell });
  }
  return found;
}

function titleCell(article) {
  return make("a", { href: `#${article.number}` }, bdi(article.title));
}

function dateCell(article) {
  if (!article.published) return none();
  return make("time", article.day !== null ? { datetime: article.shown } : {}, bdi(article.shown));
}

function primaryCell(article) {
  if (article.primary === null) return none();
  return make("span", { class: "primary" }, badge(article.primary), " ", labelName(article.primary));
}

function shareCell(article, label) {
  if (!article.shares.length) return none();
  const part = article.shares[label];
  const name = make("span", { class: "name" }, badge(label));  // where the heads are out of sight
  return make("span", { class: part ? "part" : "part dim" }, name, share(part), bar(kindOf(label), part));
}

function stancesCell(article) {
  const asked = find("by-claim").value;
  const shown = [...article.stances].filter(([claim]) => !asked || claim === asked - 1);
  const related = shown.filter(([, stance]) => asked || stance !== NAMES.unrelated);
  const lines = related.slice(0, CLAIMS_SHOWN)
    .map(([claim, stance]) => make("div", {}, stanceView(stance), " ", bdi(claimId(claim))));
  if (related.length > CLAIMS_SHOWN) lines.push(dim("div", `${related.length - CLAIMS_SHOWN} more`));
  const rest = shown.length - related.length;
  if (rest) lines.push(dim("div", `unrelated: ${rest}`));
  return lines.length ? make("div", {}, ...lines) : none();
}

// --- the filters --------------------------------------------------------------------------------------------------

const outletName = outlet => outlet || "no outlet";

function tally(values) {
  const counts = new Map();
  for (const value of values) counts.set(value, (counts.get(value) || 0) + 1);
  return counts;
}
// Pairs of an outlet and its number of articles, most first.
function byCount(counts) {
  return [...counts].sort(([a, n], [b, m]) => m - n || ORDER.compare(outletName(a), outletName(b)));
}

function choice(id, values) {
  const select = make("select", { id }, make("option", { value: "" }, "any"));
  for (const [value, said] of values) select.append(make("option", { value }, said));
  select.addEventListener("change", filter);
  return select;
}

function filtersView() {
  const search = make("input", { id: "by-text", type: "search", autocomplete: "off", spellcheck: "false" });
  let waiting = 0;
  search.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(filter, 150);
  });
  const primaries = tally(ARTICLES.map(a => a.primary)), outlets = byCount(tally(ARTICLES.map(a => a.outlet)));
  const claims = [...new Set(ARTICLES.flatMap(a => [...a.stances.keys()]))].sort((a, b) => a - b);
  const stances = new Set(ARTICLES.flatMap(a => [...a.stances.values()]));
  const field = (name, control, needed = true) => {
    const label = make("label", {}, make("span", {}, name), control);
    label.hidden = !needed;
    return label;
  };
  const labels = PRIMARIES.filter(label => primaries.has(label));
  const known = [...NAMES.stances.keys(), SILENT].filter(stance => stances.has(stance));
  return make("div", { class: "filters", role: "search" },
    field("title, text, outlet or origin holds", search),
    field("primary label", choice("by-primary",
      labels.map(label => [label, `${labelName(label)} (${primaries.get(label)})`])), labels.length),
    field("outlet", choice("by-outlet",
      outlets.map(([outlet, n]) => [outletValue(outlet), `${outletName(outlet)} (${n})`])), outlets.length > 1),
    field("claim", choice("by-claim",
      claims.map(claim => [claim + 1, claimId(claim) + claimText(claim, ": ")])), claims.length),
    field("stance", choice("by-stance", known.map(stance => [stance, stanceName(stance)])), known.length),
    make("p", { id: "count", role: "status" }));
}
const outletValue = outlet => `=${outlet || ""}`;  // "" is any

function chosenArticles() {
  if (chosen) return chosen;
  const names = ["text", "primary", "outlet", "claim", "stance"];
  const [text, primary, outlet, claim, stance] = names.map(name => find(`by-${name}`).value);
  const needle = text.trim().toLowerCase();
  const takes = ({ stances }) => {
    if (stance === "") return !claim || stances.has(claim - 1);
    return claim ? stances.get(claim - 1) === Number(stance) : [...stances.values()].includes(Number(stance));
  };
  chosen = ARTICLES.filter(article => (primary === "" || article.primary === Number(primary))
    && (!outlet || outletValue(article.outlet) === outlet) && takes(article)
    && (!needle || article.searched.includes(needle)));
  if (order.column) {
    const keyed = chosen.map(article => [order.column.key(article), article]);
    const way = order.up ? 1 : -1, compared = (x, y) => typeof x === "string" ? ORDER.compare(x, y) : x - y;
    keyed.sort(([x, a], [y, b]) => (x === null) - (y === null) || way * compared(x, y) || a.number - b.number);
    chosen = keyed.map(([, article]) => article);
  }
  return chosen;
}

function filter() {
  chosen = null;
  page = 0;
  showIndex();
}

// --- the table ----------------------------------------------------------------------------------------------------

function startIndex() {
  if (!ARTICLES.length) return find("index").append(make("h1", {}, "No articles"));
  COLUMNS = columns();
  find("index").append(
    make("h1", {}, counted(ARTICLES.length, "article")), dim("p", totals()), filtersView(),
    make("div", { class: "overview" }, make("section", { id: "timeline", "aria-labelledby": "when" }),
      make("section", { id: "outlets", "aria-labelledby": "where" })),
    make("h2", { id: "list" }, "Articles"),
    make("table", { class: "articles", role: "table", "aria-labelledby": "list" },
      make("thead", { role: "rowgroup" }, make("tr", { role: "row" }, ...COLUMNS.map(headView))),
      make("tbody", { id: "rows", role: "rowgroup" })),
    make("p", { class: "pager", id: "pager" }, turn(-1, "before", "previous"), " ", make("span", { id: "page" }), " ",
      turn(1, "after", "next")));
  showIndex();
}

function totals() {
  const missing = (test, said) => {
    const n = ARTICLES.filter(test).length;
    return n ? `${n.toLocaleString("en")} ${said}` : "";
  };
  const sentences = counted(ARTICLES.reduce((n, article) => n + article.count, 0), "sentence");
  return [sentences, missing(a => !a.outlet, "without outlet"), missing(a => !a.published, "without date"),
    missing(a => a.published && a.day === null, "with a date that cannot be read")].filter(Boolean).join(", ");
}

function headView(column) {
  const said = column.said || column.name, button = make("button", { type: "button", title: `sort by ${said}` });
  button.append(...column.shown ? [column.shown(), hidden(said)] : [column.name]);
  button.addEventListener("click", () => {
    order = { column, up: order.column === column ? !order.up : column.up };
    filter();
  });
  return column.view = make("th", { scope: "col", role: "columnheader", class: column.number ? "n" : null }, button);
}

function turn(way, id, said) {
  const button = make("button", { type: "button", id }, said);
  button.addEventListener("click", () => {
    page += way;
    showRows();
    find("list").scrollIntoView();
  });
  return button;
}

function showIndex() {
  const articles = chosenArticles();
  find("count").textContent = `${articles.length.toLocaleString("en")} of ${counted(ARTICLES.length, "article")}`;
  showTimeline(articles);
  showOutlets(articles);
  showRows();
}

// A page of rows or, on paper, the rows given.
function showRows(all = null) {
  const articles = chosenArticles(), pages = Math.max(1, Math.ceil(articles.length / PAGE));
  for (const column of COLUMNS) {
    column.view.setAttribute("aria-sort", order.column !== column ? "none" : order.up ? "ascending" : "descending");
  }
  find("rows").replaceChildren(...(all || articles.slice(page * PAGE, (page + 1) * PAGE)).map(rowView));
  if (!articles.length) {
    const said = make("td", { role: "cell", colspan: COLUMNS.length }, "No article passes these filters.");
    find("rows").append(make("tr", { role: "row" }, said));
  }
  find("page").textContent = `page ${page + 1} of ${pages}`;
  find("pager").hidden = pages === 1;
  find("before").disabled = page === 0;
  find("after").disabled = page >= pages - 1;
}

function rowView(article) {
  return make("tr", { role: "row" }, ...COLUMNS.map(({ head, name, number, cell }) => {
    const attributes = { class: `${number ? "n" : ""} c-${name.split(" ")[0]}`, role: head ? "rowheader" : "cell" };
    return make(head ? "th" : "td", { ...attributes, scope: head ? "row" : null }, cell(article));
  }));
}
