// The texts of a page that stand on their ground with a contrast below 4.5, and how many pairs of colours there were.
(() => {
  const channels = text => {
    const found = /^rgba?\(([^)]+)\)$/.exec(text);
    if (!found) throw new Error(`a colour that is not rgb: ${text}`);
    const [r, g, b, a = 1] = found[1].split(",").map(Number);
    return [r, g, b, a];
  };
  const over = (top, under) => top.slice(0, 3).map((c, i) => c * top[3] + under[i] * (1 - top[3]));
  const luminance = rgb => {
    const [r, g, b] = rgb.map(c => c / 255).map(c => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const ground = one => {
    const all = [];
    for (; one; one = one.parentElement) all.push(channels(getComputedStyle(one).backgroundColor));
    return all.reverse().reduce((under, top) => over(top, under), [255, 255, 255]);
  };
  const found = [], seen = new Set();
  const check = (one, style, said) => {
    const under = ground(one), [x, y] = [luminance(over(channels(style.color), under)), luminance(under)];
    const ratio = (Math.max(x, y) + .05) / (Math.min(x, y) + .05);
    seen.add(style.color + under);
    if (ratio < 4.5) found.push(`${ratio.toFixed(2)} ${said} <${one.tagName} class="${one.className}">`);
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const one = node.parentElement;
    if (!node.data.trim() || !one.checkVisibility() || one.closest("script, .sr")) continue;
    check(one, getComputedStyle(one), node.data.trim().slice(0, 30));
  }
  for (const one of document.querySelectorAll("body *")) {
    for (const part of ["::before", "::after"]) {
      const style = getComputedStyle(one, part);
      if (one.checkVisibility() && !["none", "normal"].includes(style.content)) check(one, style, style.content);
    }
  }
  return { found, pairs: seen.size };
})()
