/**
 * Perplexity that each loss and source of noise reaches, against time and tokens:
 *
 *     deno task bench:quality [V...] [--losses NAME,...] [--words N] [--epochs N] [--seconds N] [--lr auto|RATE]
 *                             [--seed N,...] [--data FOLDER] [--json] [--svg FOLDER] [--from FILE]
 *
 * The text is the made-up language with V words (1,000, 10,000 and 100,000 unless given), whose best
 * possible perplexity is known, or that of a folder; it is the same for all seeds. Each loss gets its best
 * learning rate, chosen with the first seed on the validation text by runs of a fifth of the length; the figures
 * are of the test text, means over the seeds. --json prints each result as a line of JSON as soon as it is there,
 * --from shows such lines, or those of --losses, as tables and charts.
 */

import { openGpu } from "../example/storage/open_gpu.ts";
import { adapterLine } from "../example/shared/adapter.ts";
import { writeFileAtomically } from "../example/shared/files.ts";
import type { Settings } from "../example/options/options.ts";
import { parseSettings } from "../example/options/settings.ts";
import type { Gpu } from "../mod.ts";
import { type Budget, climb, learn } from "./learning.ts";
import { runProgram } from "../example/shared/program.ts";
import { LOSSES, type Plan, readPlan, type Task, tasksOf } from "./quality_plan.ts";
import { byText, readResults, type Result, resultTable } from "./quality_result.ts";
import { formatTable } from "./table.ts";

/** Part of the budget that each try of a learning rate takes; the shorter, the higher is the rate that wins. */
const TRIAL = 1 / 5;
/** The learning rate from which others are tried. */
const FIRST_RATE = 2;

/** Trains a model of each seed with the best learning rate of the first. */
async function* train(gpu: Gpu, task: Task, loss: string, plan: Plan): AsyncGenerator<Result> {
  const { name, train, vocabulary, valid, test, best, seconds } = task;
  const optionsOf = (seed: string) => ({ ...task.given, ...LOSSES[loss], seed });
  const budget = { tokens: plan.epochs * train.tokens, seconds };
  const settingsOf = (lr: number, seed: string): Settings =>
    parseSettings({ ...optionsOf(seed), train: true, lr: String(lr) });
  const pplAt = async (lr: number, short: Budget) => {
    const aim = { budget: short, watched: valid, endOnly: true };
    return (await learn(gpu, task, settingsOf(lr, plan.seeds[0]!), aim)).at(-1)!.ppl ?? Infinity;
  };
  const trial = { tokens: TRIAL * budget.tokens, seconds: TRIAL * seconds };
  await pplAt(FIRST_RATE, { tokens: 1, seconds }); // one step: it compiles the kernels
  const trials = plan.lr === "auto" ? await climb(FIRST_RATE, (lr) => pplAt(lr, trial)) : [];
  const lr = plan.lr === "auto" ? trials[0]!.lr : plan.lr;
  for (const seed of plan.seeds) {
    const curve = await learn(gpu, task, settingsOf(lr, seed), { budget, watched: test });
    yield {
      date: new Date().toISOString().slice(0, 10),
      adapter: adapterLine(gpu),
      text: name,
      vocabulary: vocabulary.size,
      tokens: train.tokens,
      loss,
      options: optionsOf(seed),
      lr,
      trials,
      best,
      curve,
    };
  }
}

async function measure(plan: Plan): Promise<Result[]> {
  await using gpu = await openGpu();
  const results: Result[] = [];
  for await (const task of tasksOf(plan, gpu.software)) {
    for (const loss of plan.losses) {
      for await (const result of train(gpu, task, loss, plan)) {
        const { lr, options, curve } = result, { ppl, seconds } = curve.at(-1)!;
        results.push(result);
        if (plan.json) console.log(JSON.stringify(result));
        const figures = `lr ${lr}, ppl ${ppl?.toFixed(2)} after ${seconds.toFixed(1)} s`;
        console.error(`${task.name}, ${loss}, seed ${options.seed}: ${figures}`);
      }
    }
  }
  return results;
}

async function main(words: readonly string[]): Promise<void> {
  const plan = readPlan(words), { svg, from } = plan;
  // Loaded only if needed: a machine without a network may lack the library of charts.
  const charts = svg === undefined ? undefined : await import("./quality_charts.ts");
  const before = from === undefined ? undefined : readResults(from, plan.losses);
  charts?.expectDrawable(before?.map(({ loss }) => loss) ?? plan.losses);
  const tables = [...byText(before ?? await measure(plan)).values()];
  if (!plan.json) console.log(tables.map((some) => formatTable(resultTable(some))).join("\n"));
  if (svg === undefined || charts === undefined) return;
  Deno.mkdirSync(svg, { recursive: true });
  for (const some of tables) {
    for (const [file, text] of charts.resultCharts(some)) {
      writeFileAtomically(`${svg}/${file}`, text);
    }
  }
}

if (import.meta.main) await runProgram(main);
