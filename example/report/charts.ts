/**
 * Charts as SVG texts that need no script, font or style sheet: light or dark as the reader prefers. Series
 * differ by colour, dashes and symbols.
 */

import type * as Plot from "@observablehq/plot";
import { linkedom, plot } from "./libraries.ts";

/** An axis. */
export interface Axis {
  readonly label: string;
  /** Whether it is logarithmic; numbers that are not positive are then left out. */
  readonly log?: boolean;
}

/** A point of a line. */
export type Point = readonly [x: number, y: number];

/** A line, with points in order. */
export interface Series {
  readonly name: string;
  readonly points: readonly Point[];
}

/** Properties of every chart. */
interface Chart {
  /** What the chart shows; read aloud in its place. */
  readonly title: string;
  readonly x: Axis;
}

/** Lines over two axes. */
export interface LineChart extends Chart {
  readonly y: Axis;
  /** At most {@linkcode MAX_SERIES}. */
  readonly series: readonly Series[];
}

/** Rows of symbols along one axis: for each row a value of each series, if it has one. */
export interface DotChart extends Chart {
  readonly rows: readonly string[];
  readonly series: readonly {
    readonly name: string;
    readonly values: readonly (number | null)[];
  }[];
}

/** Bars of equal width from `from` to `to`, with some values marked. */
export interface HistogramChart extends Chart {
  readonly y: Axis;
  readonly from: number;
  readonly to: number;
  readonly counts: readonly number[];
  readonly marks: readonly { readonly name: string; readonly x: number }[];
}

type Look = readonly [light: string, dark: string, dashes: string, symbol: Plot.SymbolType];

/** How series differ; each colour has a contrast of at least 4.5 to its background. */
const LOOKS: readonly Look[] = [
  ["#0b62a8", "#6cb4f5", "none", "circle"],
  ["#b34700", "#ff9d5c", "7 3", "triangle"],
  ["#1b7a3d", "#63d08a", "2 3", "square"],
  ["#a0287f", "#f08ad0", "9 3 2 3", "diamond"],
  ["#7a6200", "#d9c24a", "12 4", "times"],
  ["#007080", "#4fd0de", "5 5", "star"],
  ["#c2182b", "#ff7d87", "2 6", "plus"],
  ["#555555", "#bbbbbb", "12 3 2 3 2 3", "wye"],
];

/** The most series of a chart. */
export const MAX_SERIES = LOOKS.length;

/** Sizes in the units of the drawing, which grows and shrinks with the page. */
const WIDTH = 380, HEIGHT = 210, LEFT = 54, BOTTOM = 40, LINE = 17;
/** Lines of more points are drawn without symbols. */
const MAX_SYMBOLS = 20;
/** Longer names are cut in a legend. */
const MAX_NAME = 44;

const CHART_STYLE = `.chart{font-size:12px;color:#1c2126;background:#fff}
${LOOKS.map(([color], i) => `.series-${i}{color:${color}}`).join("")}
@media screen and (prefers-color-scheme:dark){.chart{color:#e3e6e8;background:#16191d}
${LOOKS.map(([, color], i) => `.series-${i}{color:${color}}`).join("")}}`;

const document = new linkedom.DOMParser().parseFromString("<svg/>", "image/svg+xml");

/**
 * Draws lines. A point that is not finite is left out.
 *
 * @returns An SVG element, which is also a whole file.
 */
export function lineChart({ title, x, y, series }: LineChart): string {
  const marks = series.flatMap(({ points }, i) => {
    const shown = points.filter(([px, py]) => isOn(x, px) && isOn(y, py));
    const places = { ...lookOf(i), x: "0", y: "1" };
    return [
      plot.line(shown, { ...places, strokeDasharray: LOOKS[i]![2] }),
      plot.dot(shown.length <= MAX_SYMBOLS ? shown : [], { ...places, symbol: LOOKS[i]![3] }),
    ];
  });
  const names = series.map(({ name }) => name), top = topOf(names);
  return draw(title, top, {
    x: scaleOf(x),
    y: { ...scaleOf(y), label: null, grid: true },
    marks: [...marks, labelOf(y), ...legend(names, top, [sampleLine, sampleSymbol])],
  });
}

/** Draws rows of symbols; returns an SVG element, as {@linkcode lineChart}. */
export function dotChart({ title, x, rows, series }: DotChart): string {
  const marks = series.map(({ values }, i) => {
    const points = rows.map((row, r) => [values[r], row]);
    return plot.dot(points, { ...lookOf(i), x: "0", y: "1", symbol: LOOKS[i]![3], r: 5 });
  });
  const names = series.map(({ name }) => name), top = topOf(names);
  return draw(title, top, {
    x: { ...scaleOf(x), grid: true, inset: 12 },
    y: { domain: rows, label: null, grid: true },
    marks: [...marks, ...legend(names, top, [sampleSymbol])],
  });
}

