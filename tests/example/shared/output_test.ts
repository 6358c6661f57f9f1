// What a command may replace: files of its own kind, and nothing that it reads.

import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../../example/shared/errors.ts";
import { checkOutput, textKind } from "../../../example/shared/output.ts";
import { inFolder } from "../../support/folder.ts";

const POEM = textKind("poem", (text) => text.startsWith("O "));

Deno.test("checkOutput() lets a new file, an empty one, one of the kind and a folder pass", () =>
  inFolder(() => {
    Deno.mkdirSync("folder"); // writing it says what is wrong
    checkOutput(["new", "folder/new", "empty", "poem", "folder"], POEM, ["none", "other"]);
  }, { "empty": "", "poem": "O sea", "other": "O land" }));

Deno.test("checkOutput() refuses a file of another kind, and one that is read by whatever name", () =>
  inFolder(() => {
    const refuse = (paths: string[], inputs: string[], message: string) => {
      const error = assertThrows(() => checkOutput(paths, POEM, inputs), UsageError);
      assertEquals(error.message, message);
    };
    refuse(["poem", "bill"], [], "Cannot replace bill, which is no poem: give another --out");
    Deno.symlinkSync("poem", "link");
    Deno.mkdirSync("folder");
    for (const name of ["poem", "./poem", "link"]) {
      refuse(["new", name], ["poem"], `Cannot write ${name}, which is read: give another --out`);
    }
    refuse(["poem"], ["none", "link"], "Cannot write poem, which is read: give another --out");
    refuse(["folder/"], ["./folder"], "Cannot write folder/, which is read: give another --out");
  }, { "poem": "O sea", "bill": "12.50" }));
