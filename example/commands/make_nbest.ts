/** `make-nbest`: n-best lists of the synthetic language, to try rescoring where the optimum is known. */

import { parseSynthetic } from "../data/synthetic.ts";
import { MAKE_NBEST } from "../options/make_nbest.ts";
import { type Given, readOptions } from "../options/option.ts";
import { jsonLine } from "../rescoring/json_lists.ts";
import { listIds, makeLists } from "../rescoring/make_lists.ts";
import type { NBestList } from "../rescoring/nbest.ts";
import { checkListOutput, writeLists } from "../rescoring/read_lists.ts";
import { UsageError } from "../shared/errors.ts";
import { checkWritable, writeFileAtomically } from "../shared/files.ts";
import { labelled } from "../shared/format.ts";
import type { Io } from "../shared/io.ts";
import { checkOutput, textKind } from "../shared/output.ts";
import { errorBar } from "../shared/progress.ts";

/**
 * Makes lists.
 *
 * @throws {UsageError} If the language is unknown, the format is not one for standard output, or what is no such
 *   list would be replaced.
 * @throws {Failure} If a file cannot be written.
 */
export function makeNBest(given: Given, io: Io): void {
  const { data, format, out, ...options } = readOptions(MAKE_NBEST, given);
  if (out === null && format !== "json") {
    throw new UsageError(`--format ${format} makes a folder: give its path by --out`);
  }
  const language = parseSynthetic(data), lists: NBestList[] = [], isFolder = format !== "json";
  if (out !== null) {
    const ids = listIds(options.lists);
    checkWritable(checkListOutput(out, { format, isFolder }, ids));
    const references = textKind("file of references", (text) => /^utt0*1\s/.test(text));
    if (isFolder) checkOutput([`${out}.ref`], references);
  }
  using bar = errorBar(io, "making lists", options.lists);
  for (const list of makeLists({ language, ...options })) {
    if (out === null) io.write(`${jsonLine(list)}\n`);
    else lists.push(list);
    bar?.step();
  }
  if (out === null) return;
  writeLists(out, { format, isFolder, lists });
  io.out(labelled("wrote", out));
  if (!isFolder) return;
  const references = lists.map(({ id, reference = [] }) => `${[id, ...reference].join(" ")}\n`);
  writeFileAtomically(`${out}.ref`, references.join(""));
  io.out(labelled("wrote", `${out}.ref`));
}
