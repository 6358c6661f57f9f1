/** Tests that a model cannot have. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { evaluationProblem } from "../../../example/options/evaluation_kind.ts";
import { LOSSES, NOISES } from "../../../example/options/choices.ts";
import type { Given } from "../../../example/options/option.ts";
import { parseSettings } from "../../../example/options/settings.ts";
import { UsageError } from "../../../example/shared/errors.ts";

/** Tests that a model of `--train`'s options refuses, with the message. */
const EVALUATIONS: readonly (readonly [Given, string])[] = [
  ...["full", "nce", "sampled:5"].map((evaluation): [Given, string] => [
    { loss: "neg", evaluation },
    `Cannot test a model of --loss neg by --evaluation ${evaluation}: its scores are no ` +
    "probabilities, and it has no perplexity; give --evaluation loss",
  ]),
  [
    { loss: "mix", evaluation: "loss" },
    "Cannot test a model of --loss mix by --evaluation loss: it is a loss for training only; " +
    "give --evaluation full or nce",
  ],
  [
    { loss: "nce", evaluation: "loss" },
    "Cannot test a model of --loss nce by --evaluation loss: outside training its loss is the raw " +
    "scores'; give --evaluation nce",
  ],
  ...[["sampled", "batch"], ["sampled", "batch+uniform"], ["nce", "batch"]].map(
    ([loss, noise]): [Given, string] => [
      { loss, noise, evaluation: "sampled:5" },
      `Cannot test a model of --loss ${loss} by --evaluation sampled:5: --noise ${noise} has as ` +
      `many samples as a batch has words; give --evaluation full or ${
        loss === "nce" ? "nce" : "loss"
      }`,
    ],
  ),
  [
    { "loss": "sampled", "unique": true, "noise-ratio": "7", "evaluation": "sampled:5" },
    "Cannot test a model of --loss sampled by --evaluation sampled:5: with --unique there are " +
    "--noise-ratio samples; give --evaluation sampled:7",
  ],
];

Deno.test("parseSettings() refuses an evaluation that the model cannot have, which is saved or not", () => {
  for (const [given, message] of EVALUATIONS) {
    const refused = () => parseSettings({ ...given, train: true });
    assertEquals(assertThrows(refused, UsageError).message, message);
    // Without --train the loss given here is not the model's.
    const settings = parseSettings({ ...given, train: false });
    assertEquals(evaluationProblem(settings, settings.evaluation), message);
  }
  for (const sampled of [1, 1e7]) {
    assertEquals(parseSettings({ evaluation: `sampled:${sampled}` }).evaluation, { sampled });
  }
  assertEquals(parseSettings({ train: true, loss: "neg" }).evaluation, "loss");
  for (const loss of LOSSES) {
    for (const noise of NOISES) {
      const model = { loss, noise, noiseRatio: 5, unique: false };
      const kinds = (["full", "nce", "loss", { sampled: 9 }] as const).filter((kind) =>
        evaluationProblem(model, kind) === undefined
      );
      assert(kinds.length > 0, `a model of ${loss} can be tested`);
    }
  }
});
