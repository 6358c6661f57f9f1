// Numbers of samples that a run refuses, or warns of, once it knows the number of words.

import { assertEquals, assertThrows } from "@std/assert";
import { checkSamples } from "../../../example/commands/samples.ts";
import type { Corpus } from "../../../example/data/corpus.ts";
import { Vocabulary } from "../../../example/data/vocab.ts";
import type { Given } from "../../../example/options/option.ts";
import { parseSettings } from "../../../example/options/settings.ts";
import { UsageError } from "../../../example/shared/errors.ts";
import { captureIo } from "../../support/capture_io.ts";

/** Of five words, one more frequent than the one before. */
const VOCABULARY = Vocabulary.from(["<unk>", "<s>", "</s>", "a", "b"], [0, 5, 0, 3, 4]);

/** The warnings of a training run with these options. */
function warnings(given: Given): string[] {
  const io = captureIo(), settings = parseSettings({ train: true, ...given });
  checkSamples(settings, { vocabulary: VOCABULARY } as Corpus, io);
  return io.errLines;
}

Deno.test("a run warns of more samples than words, in training and in the test", () => {
  const over = (
    option: string,
    cure: string,
  ) => [`warning: ${option} is over the 5 words; ${cure} costs less`];
  const none: readonly Given[] = [
    { "evaluation": "sampled:5" },
    { "loss": "nce", "noise-ratio": "5" },
    { "loss": "nce", "noise": "batch" },
    { "loss": "full" },
  ];
  for (const given of none) assertEquals(warnings(given), [], JSON.stringify(given));
  assertEquals(
    warnings({ "evaluation": "sampled:6" }),
    over("--evaluation sampled:6", "--evaluation full"),
  );
  const nce = { "loss": "nce", "noise-ratio": "6" };
  assertEquals(warnings(nce), over("--noise-ratio 6", "--loss full"));
  const [disordered, ...others] = warnings({ ...nce, "noise": "log-uniform" });
  assertEquals(disordered?.startsWith("warning: --noise log-uniform takes ids"), true);
  assertEquals(others, over("--noise-ratio 6", "--loss full"));
});

Deno.test("a run refuses samples that it cannot draw", () => {
  const unique = (ratio: string) =>
    warnings({ "loss": "sampled", "unique": true, "noise-ratio": ratio });
  assertEquals(unique("5"), []);
  const message = "Cannot draw --noise-ratio 6 different words (--unique) of 5: give at most 5";
  assertThrows(() => unique("6"), UsageError, message);
  const batch = (sizes: Given) => () => warnings({ "loss": "nce", "noise": "batch", ...sizes });
  assertThrows(batch({ "batch-size": "1", "bptt": "1" }), UsageError, "Cannot use --noise batch");
  for (const sizes of [{ "batch-size": "1" }, { "bptt": "1" }]) assertEquals(batch(sizes)(), []);
});
