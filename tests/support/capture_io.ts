/** An `Io` for tests that records its output. */

import type { Io } from "../../example/shared/io.ts";

/** The recorded lines; `live` has every state of the live line. */
export interface CapturedIo extends Io {
  readonly outLines: string[];
  readonly errLines: string[];
  readonly liveLines: string[];
  /** States of the live line on standard error. */
  readonly errorLiveLines: string[];
}

/** Makes a terminal of the given width, or no terminal. */
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
