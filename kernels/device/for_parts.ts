/** WGSL that repeats what a part of a table, or another of several things alike, needs. */

// What is repeated: lines between the marks "#each PART" and "#end", or a single line that names PART.
const REPEATED = /^ *#each PART\n([^]*?)^ *#end\n|^.*PART(?!S).*\n/gm;
const variants = new Map<string, string[]>();

/**
 * WGSL for `count` parts. A line with the name PART is repeated for each part, and so are the lines between a line
 * `#each PART` and a line `#end`. The part's number takes the name's place; PARTS becomes their number.
 */
export function forParts(source: string, count: number): string {
  let known = variants.get(source);
  if (!known) variants.set(source, known = []);
  return known[count] ??= repeated(source, count);
}

function repeated(source: string, count: number): string {
  const parts = Array.from({ length: count }, (_, part) => `${part}`);
  return source.replace(REPEATED, (line: string, block = line) => {
    return parts.map((part) => block.replace(/PART(?!S)/g, part)).join("");
  }).replaceAll("PARTS", `${count}`);
}

/** The uniform's fields `name`_PART, by part. */
export function numbered(values: readonly number[], name = "n"): Record<string, number> {
  const fields: Record<string, number> = {};
  for (const [part, value] of values.entries()) fields[`${name}_${part}`] = value;
  return fields;
}
