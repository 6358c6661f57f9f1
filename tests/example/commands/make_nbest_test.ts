// make-nbest: where lists go, in which form, and what was said beside them.

import { assertEquals, assertThrows } from "@std/assert";
import { makeNBest } from "../../../example/commands/make_nbest.ts";
import { readLists, readReferences } from "../../../example/rescoring/read_lists.ts";
import { UsageError } from "../../../example/shared/errors.ts";
import { captureIo } from "../../support/capture_io.ts";
import { inFolder, namesIn } from "../../support/folder.ts";

const FEW = { data: "synthetic:words=1000,vocab=100", lists: "3", size: "2" };

Deno.test("make-nbest prints JSON, or writes lists in any format, and what was said beside others", () =>
  inFolder(async () => {
    const printed = captureIo();
    makeNBest(FEW, printed);
    assertEquals(namesIn("."), []);
    const words = (text: string) => text.split(" ").filter((word) => word !== "");
    const said = new Map(printed.outLines.map((line) => {
      const { id, reference } = JSON.parse(line);
      return [id, words(reference)];
    }));
    assertEquals([...said.keys()], ["utt1", "utt2", "utt3"]);
    for (const format of ["json", "srilm", "kaldi"] as const) {
      const io = captureIo(), isJson = format === "json";
      makeNBest({ ...FEW, format, out: format }, io);
      const { lists, isFolder } = await readLists(format, format);
      assertEquals([lists.map(({ id }) => id), isFolder], [[...said.keys()], !isJson]);
      assertEquals(lists.every(({ hypotheses }) => hypotheses.length <= 2), true);
      if (!isJson) assertEquals(await readReferences(`${format}.ref`, new Set(said.keys())), said);
      const paths = isJson ? [format] : [format, `${format}.ref`];
      assertEquals(io.outLines, paths.map((path) => `wrote       ${path}`));
    }
    assertEquals(namesIn("."), ["json", "kaldi", "kaldi.ref", "srilm", "srilm.ref"]);
    const toFolder = () => makeNBest({ ...FEW, format: "kaldi" }, captureIo());
    assertThrows(toFolder, UsageError, "--format kaldi makes a folder: give its path by --out");
  }));
