// `score`: what the lines and the sums say, whatever company a sentence is in, and how it ends.

import { assert, assertAlmostEquals, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { evaluationBatches } from "../../../example/data/batches.ts";
import { SentencesBuilder } from "../../../example/data/sentences.ts";
import { score } from "../../../example/commands/score.ts";
import { evaluate } from "../../../example/evaluation/evaluate.ts";
import type { Given } from "../../../example/options/option.ts";
import { Failure, UsageError } from "../../../example/shared/errors.ts";
import { loadModel } from "../../../example/storage/saved_model.ts";
import { BOS } from "../../../example/data/vocab.ts";
import { captureIo } from "../../support/capture_io.ts";
import { inFolder } from "../../support/folder.ts";
import { withGpu } from "../../support/gpu.ts";
import { CARD, saveSmallModel, VOCABULARY } from "../../support/saved_models.ts";
import { leaseToProgram } from "../../support/leased_gpus.ts";

leaseToProgram();

/** Models of both kinds. */
const KINDS: Readonly<Record<string, Given>> = { lstm: {}, gru: { "index-module": "gru" } };
/** The norm term of the models, `auto`. */
const NORM_TERM = Math.log(VOCABULARY.size);

/** Sentences of these lengths, some words of which are unknown. */
function sentences(...lengths: number[]): string[] {
  const word = (i: number, length: number) => `w${(i * i + 3 * i + length) % 22}`;
  return lengths.map((length) => Array.from({ length }, (_, i) => word(i, length)).join(" "));
}

interface Scored {
  readonly logProb: number;
  readonly tokens: number;
  readonly unknown: number;
  readonly sentence: string;
  readonly words: { word: string; logProb: number; unknown: boolean }[];
}

/** The scores of these lines, and the sums. */
async function scoresOf(model: string, lines: readonly string[], given: Given = {}) {
  Deno.writeTextFileSync("text", lines.map((line) => `${line}\n`).join(""));
  const io = captureIo();
  await score([model, "text"], { json: true, words: true, ...given }, io);
  const scored: Scored[] = io.outLines.map((line) => JSON.parse(line));
  return { scored, sums: JSON.parse(io.errLines.at(-1)!), warnings: io.errLines.slice(0, -1) };
}

/** Runs `body` in a folder that has a model of each kind. */
function withModels(body: () => void | Promise<void>): Promise<void> {
  return inFolder(async () => {
    await withGpu(async (gpu) => {
      for (const [name, given] of Object.entries(KINDS)) await saveSmallModel(gpu, name, given);
    });
    await body();
  });
}

Deno.test("score finds the exact perplexity, its words sum to its sentences, and the order stays", () =>
  withModels(async () => {
    const lines = sentences(3, 150, 0, 7, 64, 65, 1);
    for (const name of Object.keys(KINDS)) {
      const { scored, sums } = await scoresOf(name, lines);
      assertEquals(scored.map(({ sentence }) => sentence), lines);
      for (const { words, logProb, tokens, unknown, sentence } of scored) {
        const spelled = sentence === "" ? [] : sentence.split(" ");
        assertEquals(words.map(({ word }) => word), [...spelled, "</s>"]);
        assertEquals(words.length, tokens);
        assertEquals(words.filter((word) => word.unknown).length, unknown);
        assertEquals(unknown, spelled.filter((word) => ["w20", "w21"].includes(word)).length);
        assertAlmostEquals(words.reduce((sum, word) => sum + word.logProb, 0), logProb, 1e-9);
      }
      await withGpu(async (gpu) => {
        using model = loadModel(gpu, `saved_model/${name}.safetensors`).model;
        const builder = new SentencesBuilder();
        for (const { sentence } of scored) {
          builder.add(VOCABULARY.encode(sentence === "" ? [] : sentence.split(" ")));
        }
        const { ppl, tokens } = await evaluate(gpu, model, evaluationBatches(builder.build()));
        assertEquals(sums.tokens, tokens);
        assertAlmostEquals(sums.ppl / ppl, 1, 1e-7);
      });
      const known = scored.flatMap(({ words }) => words).filter(({ unknown }) => !unknown);
      const mean = known.reduce((sum, { logProb }) => sum + logProb, 0) / known.length;
      assertAlmostEquals(sums.pplKnown, Math.exp(-mean), 1e-6);
      assertEquals(sums.unknown, sums.tokens - known.length);
    }
  }));

Deno.test("a sentence has one score in every mode, whatever others are scored with it", () =>
  withModels(async () => {
    const lines = sentences(3, 40, 0, 7, 64, 65, 1, 12);
    for (const name of Object.keys(KINDS)) {
      for (const mode of ["exact", "raw", "raw-best", "sampled:5"]) {
        const all = await scoresOf(name, lines, { mode });
        const reversed = await scoresOf(name, lines.toReversed(), { mode });
        for (const [i, line] of lines.entries().filter(([i]) => i % 3 === 1)) {
          const alone = await scoresOf(name, [line], { mode });
          for (const { scored } of [all, reversed]) {
            const found = scored[scored === all.scored ? i : lines.length - 1 - i]!;
            assertAlmostEquals(found.logProb, alone.scored[0]!.logProb, 1e-4, `${name} ${mode}`);
          }
        }
        assertEquals(all.sums.ppl !== undefined, mode === "exact", "a perplexity is exact");
        assertEquals(all.warnings, []);
      }
    }
  }));

Deno.test("score's modes: raw is the score less the norm term, raw-best less the mean of ln Z", () =>
  withModels(async () => {
    const lines = sentences(9, 4);
    for (const name of Object.keys(KINDS)) {
      const raw = await scoresOf(name, lines, { mode: "raw" });
      const best = await scoresOf(name, lines, { mode: "raw-best" });
      const sampled = await scoresOf(name, lines, { mode: "sampled:8000" });
      const exact = await scoresOf(name, lines);
      await withGpu(async (gpu) => {
        using model = loadModel(gpu, `saved_model/${name}.safetensors`).model;
        const builder = new SentencesBuilder();
        builder.add(VOCABULARY.encode(lines[0]!.split(" ")));
        const batches = evaluationBatches(builder.build());
        const { scores } = await evaluate(gpu, model, batches);
        raw.scored[0]!.words.forEach(({ logProb }, i) => {
          assertAlmostEquals(logProb, scores.score[i]! - NORM_TERM, 1e-5);
        });
      });
      for (const [i, { words }] of best.scored.entries()) {
        words.forEach(({ logProb }, j) => {
          const other = raw.scored[i]!.words[j]!.logProb;
          assertAlmostEquals(logProb - other, NORM_TERM - CARD.mean, 1e-5);
        });
      }
      // The sampled loss tells a word from samples: ln p - ln q - ln(K + 1), if they are many.
      const total = VOCABULARY.counts.reduce((sum, count) => sum + count, 0);
      sampled.scored[0]!.words.forEach(({ word, logProb }, i) => {
        const id = word === "</s>" ? BOS : VOCABULARY.id(word);
        const chance = Math.log(VOCABULARY.counts[id]! / total * 8001);
        assertAlmostEquals(logProb, exact.scored[0]!.words[i]!.logProb - chance, 0.15);
      });
    }
  }));

Deno.test("score takes a sentence of any length, and one word more or less matters", () =>
  withModels(async () => {
    for (const name of Object.keys(KINDS)) {
      // Longer than a batch: in pieces, with the state carried on. A prefix scores as in the whole.
      const [long] = sentences(9000), prefix = long!.split(" ").slice(0, 4500).join(" ");
      const { scored: [whole, part] } = await scoresOf(name, [long!, prefix]);
      assertEquals([whole!.tokens, part!.tokens], [9001, 4501]);
      for (let i = 0; i < 4500; i++) {
        assertAlmostEquals(whole!.words[i]!.logProb, part!.words[i]!.logProb, 1e-4, `word ${i}`);
      }
    }
  }));

Deno.test("score prints columns, and words on lines that begin with a tab", () =>
  withModels(async () => {
    Deno.writeTextFileSync("text", "<s> w1\tw20 </s>\n\n");
    const { scored: [first, second], sums } = await scoresOf("lstm", ["<s> w1\tw20 </s>", ""]);
    for (const [base, scale] of [["e", 1], ["2", Math.LOG2E], ["10", Math.LOG10E]] as const) {
      const shown = (x: number) => (x * scale).toFixed(6), io = captureIo();
      await score(["lstm", "text"], { words: true, base }, io);
      const [one, two, end] = first!.words.map(({ logProb }) => shown(logProb));
      assertEquals(io.outLines, [
        `${shown(first!.logProb)}\t3\t1\t<s> w1\tw20 </s>`,
        `\t${one}\t1\t0\tw1`,
        `\t${two}\t1\t1\tw20`,
        `\t${end}\t1\t0\t</s>`,
        `${shown(second!.logProb)}\t1\t0\t`,
        `\t${shown(second!.logProb)}\t1\t0\t</s>`,
      ]);
      const digits = (x: number) => x.toPrecision(7);
      assertEquals(io.errLines, [
        "text        2 sentences, 4 tokens with the ends of sentences, 1 unknown word",
        `score       log probability ${shown(sums.logProb)} (base ${base}), ppl ${
          digits(sums.ppl)
        }, ` +
        `${digits(sums.pplKnown)} without the unknown words`,
      ]);
    }
    const io = captureIo();
    await score(["lstm", "text"], { mode: "raw" }, io);
    assertEquals(io.outLines.length, 2);
    assertMatch(io.errLines[1]!, / a token \(--mode raw: not a perplexity\)$/);
  }));

Deno.test("score warns of a text most of whose words the model does not know, at its end", () =>
  withModels(async () => {
    const half = await scoresOf("lstm", ["W1 w1", "w2 W3"]);
    assertEquals(half.warnings, []);
    const most = await scoresOf("lstm", ["W1 w1", "W2 W3"]);
    assertEquals(most.warnings, [
      "warning: lstm does not know 75 % of the words in text: they have to be written as in its " +
      "training text, in upper or lower case, too",
    ]);
    assertEquals([most.sums.unknown, most.sums.tokens], [3, 6]);
  }));

Deno.test("score's progress is on standard error, and only where that is a terminal", () =>
  withModels(async () => {
    const text = `${sentences(300)[0]}\n`.repeat(200);
    Deno.writeTextFileSync("text", text);
    const { now } = performance;
    let time = 0;
    performance.now = () => time += 600; // each look at the clock is later
    try {
      const [terminal, pipe] = [captureIo(80), captureIo()];
      await score(["lstm", "text"], {}, terminal);
      await score(["lstm", "text"], {}, pipe);
      const bars = terminal.errorLiveLines.filter((line) => line !== "");
      assertMatch(bars[0]!, /^scoring +█*░* +\d+ % +\S+ left$/);
      assertMatch(bars.at(-1)!, / 100 % /);
      assertEquals([...pipe.errorLiveLines, ...pipe.liveLines, ...terminal.liveLines], []);
      assertEquals(pipe.errLines.length, 2);
    } finally {
      performance.now = now;
    }
  }));

Deno.test("score refuses modes that a model has not, and warns of those that are not safe", () =>
  inFolder(async () => {
    await withGpu(async (gpu) => {
      await saveSmallModel(gpu, "neg", { loss: "neg" });
      await saveSmallModel(gpu, "batch", { noise: "batch" });
      await saveSmallModel(gpu, "unique", { loss: "sampled", unique: true, "noise-ratio": "5" });
      await saveSmallModel(gpu, "wide", {}, { ...CARD, std: 0.5 });
      await saveSmallModel(gpu, "bad", {}, { ...CARD, rawPplBest: 24 });
      await saveSmallModel(gpu, "off", {}, { ...CARD, mean: 8.9 });
    });
    Deno.writeTextFileSync("text", "w1 w2\n");
    const refuse = async (model: string, mode: string, reason: string) => {
      const run = () => score([model, "text"], { mode }, captureIo());
      const message = `Cannot score with saved_model/${model}.safetensors`;
      const error = await assertRejects(run, Failure, message);
      assert(error.message.includes(reason), error.message);
    };
    await refuse("neg", "exact", "trained by --loss neg");
    await refuse("batch", "sampled:3", "give --mode exact");
    await refuse("unique", "sampled:3", "give --mode sampled:5");
    const warning = async (model: string, mode: string) => {
      return (await scoresOf(model, ["w1"], { mode })).warnings;
    };
    assertEquals(await warning("unique", "sampled:5"), []);
    assertEquals(await warning("wide", "exact"), []);
    const name = "saved_model/wide.safetensors";
    assertEquals(await warning("wide", "raw"), [
      `warning: --mode raw is not safe with ${name}: ln Z varies by 0.5, over 0.2; --mode exact is`,
    ]);
    assertMatch(
      (await warning("bad", "raw-best"))[0]!,
      /: the perplexity is over the number of words; --mode exact is$/,
    );
    assertMatch(
      (await warning("off", "raw"))[0]!,
      /: the norm term is 0.1 off the mean of ln Z, over 0.05; --mode raw-best is$/,
    );
    assertEquals(await warning("off", "raw-best"), []);
    for (const mode of ["sampled:0", "full", "raw,exact"]) {
      await assertRejects(
        () => score(["wide", "text"], { mode }, captureIo()),
        UsageError,
        `--mode must be exact, raw, raw-best or sampled:K with K from 1 to 10000000, got "${mode}"`,
      );
    }
  }));

Deno.test("score keeps to what a model without a card can do", () =>
  inFolder(async () => {
    await withGpu(async (gpu) => void await saveSmallModel(gpu, "bare", {}, null));
    Deno.writeTextFileSync("text", "w1 w2\n");
    await assertRejects(
      () => score(["bare", "text"], { mode: "raw-best" }, captureIo()),
      Failure,
      "by --mode raw-best: it keeps no mean log normaliser; give --mode exact",
    );
    const { warnings } = await scoresOf("bare", ["w1"], { mode: "raw" });
    assertMatch(
      warnings[0]!,
      /no validation found how its ln Z varies; --mode exact is$/,
    );
  }));
