/** HTML from templates, in which every text is escaped. */

/** A piece of HTML. */
export class Html {
  /** Its source. */
  readonly source: string;

  /** Takes source that is known to be safe. */
  constructor(source: string) {
    this.source = source;
  }
}

/** What a template takes: text, HTML, or a list of these; undefined and false are left out. */
export type Part = string | number | Html | readonly Part[] | undefined | false;

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Fills in a template; its indentation is left out. */
export function html(template: TemplateStringsArray, ...parts: readonly Part[]): Html {
  const raw = template.map((text) => text.replace(/\n\s+/g, "\n"));
  return new Html(String.raw({ raw }, ...parts.map(sourceOf)));
}

function sourceOf(part: Part): string {
  if (part instanceof Html) return part.source;
  if (part === undefined || part === false) return "";
  if (typeof part === "string" || typeof part === "number") {
    return String(part).replace(/[&<>"']/g, (sign) => ESCAPES[sign]!);
  }
  return part.map(sourceOf).join("");
}
