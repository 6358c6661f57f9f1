// The noise of a PyTorch file, by which words and counts that are another model's are found.

import { assertEquals } from "@std/assert";
import { Vocabulary } from "../../../example/data/vocab.ts";
import { foreignNoise, vocabularyPath } from "../../../example/storage/pytorch.ts";

const WORDS = Vocabulary.from(["<unk>", "<s>", "</s>", "a", "b"], [0, 5, 0, 3, 2]);

/** What foreignNoise() finds in these logarithms. */
function foreign(logs: readonly number[]): string | undefined {
  const numbers = Float32Array.from(logs);
  return foreignNoise({ size: numbers.length, read: () => numbers }, WORDS);
}

Deno.test("foreignNoise() names the first word that the counts give another probability", () => {
  const least = Math.log(1e-10), own = [least, Math.log(0.5), least, Math.log(0.3), Math.log(0.2)];
  assertEquals(foreign(own), undefined);
  assertEquals(foreign(own.map((x) => x + 5e-4)), undefined); // as far as numbers are rounded
  assertEquals(foreign(own.with(3, own[3]! + 2e-3)), "a");
  assertEquals(foreign(own.with(4, NaN)), "b");
  assertEquals(foreign(own.with(0, -Infinity)), "<unk>");
});

Deno.test("vocabularyPath() has the ending .json in place of .safetensors", () => {
  const paths = ["a/m.safetensors", "a/m", "m.safetensors.bin"].map(vocabularyPath);
  assertEquals(paths, ["a/m.json", "a/m.json", "m.safetensors.bin.json"]);
});
