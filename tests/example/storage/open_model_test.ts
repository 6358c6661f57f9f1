// Models by path and by name, and what is said of those that are not there or no models.

import { assertEquals, assertThrows } from "@std/assert";
import { Failure, UsageError } from "../../../example/shared/errors.ts";
import { ofBytes } from "../../../example/shared/files.ts";
import { readValidation } from "../../../example/storage/model_file.ts";
import { findModel, findOutline, modelPathOf } from "../../../example/storage/open_model.ts";
import { encodeHeader } from "../../../example/storage/safetensors.ts";
import { inFolder } from "../../support/folder.ts";
import { assemble, fileOf, goodParts, smallSettings, WORDS } from "../../support/model_files.ts";
import { listsOf } from "../../support/texts.ts";

Deno.test("modelPathOf() takes a word with a folder or the ending for a path, all else for a name", () => {
  assertEquals(modelPathOf("penn"), "saved_model/penn.safetensors");
  for (const path of ["./penn", "a/b", "penn.safetensors", "/x/y.safetensors"]) {
    assertEquals(modelPathOf(path), path);
  }
});

Deno.test("findModel() reads settings, vocabulary and card, by path or by name", () =>
  inFolder(() => {
    const settings = smallSettings(), parts = goodParts();
    Deno.mkdirSync("saved_model");
    Deno.writeFileSync("saved_model/good.safetensors", fileOf(settings));
    const figures = { mean: 8.5, std: 0.1, normTerm: 9, rawPplBest: 70 };
    const card = { ...figures, percentiles: [8, 8.5, 9] };
    const metadata = { ...parts.metadata, selfNormalization: JSON.stringify(card) };
    Deno.writeFileSync("carded", assemble({ ...parts, metadata }));
    const found = findModel("good"), carded = findModel("./carded");
    assertEquals(found.path, "saved_model/good.safetensors");
    assertEquals([found.settings, found.card], [carded.settings, undefined]);
    assertEquals(listsOf(found.vocabulary), listsOf(WORDS));
    assertEquals<unknown>(carded.card, card);
    const cards = Object.keys(figures).flatMap((name) =>
      [undefined, null, "1", [1], {}].map((wrong) => JSON.stringify({ ...figures, [name]: wrong }))
    );
    for (const damaged of ["{", "null", "{}", "[]", ...cards]) {
      const metadata = { ...parts.metadata, selfNormalization: damaged };
      Deno.writeFileSync("carded", assemble({ ...parts, metadata }));
      assertEquals(findModel("./carded").card, undefined);
    }
  }));

Deno.test("findOutline() tells settings and number of words, and reads none of the words", () =>
  inFolder(() => {
    const settings = smallSettings(), parts = goodParts(), words = new Uint8Array(9); // without an end
    Deno.writeFileSync("a.safetensors", fileOf(settings));
    assertEquals(findOutline("a.safetensors"), {
      settings: findModel("a.safetensors").settings,
      words: WORDS.size,
    });
    Deno.writeFileSync("b.safetensors", assemble({ ...parts, words }));
    assertThrows(() => findModel("b.safetensors"), Failure, "the vocabulary is damaged");
    assertEquals(findOutline("b.safetensors"), findOutline("a.safetensors"));
    const refused = [[{ counts: undefined }, "its counts are missing"], [
      { counts: parts.counts!.subarray(8) },
      "is [5,3], expected [4,3]",
    ]] as const;
    for (const [damaged, reason] of refused) {
      Deno.writeFileSync("c.safetensors", assemble({ ...parts, ...damaged }));
      assertThrows(() => findOutline("c.safetensors"), Failure, reason);
    }
  }));

Deno.test("readValidation() takes a result, and nothing that only looks like one", () => {
  const read = (validation: string) => {
    const parts = goodParts(), metadata = { ...parts.metadata, validation };
    return readValidation(ofBytes(assemble({ ...parts, metadata }), "m"));
  };
  const good = { kind: "loss", measure: 1.5 } as const;
  assertEquals(read(JSON.stringify(good)), good);
  const kinds = ['"ppm"', "null", "1"].map((kind) => `{"kind":${kind},"measure":1}`);
  const measures = ["null", '"1"', "[]"].map((measure) => `{"kind":"ppl","measure":${measure}}`);
  for (const text of ["{", "null", "[]", "{}", ...kinds, ...measures]) {
    assertThrows(() => read(text), Failure, "Cannot load m: its validation", text);
  }
  const without = () => readValidation(ofBytes(fileOf(smallSettings()), "m"));
  assertThrows(without, Failure, "Cannot load m: its validation is missing");
});

Deno.test("findModel() says what to give instead of a model that is not there", () =>
  inFolder(() => {
    const refuse = (word: string, cure: string) => {
      const message = `There is no model ${modelPathOf(word)}: ${cure}`;
      for (const find of [findModel, findOutline]) {
        assertEquals(assertThrows(() => find(word), UsageError).message, message);
      }
    };
    refuse("penn", "train it with --train, or give the path of a model file");
    Deno.mkdirSync("saved_model");
    for (const name of ["penn", "demo", "other.checkpoint"]) {
      Deno.writeTextFileSync(`saved_model/${name}.safetensors`, "");
    }
    refuse("pen", "did you mean penn?");
    refuse("wiki", "saved_model has demo and penn");
    refuse(
      "other",
      "only its checkpoint is there, from which --train --resume goes on; with --max-minutes 0 " +
        "that leaves a model at once",
    );
    refuse("./penn", "did you mean penn?");
    Deno.writeTextFileSync("wiki", "");
    refuse("wiki", "for the file wiki, give ./wiki");
    for (const i of [1, 2, 3, 4]) Deno.writeTextFileSync(`saved_model/more${i}.safetensors`, "");
    refuse("xyz", "saved_model has demo, more1, more2, more3, more4, and others");
  }));

Deno.test("findModel() refuses what is no model, or not whole, before anything is opened", () =>
  inFolder(() => {
    const good = fileOf(smallSettings()), parts = goodParts();
    const refuse = (bytes: Uint8Array, reason: string) => {
      Deno.writeFileSync("a.safetensors", bytes);
      for (const find of [findModel, findOutline]) {
        assertThrows(
          () => find("a.safetensors"),
          Failure,
          `Cannot load a.safetensors: ${reason}`,
        );
      }
    };
    refuse(new Uint8Array(), "it is truncated: it has 0 bytes");
    refuse(good.subarray(0, 100), "it is truncated or no safetensors file");
    refuse(good.subarray(0, good.length - 1), "");
    refuse(new TextEncoder().encode("a text, and no model\n"), "it is truncated or no safetensors");
    const other = { ...parts, metadata: { kind: "another" } };
    refuse(assemble(other), "it is not a word language model of this program; import takes one");
    const table = new Uint8Array([
      ...encodeHeader([["criterion.alias.prob", [1], "F64"]]),
      ...new Uint8Array(8),
    ]);
    refuse(table, "it is not a word language model of this program; import takes one");
    refuse(
      assemble({ ...parts, metadata: { kind: "nce checkpoint" } }),
      "it is a checkpoint, from which --train --resume goes on, and no model",
    );
  }));
