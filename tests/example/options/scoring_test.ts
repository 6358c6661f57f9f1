// How text may be scored and generated, and by which models: what is read, named and refused.

import { assertEquals, assertThrows } from "@std/assert";
import { measureText } from "../../../example/options/evaluation_kind.ts";
import { checkChoice, GENERATE } from "../../../example/options/generate.ts";
import { systemsOf } from "../../../example/options/rescore.ts";
import { NAME } from "../../../example/options/run_options.ts";
import { MODE, modeProblem } from "../../../example/options/scoring.ts";
import { type Given, readOptions } from "../../../example/options/option.ts";
import { parseSettings } from "../../../example/options/settings.ts";
import { UsageError } from "../../../example/shared/errors.ts";

Deno.test("systemsOf() finds models and their own modes, and names those that have one", () => {
  assertEquals(systemsOf("a,b:raw,./c/d.safetensors:sampled:7,e:raw-best,f:exact", "raw"), [
    { name: "a:raw", model: "a", mode: "raw" },
    { name: "b:raw", model: "b", mode: "raw" },
    { name: "./c/d.safetensors:sampled:7", model: "./c/d.safetensors", mode: { sampled: 7 } },
    { name: "e:raw-best", model: "e", mode: "raw-best" },
    { name: "f:exact", model: "f", mode: "exact" },
  ]);
  assertEquals(systemsOf("a", "exact"), [{ name: "a", model: "a", mode: "exact" }]);
  const paths = ["x:1/a", "C:\\a", "a:b.safetensors"];
  assertEquals(systemsOf(paths.join(), "exact").map(({ model }) => model), paths);
  assertEquals(systemsOf("C:\\a:raw", "exact")[0]!.model, "C:\\a");
});

Deno.test("modeProblem() says which models have no such scores", () => {
  const problem = (given: Given, mode: string) =>
    modeProblem(parseSettings({ train: true, ...given }), MODE.read(mode)!);
  const neg = "it was trained by --loss neg, and its scores are no probabilities";
  for (const mode of ["exact", "raw", "sampled:5"]) {
    assertEquals(problem({ "loss": "neg" }, mode), neg);
    assertEquals(problem({ "loss": "sampled", "noise-ratio": "9" }, mode), undefined);
  }
  const batch = { "loss": "nce", "noise": "batch+unigram" },
    cannot = "it cannot score by --mode sampled:5";
  assertEquals([problem(batch, "exact"), problem(batch, "raw")], [undefined, undefined]);
  assertEquals(
    problem(batch, "sampled:5"),
    `${cannot}: its --noise batch+unigram has as many samples as a batch has words; give --mode exact`,
  );
  const unique = { "loss": "sampled", "unique": true, "noise-ratio": "9" };
  assertEquals([problem(unique, "sampled:9"), problem(unique, "exact")], [undefined, undefined]);
  assertEquals(
    problem(unique, "sampled:5"),
    `${cannot}: it was trained with --unique; give --mode sampled:9`,
  );
});

Deno.test("measureText() calls the raw scores by their name, not by a loss of that name", () => {
  assertEquals(["nce", "loss", "sampled:9"].map(measureText), [
    "raw negative log probability",
    "loss",
    "sampled:9 loss",
  ]);
});

Deno.test("checkChoice() refuses limits where the best word is taken in any case", () => {
  const check = (given: Given) => checkChoice(readOptions(GENERATE, given));
  for (const given of [{}, { "top-k": "3" }, { temperature: "0" }, { "top-p": "1" }]) check(given);
  for (const [option, value] of [["top-k", "3"], ["top-p", "0.5"]] as const) {
    const message = `--${option} ${value} has no effect with --temperature 0: leave it out`;
    assertThrows(() => check({ temperature: "0", [option]: value }), UsageError, message);
  }
});

Deno.test("a name is that of a file in the program's own folders, of at most 200 bytes", () => {
  for (const name of ["a", "a.b", "...a", "x".repeat(200), "\u00e9".repeat(100)]) {
    assertEquals(NAME.read(name), name);
  }
  const others = [
    "",
    ".",
    "..",
    "a/b",
    "a\\b",
    "a:b",
    "a\n",
    "x".repeat(201),
    "\u00e9".repeat(101),
  ];
  for (const name of others) assertEquals(NAME.read(name), undefined, name);
});
