/** Charts: what is drawn is where the figures say, texts are escaped, and series differ without colour. */

import { assert, assertAlmostEquals, assertEquals, assertStringIncludes } from "@std/assert";
import {
  dotChart,
  histogram,
  lineChart,
  MAX_SERIES,
  type Point,
} from "../../../example/report/charts.ts";
import { linkedom } from "../../../example/report/libraries.ts";

const X = { label: "epochs" }, Y = { label: "perplexity" };
const EVIL = `<script>"&'`;

/** The elements of a chart that match a selector; throws unless it is one SVG element. */
function find(svg: string, selector: string) {
  const document = new linkedom.DOMParser().parseFromString(`<html>${svg}</html>`, "text/html");
  assertEquals([...document.documentElement!.children].map((child) => child.localName), ["svg"]);
  return [...document.querySelectorAll(selector)];
}

/** The texts of a chart, in order. */
function textsOf(svg: string): string[] {
  return find(svg, "text").map(({ textContent }) => String(textContent));
}

/** The corners of a path of straight lines. */
function corners(path: string): Point[] {
  return path.slice(1).split(/[LMZ]/).filter((pair) => pair !== "").map((pair) => {
    const [x, y] = pair.split(",").map(Number);
    return [x!, y!];
  });
}

/** The corners of the line of a series; the first path is its sample in the legend. */
function lineOf(svg: string, series: number): Point[] {
  const paths = find(svg, `g.series-${series} path`).map((path) => path.getAttribute("d") ?? "");
  const longest = paths.toSorted((a, b) => a.length - b.length).at(-1) ?? "";
  assert(longest.lastIndexOf("M") <= 0, "the line has a gap");
  return corners(longest);
}

Deno.test("lineChart() draws each point where its figures are, in proportion", () => {
  const points: Point[] = Array.from({ length: 30 }, (_, i) => [i, (i * 7) % 30]);
  const all: Point[] = [[3.5, Infinity], ...points, [NaN, 3]];
  const svg = lineChart({ title: "t", x: X, y: Y, series: [{ name: "a", points: all }] });
  const drawn = lineOf(svg, 0);
  assertEquals(drawn.length, 30);
  const [first, last] = [drawn[0]!, drawn.at(-1)!];
  const top = Math.min(...drawn.map(([, y]) => y)), bottom = Math.max(...drawn.map(([, y]) => y));
  drawn.forEach(([x, y], i) => {
    assertAlmostEquals((x - first[0]) / (last[0] - first[0]), i / 29, 1e-4);
    assertAlmostEquals((bottom - y) / (bottom - top), points[i]![1] / 29, 1e-4);
  });
});

Deno.test("a logarithmic axis has equal distances for equal ratios, and no place for zero", () => {
  const points: Point[] = [[1, 1000], [1.5, 0], [2, 100], [2.5, NaN], [NaN, 50], [3, 10]];
  points.push([4, -1], [5, Infinity], [Infinity, 5]);
  const y = { label: "perplexity", log: true };
  const svg = lineChart({ title: "t", x: X, y, series: [{ name: "a", points }] });
  const [a, b, c, ...others] = lineOf(svg, 0);
  assertEquals(others, []);
  assertAlmostEquals(b![1] - a![1], c![1] - b![1], 1e-2);
  assert(a![1] < b![1]);
});

Deno.test("figures at an axis are short", () => {
  const ticksOf = (points: Point[]) =>
    textsOf(lineChart({ title: "t", x: X, y: Y, series: [{ name: "a", points }] }));
  const large = ticksOf([[0, -3e6], [1200, 0.2]]), small = ticksOf([[0.9995, 0], [1.0005, 5e-5]]);
  for (const text of ["-2.5M", "-500K", "0", "200", "1K", "1.2K"]) {
    assert(large.includes(text), text);
  }
  for (const text of ["0", "1e-5", "0.9998"]) assert(small.includes(text), `${text} in ${small}`);
});

/** Where an element of a chart is drawn. */
function placeOf(element: ReturnType<typeof find>[number]): Point {
  const shifts = [element, element.parentElement!].map((at) =>
    /^translate\((.*),(.*)\)$/.exec(at.getAttribute("transform")!)!.slice(1).map(Number)
  );
  return [shifts[0]![0]! + shifts[1]![0]!, shifts[0]![1]! + shifts[1]![1]!];
}

Deno.test("the names of the series stand above a chart, one below the other, and are cut if long", () => {
  const names = ["a", "x".repeat(44), "y".repeat(45)];
  const series = names.map((name) => ({ name, points: [] }));
  const svg = lineChart({ title: "t", x: X, y: Y, series });
  const texts = find(svg, "text").filter(({ textContent }) => /^\D/.test(String(textContent)));
  assertEquals(texts.map((text) => [text.textContent, ...placeOf(text)]), [
    ["epochs", 377, 281],
    ["perplexity", 4, 60],
    ["a", 46, 8.5],
    ["x".repeat(44), 46, 25.5],
    [`${"y".repeat(44)}…`, 46, 42.5],
  ]);
  assertEquals(find(svg, "svg.chart").map((root) => root.getAttribute("viewBox")), ["0 0 380 284"]);
  // Without points, a series has only the samples of its look.
  const [line, ...others] = find(svg, "g.series-0 path");
  assertEquals([line!.getAttribute("d"), placeOf(line!), others], ["M0,0L32,0", [6, 8.5], []]);
  const [symbol, ...more] = find(svg, "g.series-1 path").slice(1);
  assertEquals([placeOf(symbol!), more], [[22, 25.5], []]);
});

