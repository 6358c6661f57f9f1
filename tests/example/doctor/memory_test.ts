// What the doctor says of memory.

import { assertEquals } from "@std/assert";
import { memoryFindings } from "../../../example/doctor/memory.ts";

Deno.test("memoryFindings() tells what the model takes, and how near its largest tensor is to the limit", () => {
  const fullest = { what: "the words' vectors", shape: [1000, 200], most: 800_000, sizes: [] };
  const figures = { parameters: 2e6, kept: 4e6, peak: 7e7 };
  const texts = (free?: number) =>
    memoryFindings(figures, fullest, free).map(({ name, grade, text }) =>
      `${name} ${grade} ${text}`
    );
  assertEquals(texts(), [
    "tables fine parameters 2 MB, with the optimizer 4 MB",
    "largest fine the words' vectors, [1000, 200], take 25 % of what the adapter allows",
    "step fine 70 MB at most, in training and evaluation",
  ]);
  const [enough, little] = [7e7, 6e7].map((free) => texts(free)[2]);
  assertEquals(
    enough,
    "step fine 70 MB at most, in training and evaluation; the machine has 70 MB left",
  );
  assertEquals(
    little,
    "step warn 70 MB at most, in training and evaluation; the machine has 60 MB left",
  );
});
