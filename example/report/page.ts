/** A report on one or several runs: an HTML page that needs nothing besides itself. */

import { learningCurves, noise, rateAndSpeed } from "./curves.ts";
import { Html, html } from "./html.ts";
import { byFrequency, logZHistograms } from "./quality.ts";
import type { ReportedRun } from "./reported_run.ts";
import { settings } from "./settings.ts";
import { STYLE } from "./style.ts";
import { summary } from "./summary.ts";

/** Seconds after which a watched page loads itself again. */
const REFRESH = 10;

/** Whether such a page begins so. */
export function isPage(text: string): boolean {
  return text.startsWith("<!DOCTYPE html>") && text.includes("<title>Report on ");
}

/**
 * The page's source.
 *
 * @param runs At most `MAX_SERIES`.
 * @param isWatched Whether the page will be renewed, so that a browser should load it again.
 */
export function pageOf(runs: readonly ReportedRun[], isWatched: boolean): string {
  const names = new Intl.ListFormat("en").format(runs.map(({ name }) => name));
  const sections = [
    summary(runs),
    learningCurves(runs),
    rateAndSpeed(runs),
    noise(runs),
    byFrequency(runs),
    logZHistograms(runs),
    settings(runs),
  ];
  return html`
    <!DOCTYPE html>
    <html lang="en">
      <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    ${isWatched && html`<meta http-equiv="refresh" content="${REFRESH}">`}
    <title>Report on ${names}</title>
    <style>${new Html(STYLE)}</style>
      </head>
      <body>
        <header><h1>Report on ${names}</h1>${isWatched &&
          html`<p>Training goes on: this page loads itself again every ${REFRESH} seconds.</p>`}</header>
        <main>
    ${sections}</main>
        <footer>
          <p>From ${runs.map(({ record }, i) => [i > 0 && ", ", html`<code>${record}</code>`])}</p>
        </footer>
      </body>
    </html>
  `.source.trimStart();
}
