// Model files: what is written is read again.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { makeModel } from "../../../example/model/make_model.ts";
import { loadModel, restoreModel } from "../../../example/storage/saved_model.ts";
import { Failure } from "../../../example/shared/errors.ts";
import { encodeModel } from "../../../example/storage/model_file.ts";
import type { Given } from "../../../example/options/option.ts";
import type { ModelSettings } from "../../../example/options/options.ts";
import { parameterShapes } from "../../../example/model/shapes.ts";
import { Vocabulary } from "../../../example/data/vocab.ts";
import type { Gpu } from "../../../mod.ts";
import { inFolder, namesIn } from "../../support/folder.ts";
import { withGpu } from "../../support/gpu.ts";
import { numbersOf } from "../../support/numbers.ts";
import { listsOf, wordsOf } from "../../support/texts.ts";
import { assemble, fileOf, goodParts, smallSettings, WORDS } from "../../support/model_files.ts";
import { saveModel } from "../../support/saved_models.ts";

/** Settings of models of every kind. */
const KINDS: readonly Given[] = [
  {},
  { "nlayers": "1", "norm-term": "auto", "dropout": "0" },
  { "emsize": "4", "table-dtype": "f16" },
  { "emsize": "4", "tied": true },
  { "nlayers": "3", "loss": "full", "norm-term": "9" },
  { "index-module": "gru", "nlayers": "1" },
  { "index-module": "gru", "nlayers": "1", "norm-term": "-2.5", "loss": "mix" },
  { "loss": "sampled", "unique": true, "noise-ratio": "4", "norm-term": "auto" },
  { "loss": "sampled", "remove-hits": true, "norm-term": "auto" },
  // What has an effect on the test alone is kept, too.
  { "loss": "full", "norm-term": "auto", "evaluation": "sampled:4", "per-word": true },
  { "noise": "batch+uniform", "self-norm": "1e-7", "seed": "9007199254740991" },
  {
    "loss": "neg",
    "norm-term": "auto",
    "noise-power": "0.75",
    "noise-uniform": "0.1",
    "per-word": true,
  },
];

Deno.test("parameterShapes() are those of the models", () =>
  withGpu((gpu) => {
    for (const given of KINDS) {
      const settings = smallSettings(given);
      using model = makeModel(gpu, settings, WORDS);
      const shapes = [...parameterShapes(settings, WORDS.size)];
      assertEquals(shapes.map(([name]) => name), model.parameters().map(([name]) => name));
      const column = "criterion.bias.weight";
      assertEquals(
        shapes.map(([, shape]) => shape),
        model.parameters().map(([name, { shape }]) => name === column ? [...shape, 1] : shape),
      );
    }
  }));

Deno.test("loadModel() gives back what saveModel() wrote, for models of every kind", () =>
  inFolder((folder) =>
    withGpu(async (gpu) => {
      for (const given of KINDS) {
        const path = `${folder}/m.safetensors`, settings = smallSettings(given);
        using model = makeModel(gpu, settings, WORDS);
        await saveModel(gpu, path, model, { settings, vocabulary: WORDS });
        const loaded = loadModel(gpu, path);
        using again = loaded.model;
        assertEquals(
          await numbersOf(gpu, again.parameters()),
          await numbersOf(gpu, model.parameters()),
        );
        assertEquals(listsOf(loaded.vocabulary), listsOf(WORDS));
        for (const [name, value] of Object.entries(loaded.settings)) {
          assertEquals(value, Object.entries(settings).find(([key]) => key === name)![1], name);
        }
        assertEquals(Object.keys(loaded.settings).length, 18);
        const copy = `${folder}/copy.safetensors`;
        await saveModel(gpu, copy, again, loaded);
        assertEquals(Deno.readFileSync(copy), Deno.readFileSync(path));
      }
    })
  ));

/** Writes the model of these settings and loads it again; returns the file and the loaded numbers. */
async function savedBy(gpu: Gpu, folder: string, settings: ModelSettings, vocabulary: Vocabulary) {
  const path = `${folder}/m.safetensors`;
  using model = makeModel(gpu, settings, vocabulary);
  await saveModel(gpu, path, model, { settings, vocabulary });
  const { model: loaded } = loadModel(gpu, path);
  using _loaded = loaded;
  return { file: Deno.readFileSync(path), numbers: await numbersOf(gpu, loaded.parameters()) };
}

Deno.test("a model whose tables lie in several buffers has the same file, and loads from it", () =>
  inFolder((folder) =>
    withGpu((whole) =>
      withGpu(async (parted) => {
        const words = Array.from({ length: 197 }, (_, i) => `w${i}`);
        const all = ["<unk>", "<s>", "</s>", ...words];
        const vocabulary = Vocabulary.from(all, all.map(() => 1));
        for (const given of KINDS.slice(0, 5)) {
          const settings = smallSettings(given);
          const expected = await savedBy(whole, folder, settings, vocabulary);
          assertEquals(await savedBy(parted, folder, settings, vocabulary), expected);
        }
      }, { maxBindingBytes: 1 }), { maxBindingBytes: 2 ** 27 })
  ));