/** Draws a histogram; returns an SVG element, as {@linkcode lineChart}. */
export function histogram({ title, x, y, from, to, counts, marks }: HistogramChart): string {
  const width = (to - from) / counts.length;
  const bars = counts.map((count, i) => [from + i * width, from + (i + 1) * width, count]);
  const all = [from, to, ...marks.map((mark) => mark.x)];
  const names = marks.map(({ name }) => name), top = topOf(names);
  const rules = marks.map((mark, i) =>
    plot.ruleX([mark.x], { ...lookOf(i), strokeDasharray: LOOKS[i]![2], strokeWidth: 2.5 })
  );
  return draw(title, top, {
    x: { ...scaleOf(x), domain: [Math.min(...all), Math.max(...all)], nice: true },
    y: { ...scaleOf(y), label: null, grid: true },
    marks: [
      plot.rectY(bars, { x1: "0", x2: "1", y: "2", fill: "currentColor", fillOpacity: 0.35 }),
      plot.ruleY([0], { strokeOpacity: 0.5 }),
      ...rules,
      labelOf(y),
      ...legend(names, top, [sampleLine]),
    ],
  });
}

/** Whether a value can be shown on an axis. */
function isOn({ log = false }: Axis, value: number): boolean {
  return Number.isFinite(value) && (!log || value > 0);
}

function scaleOf({ label, log = false }: Axis): Plot.ScaleOptions {
  return { label, type: log ? "log" : "linear", ticks: 5, tickFormat, labelArrow: "none" };
}

/** A short text: 0.05, 900, 1.2K, 3M. */
function tickFormat(value: number): string {
  if (value !== 0 && Math.abs(value) < 1e-4) return value.toExponential();
  return value.toLocaleString("en", { notation: "compact", maximumSignificantDigits: 6 });
}

/** Its colour is the class's, so that a style can change it. */
function lookOf(i: number): Plot.MarkOptions {
  return { className: `series-${i}`, stroke: "currentColor", strokeWidth: 1.8 };
}

/** Height of the names and the label above a chart. */
function topOf(names: readonly string[]): number {
  return LINE * (names.length + 1) + 6;
}

/** A place above the chart: so far from its left edge and its upper edge. */
function above(dx: number, dy: number) {
  return { frameAnchor: "top-left", lineAnchor: "middle", dx: dx - LEFT, dy: dy } as const;
}

/** The vertical axis' label, right above it. */
function labelOf({ label }: Axis): Plot.Markish {
  return plot.text([label], above(4, -14));
}

type Sample = (i: number, dy: number) => Plot.Markish;

/** A line above the chart for each name, with samples of its look. */
function legend(names: readonly string[], top: number, samples: readonly Sample[]) {
  return names.flatMap((name, i) => {
    const dy = LINE * (i + 0.5) - top;
    const short = name.length > MAX_NAME ? `${name.slice(0, MAX_NAME)}…` : name;
    return [...samples.map((sample) => sample(i, dy)), plot.text([short], above(46, dy))];
  });
}

function sampleLine(i: number, dy: number): Plot.Markish {
  const shape: Plot.VectorShapeImplementation = {
    draw(path, length) {
      path.moveTo(0, 0);
      path.lineTo(length, 0);
    },
  };
  const look = { ...lookOf(i), strokeDasharray: LOOKS[i]![2] };
  return plot.vector([0], { ...look, ...above(6, dy), shape, anchor: "start", length: 32 });
}

function sampleSymbol(i: number, dy: number): Plot.Markish {
  return plot.dot([0], { ...lookOf(i), ...above(22, dy), symbol: LOOKS[i]![3] });
}

/** Draws a plot, with `top` above it. */
function draw(title: string, top: number, options: Plot.PlotOptions): string {
  const svg = plot.plot({
    document,
    className: "chart",
    width: WIDTH,
    height: HEIGHT + top,
    marginLeft: LEFT,
    marginTop: top,
    marginBottom: BOTTOM,
    ...options,
  });
  // Only the whole has a role that can be named.
  for (const part of svg.querySelectorAll("g")) part.removeAttribute("aria-label");
  const attributes = { xmlns: "http://www.w3.org/2000/svg", role: "img", "aria-label": title };
  for (const [name, value] of Object.entries(attributes)) svg.setAttribute(name, value);
  svg.querySelector("style").append(CHART_STYLE);
  return svg.outerHTML;
}
