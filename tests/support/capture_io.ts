/** An `Io` for tests that keeps what is written to it. */

import type { Io } from "../../example/shared/io.ts";

/** What was written, line by line; `live` has every drawing of the live line. */
export interface CapturedIo extends Io {
  readonly outLines: string[];
  readonly errLines: string[];
  readonly liveLines: string[];
  /** Drawings of the live line on standard error. */
  readonly errorLiveLines: string[];
}

/** Makes one that is no terminal, or one of the given width that is. */
export function captureIo(terminalColumns?: number): CapturedIo {
  const [outLines, errLines]: [string[], string[]] = [[], []];
  const [liveLines, errorLiveLines]: [string[], string[]] = [[], []];
  const screen = (lines: string[], live: string[]) => ({
    out: (line: string) => void lines.push(line),
    live: (text: string) => void live.push(text),
    isTerminal: terminalColumns !== undefined,
    columns: terminalColumns ?? 80,
  });
  return {
    ...{ outLines, errLines, liveLines, errorLiveLines },
    ...screen(outLines, liveLines),
    result: (line) => void outLines.push(line),
    detail: () => {},
    error: screen(errLines, errorLiveLines),
    err: (line) => void errLines.push(line),
    write: (text) => void outLines.push(...text.trimEnd().split("\n")),
  };
}
