/** Output of the program. Tests pass their own `Io`; the command line uses `consoleIo()`. */

import { Failure, reasonOf } from "./errors.ts";

/** A word of a line that is coloured on a terminal. */
export interface Tint {
  readonly word: string;
  readonly color: "red" | "yellow" | "green";
}

/** Prints lines, and one live line that can be redrawn in place. */
export interface Screen {
  /** Writes a line, and colours the first occurrence of a word. */
  out(line: string, tint?: Tint): void;
  /** Redraws the live line in place; an empty text removes it. Without a terminal it does nothing. */
  live(text: string): void;
  /** Whether this is a terminal, so that a live line makes sense. */
  readonly isTerminal: boolean;
  /** Width of the terminal in columns. */
  readonly columns: number;
}

/** Output of the program. As a screen it is standard output, for results and progress. */
export interface Io extends Screen {
  /** Writes a line of results; with `--quiet`, standard output has nothing else. */
  result(line: string, tint?: Tint): void;
  /** Writes a line that is for `--verbose` only. */
  detail(line: string): void;
  /** Writes a line of warnings or errors to standard error. */
  err(line: string): void;
  /** Standard error, for the progress of commands whose results go to {@linkcode write}. */
  readonly error: Screen;
  /**
   * Writes results that another program may read to standard output.
   *
   * @throws {Deno.errors.BrokenPipe} If the reader has closed the pipe: the program then ends quietly.
   * @throws {Failure} If it cannot be written, for example to a full disk.
   */
  write(text: string): void;
}

const CLEAR_LINE = "\r\x1b[K";
const DEFAULT_COLUMNS = 80;
const ENCODER = new TextEncoder();

/** Standard output and standard error of this process. A closed terminal does not end a run. */
export function consoleIo(): Io {
  const clear = () => {
    output.live("");
    error.live("");
  };
  const output: Screen = screen(Deno.stdout, console.log, clear);
  const error: Screen = screen(Deno.stderr, console.error, clear);
  return Object.assign(output, {
    result: output.out,
    detail: () => {},
    err: (line: string) => error.out(line, tintOf(line)),
    error,
    write(text: string): void {
      clear();
      const bytes = ENCODER.encode(text);
      try {
        for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
      } catch (cause) {
        if (cause instanceof Deno.errors.BrokenPipe) throw cause;
        throw new Failure(`Cannot write standard output: ${reasonOf(cause)}`, { cause });
      }
    },
  });
}

/** How much a run prints: results only, or everything. */
interface Volume {
  readonly quiet: boolean;
  readonly verbose: boolean;
}

/** Filters an output by `--quiet` and `--verbose`. */
export function atVolume(io: Io, { quiet, verbose }: Volume): Io {
  const silent = () => {};
  return changed(io, {
    isTerminal: io.isTerminal && !quiet,
    ...quiet && { out: silent, live: silent },
    detail: verbose ? io.out : silent,
  });
}

/** The output of a rank: the first prints, the others do not. */
export function atRank(io: Io, rank: number): Io {
  if (rank === 0) return io;
  const silent = () => {},
    screen = { out: silent, live: silent, isTerminal: false, columns: DEFAULT_COLUMNS };
  return changed(io, {
    ...screen,
    detail: silent,
    result: silent,
    err: silent,
    error: screen,
    write: silent,
  });
}

/** Leaves out a warning that was printed before, as a command may work on several texts or models. */
export function warningsOnce(io: Io): Io {
  const warnings = new Set<string>();
  return changed(io, {
    err(line: string): void {
      if (warnings.has(line)) return;
      if (line.startsWith("warning:")) warnings.add(line);
      io.err(line);
    },
  });
}

/** An output that differs from `io` in some members; its width is always that of the terminal. */
function changed(io: Io, changes: Partial<Io>): Io {
  return Object.defineProperty({ ...io, ...changes }, "columns", { get: () => io.columns });
}

/** The colour of an error or a warning. */
function tintOf(line: string): Tint | undefined {
  if (line.startsWith("error:")) return { word: "error", color: "red" };
  return line.startsWith("warning:") ? { word: "warning", color: "yellow" } : undefined;
}

/** Arguments of the console for a line. Deno respects NO_COLOR and FORCE_COLOR, and colours terminals alone. */
function styled(line: string, tint: Tint | undefined): string[] {
  if (tint === undefined) return [line];
  const { word, color } = tint, at = line.indexOf(word);
  const [before, after] = [line.slice(0, at), line.slice(at + word.length)];
  return ["%s%c%s%c%s", before, `color: ${color}; font-weight: bold`, word, "", after];
}

/** A stream as a screen; `clear` removes the live lines, as both streams may share a terminal. */
function screen(
  stream: typeof Deno.stdout | typeof Deno.stderr,
  print: (...data: readonly string[]) => void,
  clear: () => void,
): Screen {
  const width = () => unlessClosed(() => Deno.consoleSize().columns, 0);
  const isPseudo = stream.isTerminal() && width() === 0; // Open MPI's, where mpirun writes to a file
  const isTerminal = stream.isTerminal() && !isPseudo;
  let shown = false;
  return {
    isTerminal,
    get columns(): number {
      return isTerminal && width() || DEFAULT_COLUMNS;
    },
    live(text: string): void {
      if (!isTerminal || (text === "" && !shown)) return;
      shown = text !== "";
      unlessClosed(() => stream.writeSync(ENCODER.encode(CLEAR_LINE + text)), 0);
    },
    out(line: string, tint?: Tint): void {
      clear();
      unlessClosed(() => print(...styled(line, isPseudo ? undefined : tint)), undefined);
    },
  };
}

/** The result of `use`, or `otherwise` if the pipe or the terminal is closed. */
function unlessClosed<T>(use: () => T, otherwise: T): T {
  try {
    return use();
  } catch {
    return otherwise;
  }
}
