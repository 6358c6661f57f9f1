/** Parts of a page: tables, charts with captions, and figures as text. */

import { formatCount, formatDuration, formatNumber, formatPerplexity } from "../shared/format.ts";
import { Html, html, type Part } from "./html.ts";

/** What stands for a figure that there is not. */
export const NONE = "–";

/** A table; the first cell of a row is its heading. */
export interface Table {
  readonly caption: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly Part[])[];
}

/** A table without its empty columns; it scrolls by itself where it is too wide. */
export function table({ caption, head: names, rows: all }: Table): Html {
  const isUsed = (_: unknown, i: number) => all.length === 0 || all.some((row) => row[i] !== NONE);
  const head = names.filter(isUsed), rows = all.map((row) => row.filter(isUsed));
  return html`
    <div class="wide" role="region" tabindex="0" aria-label="${caption}">
      <table>
        <caption>${caption}</caption>
        <thead>
          <tr>${head.map((name) => html`<th scope="col">${name}</th>`)}</tr>
        </thead>
        <tbody>${rows.map(([first, ...cells]) =>
          html`
            <tr><th scope="row">${first}</th>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>
          `
        )}</tbody>
      </table>
    </div>
  `;
}

/** A table that opens on demand: the figures behind charts. */
export function figures(contents: Table): Html {
  return html`<details><summary>${contents.caption}, as a table</summary>${
    table(contents)
  }</details>`;
}

/** A chart with its caption. */
export function chart(caption: string, svg: string): Html {
  return html`<figure><figcaption>${caption}</figcaption>${new Html(svg)}</figure>`;
}

/** Charts side by side, as many as there is room for. */
export function charts(...all: readonly Part[]): Html {
  return html`<div class="charts">${all}</div>`;
}

/** A part of the page under a heading, with an explanation for newcomers. */
export function section(title: string, explanation: string, ...parts: readonly Part[]): Html {
  return html`
    <section><h2>${title}</h2><p class="hint">${explanation}</p>${parts}</section>
  `;
}

function orNone(format: (value: number) => string): (value: number | undefined) => string {
  return (value = NaN) => Number.isFinite(value) ? format(value) : NONE;
}

/** A figure as text; a dash if there is none. */
export const show = {
  count: orNone(formatCount),
  perplexity: orNone(formatPerplexity),
  number: orNone(formatNumber),
  loss: orNone((loss) => loss.toFixed(4)),
  percent: orNone((part) => `${formatNumber(100 * part)} %`),
  time: orNone((seconds) => formatDuration(1000 * seconds)),
} as const;

/** Fewer rows of a long table: the last of each stretch. */
export function sparse<Row>(rows: readonly Row[], most: number): readonly Row[] {
  const size = Math.ceil(rows.length / most);
  return rows.filter((_, i) => (rows.length - 1 - i) % size === 0);
}
