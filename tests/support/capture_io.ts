/** An `Io` for tests that keeps what is written to it. */

import type { Io } from "../../example/shared/io.ts";

/** What was written, line by line; `live` has every drawing of the live line. */
export interface CapturedIo extends Io {
  readonly outLines: string[];
  readonly errLines: string[];
  readonly liveLines: string[];
}

/** Makes one that is no terminal, or one of the given width that is. */
export function captureIo(terminalColumns?: number): CapturedIo {
  const [outLines, errLines, liveLines]: [string[], string[], string[]] = [[], [], []];
  return {
    outLines,
    errLines,
    liveLines,
    out: (line) => void outLines.push(line),
    err: (line) => void errLines.push(line),
    live: (text) => void liveLines.push(text),
    isTerminal: terminalColumns !== undefined,
    columns: terminalColumns ?? 80,
  };
}
