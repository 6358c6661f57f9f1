// The line that describes a model.

import { assertEquals } from "@std/assert";
import { describeModel } from "../../../example/commands/describe.ts";
import type { Given } from "../../../example/options/option.ts";
import { parseSettings } from "../../../example/options/settings.ts";

const SIZES: Given = { train: true, emsize: "4", nhid: "3", nlayers: "2" };

Deno.test("describeModel() names the network, its sizes, and what its loss depends on", () => {
  const cases: readonly [Given, string][] = [
    [{}, "LSTM 2 x 3, embedding 4, 310 parameters; loss full"],
    [{ tied: true }, "LSTM 2 x 3, embedding 4, tied, 270 parameters; loss full"],
    [
      { "table-dtype": "f16", tied: true, "self-norm": "0.5" },
      "LSTM 2 x 3, embedding 4 in f16, tied, 270 parameters; loss full, norm term auto, self-norm 0.5",
    ],
    [
      { loss: "nce", "noise-ratio": "7", "norm-term": "9" },
      "LSTM 2 x 3, embedding 4, 310 parameters; loss nce, unigram noise, k = 7, norm term 9",
    ],
    [
      { loss: "sampled", noise: "batch" },
      "LSTM 2 x 3, embedding 4, 310 parameters; loss sampled, batch noise, norm term auto",
    ],
    [
      {
        "index-module": "gru",
        nlayers: "1",
        loss: "mix",
        noise: "batch+uniform",
        "noise-ratio": "5",
      },
      "GRU 3, embedding 4, 125 parameters; loss mix, batch+uniform noise, k = 5, norm term auto",
    ],
  ];
  for (const [given, text] of cases) {
    assertEquals(describeModel(parseSettings({ ...SIZES, ...given }), 10), text);
  }
});
