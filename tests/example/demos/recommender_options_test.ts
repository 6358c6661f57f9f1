// The options of the recommender.

import { assertEquals, assertThrows } from "@std/assert";
import { HELP, parseRecommender } from "../../../example/demos/recommender_options.ts";
import { UsageError } from "../../../example/shared/errors.ts";
import { deno } from "../../support/process.ts";

Deno.test("parseRecommender() reads the sizes, and their defaults", () => {
  assertEquals(parseRecommender([]), undefined);
  assertEquals(parseRecommender(["--items", "50", "--help"]), "help");
  assertEquals(parseRecommender(["--items", "10000000"]), {
    items: 10_000_000,
    dim: 16,
    steps: 1000,
  });
  const words = ["--items=20000", "--dim", "32", "--steps", "1"];
  assertEquals(parseRecommender(words), { items: 20_000, dim: 32, steps: 1 });
});

Deno.test("parseRecommender() refuses what is wrong, and says what is right", () => {
  const cases: [string[], string][] = [
    [["--items", "15000"], 'a multiple of 10000 from 10000 to 1000000000, got "15000"'],
    [["--items", "0"], '--items must be a multiple of 10000 from 10000 to 1000000000, got "0"'],
    [["--items", "2000000000"], 'got "2000000000"'],
    [["--items", "1e7"], 'got "1e7"'],
    [["--items=20000", "--dim", "0"], '--dim must be an integer from 1 to 1024, got "0"'],
    [["--items=20000", "--steps", "1.5"], "--steps must be an integer from 1 to 1000000000"],
    [["--dim", "16"], "--dim needs --items"],
    [["--steps", "16"], "--steps needs --items"],
    [["--item", "10000"], "Unknown option '--item'"],
    [["--items"], "see --help"],
    [["more"], "see --help"],
  ];
  for (const [words, message] of cases) {
    assertThrows(() => parseRecommender(words), UsageError, message);
  }
});

Deno.test("the recommender needs no permissions to help, and ends with 2 after wrong use", async () => {
  const program = "example/demos/recommender.ts", args = ["run", "--quiet", "--no-prompt", program];
  const help = await deno([...args, "--help"], ".");
  assertEquals(help, { code: 0, out: `${HELP}\n`, err: "" });
  const wrong = await deno([...args, "--steps", "9"], ".");
  const err = "--steps needs --items: the usual recommender has fixed sizes\n";
  assertEquals(wrong, { code: 2, out: "", err });
});
