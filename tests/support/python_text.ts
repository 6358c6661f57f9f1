/** Reimplements how Python reads a text file and splits its lines. */

/** The characters that `str.split()` splits at: those for which `str.isspace()` is true. */
export const PYTHON_SPACE = [
  ...[0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x1c, 0x1d, 0x1e, 0x1f, 0x20, 0x85, 0xa0, 0x1680],
  ...[0x2000, 0x2001, 0x2002, 0x2003, 0x2004, 0x2005, 0x2006, 0x2007, 0x2008, 0x2009, 0x200a],
  ...[0x2028, 0x2029, 0x202f, 0x205f, 0x3000],
].map((code) => String.fromCharCode(code));

/** `line.split()` */
export function pythonSplit(line: string): string[] {
  const words: string[] = [];
  let word = "";
  for (const character of `${line} `) {
    if (!PYTHON_SPACE.includes(character)) word += character;
    else if (word !== "") words.push(word), word = "";
  }
  return words;
}

/** `list(open(path))` without the line endings. */
export function pythonLines(text: string): string[] {
  const lines = text.replaceAll("\r\n", "\n").replaceAll("\r", "\n").split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
}
