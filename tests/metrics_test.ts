/** Metrics: the JSON lines of a run. */

import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { Failure } from "../example/errors.ts";
import { Metrics } from "../example/metrics.ts";
import { parseSettings } from "../example/settings.ts";
import { inFolder } from "./folder.ts";

Deno.test("Metrics.write() appends one JSON object a line when called again and again", async () => {
  await inFolder((folder) => {
    const config = parseSettings({});
    const events = [
      { event: "start", config, adapter: "llvmpipe", vocabulary: 10001, seed: 1111 },
      {
        event: "train",
        epoch: 1,
        batch: 200,
        batches: 2104,
        loss: 5.5,
        lr: 1,
        tokensPerSecond: 4000,
      },
      { event: "epoch", epoch: 1, seconds: 9.5, validPpl: 416.5, lr: 1, tokensPerSecond: 4000 },
      { event: "test", evaluation: "full", ppl: 264.6, tokens: 82430 },
    ] as const;
    const saved = `${folder}/saved/model`;
    const metrics = new Metrics("m", saved);
    events.slice(0, 2).forEach((event) => metrics.write(event));
    const again = new Metrics("m", saved);
    events.slice(2).forEach((event) => again.write(event));
    assertEquals(again.path, `${saved}/m.metrics.jsonl`);
    const text = Deno.readTextFileSync(again.path);
    assertEquals(text, events.map((event) => JSON.stringify(event) + "\n").join(""));
    assertMatch(text, /^\{"event":"start","config":\{"train":false,/);
  });
});

Deno.test("Metrics.write() writes null when a figure is not finite", async () => {
  await inFolder((folder) => {
    const metrics = new Metrics("m", folder);
    metrics.write({ event: "test", evaluation: "full", ppl: Infinity, tokens: 0 });
    const text = Deno.readTextFileSync(metrics.path);
    assertEquals(text, '{"event":"test","evaluation":"full","ppl":null,"tokens":0}\n');
  });
});

Deno.test("Metrics names the file when it cannot be written", async () => {
  await inFolder((folder) => {
    Deno.writeTextFileSync(`${folder}/file`, "");
    const error = assertThrows(() => new Metrics("m", `${folder}/file`), Failure);
    assertMatch(error.message, /^Cannot write .*\/file\/m\.metrics\.jsonl: /);
    Deno.mkdirSync(`${folder}/m.metrics.jsonl`);
    const metrics = new Metrics("m", folder);
    const event = { event: "test", evaluation: "full", ppl: 1, tokens: 1 } as const;
    assertThrows(() => metrics.write(event), Failure, "Cannot write");
  });
});
