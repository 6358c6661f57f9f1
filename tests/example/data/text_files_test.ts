// Which files a part of a text is in, and what is said where there are none.

import { assertEquals, assertThrows } from "@std/assert";
import { filesOf } from "../../../example/data/text_files.ts";
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
