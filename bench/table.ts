/** Tables of figures: Markdown for people, JSON for programs. */

/** Measurements under one heading. */
export interface Table {
  /** Heading. */
  readonly title: string;
  /** Rows; all have the same columns, in the same order. */
  readonly rows: readonly Readonly<Record<string, string | number | null>>[];
  /** A remark for the reader. */
  readonly notes?: readonly string[];
}

/** The table as aligned Markdown; numbers have four digits. */
export function formatTable({ title, rows, notes = [] }: Table): string {
  const columns = Object.keys(rows[0] ?? {});
  const isNumber = columns.map((column) => rows.every((row) => typeof row[column] !== "string"));
  const cells = [columns, ...rows.map((row) => columns.map((column) => format(row[column])))];
  const widths = columns.map((_, i) => Math.max(3, ...cells.map((line) => line[i]!.length)));
  const lines = cells.map((line) =>
    `| ${
      line.map((cell, i) => isNumber[i] ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!))
        .join(" | ")
    } |`
  );
  const rule = widths.map((width, i) =>
    isNumber[i] ? `${"-".repeat(width - 1)}:` : "-".repeat(width)
  );
  lines.splice(1, 0, `| ${rule.join(" | ")} |`);
  return [`## ${title}`, "", ...lines, ...notes.flatMap((note) => ["", note]), ""].join("\n");
}

function format(value: string | number | null | undefined): string {
  if (typeof value !== "number") return value ?? "";
  return String(Math.abs(value) >= 1000 ? Math.round(value) : Number(value.toPrecision(4)));
}
