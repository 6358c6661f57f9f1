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

/** Standard output and standard error of this process. */
export function consoleIo(): Io {
  const isTerminal = Deno.stdout.isTerminal();
  const encoder = new TextEncoder();
  let shown = false, gone = false;
  const draw = (text: string) => {
    if (!isTerminal || gone || (text === "" && !shown)) return;
    try {
      Deno.stdout.writeSync(encoder.encode(CLEAR_LINE + text));
    } catch {
      gone = true; // the terminal was closed: a run goes on without it
    }
    shown = text !== "";
  };
  return {
    isTerminal,
    get columns(): number {
      // A pseudo terminal that nobody gave a size says that it has no columns.
      return (isTerminal && !gone && Deno.consoleSize().columns) || DEFAULT_COLUMNS;
    },
    live: draw,
    out(line: string): void {
      draw("");
      console.log(line);
    },
    err(line: string): void {
      draw("");
      console.error(line);
    },
  };
}
