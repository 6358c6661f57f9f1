/** N-best lists for a small model, and what `rescore` makes of them. */

import { rescore } from "../../example/commands/rescore.ts";
import type { Given } from "../../example/options/option.ts";
import { jsonLine } from "../../example/rescoring/json_lists.ts";
import type { NBestList } from "../../example/rescoring/nbest.ts";
import { captureIo } from "./capture_io.ts";
import { inFolder } from "./folder.ts";
import { withGpu } from "./gpu.ts";
import { saveSmallModel } from "./saved_models.ts";

/** What was said, and what was heard; two of them have the same letters. */
export const TEXTS = ["w1 w2 w3", "w1w7 w9 w2", "w1 w7 w9 w2", "w0 w20"] as const;

/** Lists in which every text is a hypothesis, heard as well as the others. */
export function lists(count: number): NBestList[] {
  return Array.from({ length: count }, (_, i) => ({
    id: `u${i}`,
    reference: TEXTS[i % 4]!.split(" "),
    hypotheses: TEXTS.map((text, j) => {
      return { words: text.split(" "), acoustic: -((3 * i + 7 * j) % 5), lm: -j, truth: -j };
    }),
  }));
}

/** Runs `body` in a folder with the models "tiny" and "gru". */
export function withTiny(body: () => void | Promise<void>): Promise<void> {
  return inFolder(async () => {
    await withGpu(async (gpu) => {
      await saveSmallModel(gpu, "tiny");
      await saveSmallModel(gpu, "gru", { "index-module": "gru" });
    });
    await body();
  });
}

/** Writes lists as JSON. */
export function writeJson(path: string, all: readonly NBestList[]): void {
  Deno.writeTextFileSync(path, all.map((list) => `${jsonLine(list)}\n`).join(""));
}

/** What the command finds, as JSON. */
export async function findings(model: string, path: string, given: Given = {}) {
  const io = captureIo();
  await rescore([model, path], { json: true, ...given }, io);
  return JSON.parse(io.outLines[0]!);
}
