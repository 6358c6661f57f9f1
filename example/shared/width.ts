/** Text on a terminal, by the columns that it takes: wide characters take two. */

import stringWidth from "string-width";

/** The number of columns that `text` takes. */
export function widthOf(text: string): number {
  return stringWidth(text);
}

/** `text` with spaces up to `columns`, after it or before it. */
export function padded(text: string, columns: number, where: "after" | "before"): string {
  const spaces = " ".repeat(Math.max(0, columns - stringWidth(text)));
  return where === "after" ? text + spaces : spaces + text;
}

/** The beginning of `text` that fits into `columns`, without half a character. */
export function cutTo(text: string, columns: number): string {
  let cut = "", width = 0;
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    width += stringWidth(segment);
    if (width > columns) break;
    cut += segment;
  }
  return cut;
}

/** Wraps at `width` columns; a longer word gets its own line. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (line === "" || stringWidth(longer) <= width) line = longer;
    else {
      lines.push(line);
      line = word;
    }
  }
  return [...lines, line];
}
