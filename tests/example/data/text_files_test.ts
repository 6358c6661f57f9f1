// Which files a part of a text is in, and what is said where there are none.

import { assertEquals, assertThrows } from "@std/assert";
import { loadCorpus } from "../../../example/data/corpus.ts";
import { filesOf, nameOf } from "../../../example/data/text_files.ts";
import { fileFindings } from "../../../example/doctor/files.ts";
import { UsageError } from "../../../example/shared/errors.ts";
import { inFolder } from "../../support/folder.ts";

/** Names in a folder, the part that is looked for, and what the refusal says after `no such file`. */
const MISSING: readonly [names: readonly string[], part: string, cure: string][] = [
  [[], "train", "a text is train.txt, valid.txt and test.txt, a sentence a line"],
  [
    ["test.txt", "valid.txt"],
    "train",
    "a text is train.txt, valid.txt and test.txt, a sentence a line",
  ],
  [["ptb.train.txt", "ptb.valid.txt"], "train", "name ptb.train.txt so, if that is it"],
  [["wiki.test.tokens", "wiki.valid.tokens"], "valid", "name wiki.valid.tokens so, if that is it"],
  [["TRAIN.TXT", "constraints"], "train", "name TRAIN.TXT so, if that is it"],
  [["dev.txt", "train.txt"], "valid", "name dev.txt so, if that is it"],
  [["tst.txt", "train.txt"], "test", "name tst.txt so, if that is it"],
];

for (const [names, part, cure] of MISSING) {
  Deno.test(`filesOf() says what to do without ${part}.txt among ${names.join(" ") || "nothing"}`, () =>
    inFolder((folder) => {
      assertEquals(
        assertThrows(() => filesOf(folder, part), UsageError).message,
        `Cannot read ${folder}/${part}.txt: there is no such file; ${cure}`,
      );
    }, Object.fromEntries(names.map((name) => [name, "a\n"]))));
}

/** Files that are one part twice, and the two that the refusal names, after what they are read as. */
const TWICE: readonly [names: readonly string[], what: string, one: string, other: string][] = [
  [["train.txt.gz", "train.txt.zst"], "train.txt", "train.txt.gz", "train.txt.zst"],
  [
    ["train.txt.gz", "train-1.txt.zst", "train-2.txt"],
    "train.txt",
    "train.txt.gz",
    "train-1.txt.zst",
  ],
  [
    ["train-1.txt", "train-2.txt", "train-2.txt.gz"],
    "train-2.txt",
    "train-2.txt",
    "train-2.txt.gz",
  ],
];

for (const [names, what, one, other] of TWICE) {
  Deno.test(`filesOf() and doctor refuse ${names.join(" beside ")}`, () =>
    inFolder(async (folder) => {
      const problem =
        `Cannot tell what to read as ${folder}/${what}: there are ${one} and ${other}`;
      const cure = "keep one of them in the folder";
      assertEquals(
        assertThrows(() => filesOf(folder, "train"), UsageError).message,
        `${problem}; ${cure}`,
      );
      const [found] = await fileFindings(folder);
      assertEquals([found?.grade, found?.text, found?.cure], ["stop", problem, cure]);
    }, Object.fromEntries(names.map((name) => [name, "a\n"]))));
}

Deno.test("a plain file is read, whatever lies beside it, which runs and doctor say", () =>
  inFolder(async (folder) => {
    const notes: string[] = [];
    assertEquals(filesOf(folder, "train", notes), [`${folder}/train.txt`]);
    assertEquals(filesOf(folder, "test", notes), [`${folder}/test.txt`]);
    const said = "train.txt is read, and not train-old.txt, train.txt.gz beside it";
    assertEquals(notes, [said]);
    assertEquals((await loadCorpus({ data: folder })).notes, [said]);
    const found = (await fileFindings(folder)).filter(({ name }) => name === "other files");
    assertEquals(found.map(({ grade, text }) => [grade, text]), [["fine", said]]);
  }, {
    "train.txt": "a\n",
    "train.txt.gz": "b\n",
    "train-old.txt": "c\n",
    "valid.txt": "a\n",
    "test.txt": "a\n",
  }));

Deno.test("filesOf() takes all parts in the order of their names, and no other files", () =>
  inFolder((folder) => {
    const parts = ["train-1.txt", "train-10.txt.gz", "train-2.txt.zst"];
    assertEquals(filesOf(folder, "train"), parts.map((name) => `${folder}/${name}`));
    assertEquals(filesOf(`${folder}//`, "test"), [`${folder}/test.txt.gz`]);
    assertEquals(nameOf(filesOf(folder, "train")), `${folder}/train-*.txt`);
    assertEquals(nameOf(["my-text/train-1.txt.gz"]), "my-text/train-1.txt.gz");
    const notes: string[] = [];
    Deno.writeTextFileSync("test.txt", "");
    assertEquals(filesOf(folder, "test", notes), [`${folder}/test.txt`]);
    assertEquals(notes, ["test.txt is read, and not test.txt.gz beside it"]);
  }, {
    ...Object.fromEntries(
      ["train-2.txt.zst", "train-1.txt", "train-10.txt.gz", "test.txt.gz"].map((
        name,
      ) => [name, ""]),
    ),
    "train-1.md": "",
    "trainer.txt": "",
    "test.txt~": "",
    "test.json": "",
  }));