Deno.test("charts are light, or dark where the reader prefers that", () => {
  const [style] = find(
    histogram({ title: "t", x: X, y: Y, from: 0, to: 1, counts: [1], marks: [] }),
    "style",
  );
  const [light, dark] = style!.textContent!.split("prefers-color-scheme:dark");
  const colours = [light, dark].map((text) =>
    new Set(text!.match(/\.series-\d+\{color:#\w{6}\}/g))
  );
  assertEquals(colours.map(({ size }) => size), [MAX_SERIES, MAX_SERIES]);
  assertEquals(colours[0]!.intersection(colours[1]!).size, 0);
});

Deno.test("lines of many points have no symbols", () => {
  const symbols = [20, 21].map((length) => {
    const points = Array.from({ length }, (_, i): Point => [i, i]);
    const svg = lineChart({ title: "t", x: X, y: Y, series: [{ name: "a", points }] });
    return find(svg, "g.series-0 circle").length;
  });
  assertEquals(symbols, [20 + 1, 1], "one is in the legend");
});

Deno.test("charts of nothing, of one point and of equal figures are drawn, too", () => {
  for (const log of [false, true]) {
    for (const points of [[], [[1, 5]], [[1, 5], [2, 5]]] as Point[][]) {
      const axes = { x: X, y: { ...Y, log } };
      const svg = lineChart({ title: "t", ...axes, series: [{ name: "a", points }] });
      assert(!svg.includes("NaN") && !svg.includes("Infinity"), svg);
      const circles = find(svg, "g.series-0 circle");
      assertEquals(circles.length, points.length + 1, "and one in the legend");
    }
  }
  assert(!lineChart({ title: "t", x: X, y: Y, series: [] }).includes("NaN"));
});

Deno.test("series differ by dashes and symbols, not by colour alone", () => {
  const series = Array.from({ length: MAX_SERIES }, (_, i) => ({
    name: `run ${i}`,
    points: [[0, i], [1, i + 1]] as Point[],
  }));
  const svg = lineChart({ title: "t", x: X, y: Y, series });
  const dashes = series.map((_, i) =>
    find(svg, `g.series-${i}`)[0]!.getAttribute("stroke-dasharray")
  );
  assertEquals(new Set(dashes).size, MAX_SERIES);
  const symbols = series.map((_, i) => {
    const [, symbol] = find(svg, `g.series-${i}`);
    return symbol!.firstElementChild!.getAttribute("d") ?? symbol!.firstElementChild!.localName;
  });
  assertEquals(new Set(symbols).size, MAX_SERIES);
  for (const { name } of series) assertStringIncludes(svg, `>${name}</text>`);
});

Deno.test("histogram() has a bar for each count, and rules at the marks", () => {
  const counts = [1, 4, 0, 2];
  const marks = [{ name: "norm term", x: 12 }, { name: "mean", x: 9 }];
  const svg = histogram({ title: "t", x: X, y: Y, from: 8, to: 10, counts, marks });
  const bars = find(svg, "rect").map((bar) =>
    ["x", "width", "height"].map((name) => Number(bar.getAttribute(name)))
  );
  assertEquals(bars.length, 4);
  const unit = bars[0]![2]!;
  bars.forEach(([x, , height], i) => {
    assertAlmostEquals(height! / unit, counts[i]!, 1e-6);
    const [before, width] = bars[i - 1] ?? [x!, 0];
    assertAlmostEquals(before! + width!, x!, 1.001, "a gap of a pixel at most");
  });
  const left = bars[0]![0]!, perUnit = (bars[2]![0]! - left) / 1;
  const rules = [0, 1].map((i) => {
    const [line] = find(svg, `g.series-${i} line`);
    assert(Number(line!.getAttribute("x1")) < 380, "it is outside the drawing");
    return 8 + (Number(line!.getAttribute("x1")) - left) / perUnit;
  });
  assertAlmostEquals(rules[0]!, 12, 0.03);
  assertAlmostEquals(rules[1]!, 9, 0.03);
});

Deno.test("dotChart() has a symbol for each figure that there is, in rows in order", () => {
  const series = [{ name: "a", values: [1, 10, null] }, { name: "b", values: [100, NaN] }];
  const rows = ["p", "r", "q"];
  const svg = dotChart({ title: "t", x: { ...X, log: true }, rows, series });
  assertEquals(find(svg, "g.series-0 circle").length, 2 + 1);
  assertEquals(find(svg, "g.series-1 path").length, 1 + 1);
  assertEquals(textsOf(svg).slice(0, 3), rows);
  assert(!svg.includes("NaN"));
});

Deno.test("charts are images with a text, and texts in them are only texts", () => {
  const series = [{ name: EVIL, points: [[0, 1], [1, 2]] as Point[] }];
  const labels = { x: { label: EVIL }, y: { label: EVIL } };
  const bars = { from: 0, to: 1, counts: [1], marks: [{ name: EVIL, x: 0.5 }] };
  const dots = [{ name: EVIL, values: [1] }];
  for (
    const svg of [
      lineChart({ title: EVIL, ...labels, series }),
      histogram({ title: EVIL, ...labels, ...bars }),
      dotChart({ title: EVIL, x: labels.x, rows: [EVIL], series: dots }),
    ]
  ) {
    assert(!svg.includes("<script") && !/&(?!\w+;|#\d+;)/.test(svg), svg); // in XML, too
    const [root] = find(svg, "svg");
    assertEquals([root!.getAttribute("role"), root!.getAttribute("aria-label")], ["img", EVIL]);
    assertEquals(root!.getAttribute("xmlns"), "http://www.w3.org/2000/svg");
    assertEquals(find(svg, "g[aria-label]").length, 0, "parts that no role names");
    const texts = find(svg, "text").filter(({ textContent }) => textContent === EVIL);
    assertEquals(texts.length, 3);
  }
});
