/** Texts for people: labelled lines, and numbers as counts, losses, perplexities, percentages and times. */

/** Width of the column of labels. */
const LABEL_WIDTH = 10;

/** A line that says what it is about first; what follows the labels of several lines is one column. */
export function labelled(label: string, text: string): string {
  return `${label.padEnd(LABEL_WIDTH)}  ${text}`;
}

/** A loss as text: as a perplexity if it is a normalised log probability. */
export function formatLoss(loss: number, normalised: boolean): string {
  if (normalised) return `ppl ${formatPerplexity(Math.exp(loss))}`;
  return `loss ${Math.abs(loss) < 1e6 ? loss.toFixed(4) : loss.toExponential(4)}`;
}

/** A perplexity with its meaningful digits: `31.42`, `1,609.27`, `380,312`, `4.11e+12`. */
export function formatPerplexity(ppl: number): string {
  if (ppl < 1e4) return withSeparators(Number(ppl.toFixed(2)), 2);
  return ppl < 1e9 ? formatCount(ppl) : ppl.toExponential(2);
}

/** A number rounded to an integer, with thousands separators. */
export function formatCount(value: number): string {
  return withSeparators(Math.round(value), 0);
}

function withSeparators(value: number, digits: number): string {
  const format = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return value.toLocaleString("en-US", format);
}

/** Part of a whole, of 1 unless given, in per cent, with two digits, so that little is not shown as nothing. */
export function formatPercent(part: number, whole = 1): string {
  return `${whole === 0 ? 0 : Number((100 * part / whole).toPrecision(2))} %`;
}

/** Milliseconds as text, such as `1h02m`, `3m07s` or `9s`. */
export function formatDuration(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  const pad = (value: number) => String(value).padStart(2, "0");
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  if (hours > 0) return `${hours}h${pad(minutes)}m`;
  return minutes > 0 ? `${minutes}m${pad(seconds % 60)}s` : `${seconds}s`;
}

/** A number with at most four significant digits, such as `0.25`, `1.221e-4` or `1e+20`. */
export function formatNumber(value: number): string {
  const rounded = Number(value.toPrecision(4)), size = Math.abs(rounded);
  return rounded !== 0 && (size < 1e-3 || size >= 1e6) ? rounded.toExponential() : String(rounded);
}