Deno.test("saveModel() refuses a number that is not finite and leaves the file before", () =>
  inFolder((folder) =>
    withGpu(async (gpu) => {
      const path = `${folder}/m.safetensors`, settings = smallSettings();
      using model = makeModel(gpu, settings, WORDS);
      const beside = { settings, vocabulary: WORDS };
      await saveModel(gpu, path, model, beside);
      const before = Deno.readFileSync(path);
      for (const [name, parameter] of model.parameters()) {
        const good = await gpu.readFloats(parameter), rows = parameter.shape[0]!;
        for (const value of [NaN, Infinity, -Infinity]) {
          const bad = good.slice();
          bad[bad.length - 1] = value;
          gpu.write(parameter, bad);
          const message = `Cannot write ${path}: ${name} has ${value} at row ${rows - 1}; `;
          await assertRejects(() => saveModel(gpu, path, model, beside), Failure, message);
          assertEquals(namesIn(folder), ["m.safetensors"]);
        }
        gpu.write(parameter, good);
      }
      assertEquals(Deno.readFileSync(path), before);
      await saveModel(gpu, path, model, beside);
      assertEquals(Deno.readFileSync(path), before);
    })
  ));

Deno.test("restoreModel() takes only the file that this run wrote", () =>
  inFolder((folder) =>
    withGpu(async (gpu) => {
      const path = `${folder}/m.safetensors`, settings = smallSettings();
      const beside = { settings, vocabulary: WORDS };
      using model = makeModel(gpu, settings, WORDS);
      const written = await saveModel(gpu, path, model, beside);
      const digest = await crypto.subtle.digest("SHA-256", Deno.readFileSync(path));
      assertEquals(written, new Uint8Array(digest).toHex());
      const best = await numbersOf(gpu, model.parameters());
      using other = makeModel(gpu, { ...settings, seed: 5 }, WORDS);
      const others = await numbersOf(gpu, other.parameters());
      await restoreModel(gpu, path, other, written, WORDS);
      assertEquals(await numbersOf(gpu, other.parameters()), best);
      for (const [name, parameter] of other.parameters()) gpu.write(parameter, others.get(name)!);
      await saveModel(gpu, path, other, beside);
      await assertRejects(
        () => restoreModel(gpu, path, model, written, WORDS),
        Failure,
        `Cannot load ${path}: it is not the file that this run wrote`,
      );
      assertEquals(await numbersOf(gpu, model.parameters()), best);
    })
  ));

Deno.test("loadModel() keeps a vocabulary that was read before, if the file still has it", () =>
  inFolder((folder) =>
    withGpu(async (gpu) => {
      const path = `${folder}/m.safetensors`;
      const others = [["a", "b"], ["a", '\u00e9"\\', "c"]].map((words) =>
        Vocabulary.from(
          ["<unk>", "<s>", "</s>", ...words],
          [2, 3, 0, 5, 1, 1].slice(0, 3 + words.length),
        )
      );
      const counted = Vocabulary.from(wordsOf(WORDS), [2, 3, 0, 5, 2]);
      Deno.writeFileSync(path, fileOf(smallSettings()));
      const known = Vocabulary.from(wordsOf(WORDS), [...WORDS.counts]);
      const { model, vocabulary } = loadModel(gpu, path, known);
      assert(vocabulary === known);
      const numbers = await numbersOf(gpu, model.parameters());
      model.dispose();
      const { model: again } = loadModel(gpu, path);
      assertEquals(await numbersOf(gpu, again.parameters()), numbers);
      again.dispose();
      const level = gpu.memory.bytes;
      const refuse = (known: Vocabulary) => {
        const error = assertThrows(() => loadModel(gpu, path, known), Failure);
        assertEquals(
          error.message,
          `Cannot load ${path}: another program replaced it while it was read; try again`,
        );
      };
      for (const other of [...others, counted]) refuse(other);
      for (const missing of [{ words: undefined }, { counts: undefined }]) {
        Deno.writeFileSync(path, assemble({ ...goodParts(), ...missing }));
        refuse(known);
      }
      assertEquals(gpu.memory.bytes, level);
    })
  ));

Deno.test("a model file's header does not grow with its words", () => {
  const settings = smallSettings();
  const vocabulary = (size: number) => {
    const words = Array.from({ length: size }, (_, i) => `word${10000 + i}`);
    return Vocabulary.from(["<unk>", "<s>", "</s>", ...words], new Array(size + 3).fill(1));
  };
  const sizes = [97, 997].map((size) => {
    const { before: [header], after } = encodeModel({ settings, vocabulary: vocabulary(size) });
    return [header!.length, after.length];
  });
  assert(Math.abs(sizes[0]![0]! - sizes[1]![0]!) < 100);
  assertEquals(sizes[1]![1]! - sizes[0]![1]!, 900 * "word10000\n".length);
});
