/** Where the program's words go. Tests pass their own `Io`; the command line uses `consoleIo()`. */

/** Output as the program needs it: whole lines, and one line that can be redrawn in place. */
export interface Io {
  /** Writes a line of results or progress to standard output. */
  out(line: string): void;
  /** Writes a line of warnings or errors to standard error. */
  err(line: string): void;
  /** Redraws the live line in place; an empty text removes it. Without a terminal it does nothing. */
  live(text: string): void;
  /** Whether standard output is a terminal, so that a live line makes sense. */
  readonly isTerminal: boolean;
  /** Width of the terminal in columns. */
  readonly columns: number;
}

const CLEAR_LINE = "\r\x1b[K";
const DEFAULT_COLUMNS = 80;

/** Standard output and standard error of this process. A terminal that was closed does not end a run. */
export function consoleIo(): Io {
  const isTerminal = Deno.stdout.isTerminal();
  const encoder = new TextEncoder();
  let shown = false;
  const draw = (text: string) => {
    if (!isTerminal || (text === "" && !shown)) return;
    shown = text !== "";
    attempt(() => Deno.stdout.writeSync(encoder.encode(CLEAR_LINE + text)), 0);
  };
  return {
    isTerminal,
    get columns(): number {
      // A pseudo terminal that nobody gave a size says that it has no columns.
      return isTerminal && attempt(() => Deno.consoleSize().columns, 0) || DEFAULT_COLUMNS;
    },
    live: draw,
    out(line: string): void {
      draw("");
      attempt(() => console.log(line), undefined);
    },
    err(line: string): void {
      draw("");
      attempt(() => console.error(line), undefined);
    },
  };
}

/** What `use` gives, or `otherwise` where nobody is there to read or to look any longer. */
function attempt<T>(use: () => T, otherwise: T): T {
  try {
    return use();
  } catch {
    return otherwise;
  }
}
