/**
 * Scoring speed next to PyTorch's (pytorch_score.py): the same LSTM file on the same text, in alternation:
 * `deno run -A bench/score.ts MODEL TEXT [rounds] [seconds]`. The sums of log probabilities must agree.
 */

import { openGpu } from "../example/storage/open_gpu.ts";
import { openInput } from "../example/data/input.ts";
import { windowsOf } from "../example/data/windows.ts";
import { splitWords, withoutMarks } from "../example/data/words.ts";
import { TextScorer } from "../example/evaluation/text_scorer.ts";
import { adapterLine } from "../example/shared/adapter.ts";
import { Failure } from "../example/shared/errors.ts";
import { loadModel } from "../example/storage/saved_model.ts";
import { modelPathOf } from "../example/storage/open_model.ts";
import { runProgram } from "../example/shared/program.ts";
import { roundsAndSeconds } from "./program.ts";
import { deviceArguments, type PeerReport, runPython } from "./python.ts";
import { formatTable } from "./table.ts";
import { median } from "./timing.ts";

/** Largest relative difference between two sums of log probabilities. */
const TOLERANCE = 1e-5;

interface ScoreReport extends PeerReport {
  readonly logProb: number;
  readonly tokens: number;
}

/** Scores the text as the command does, for at least `seconds`. */
async function scoreOurs(scorer: TextScorer, text: string, seconds: number) {
  const start = performance.now(), elapsed = () => (performance.now() - start) / 1000;
  let tokens = 0, logProb = 0, rounds = 0;
  do {
    [tokens, logProb] = [0, 0];
    for await (const lines of windowsOf(openInput(text).lines())) {
      const scores = await scorer.score(lines.map((line) => withoutMarks(splitWords(line))));
      for (const score of scores) {
        tokens += score.logProbs.length;
        logProb += score.logProb;
      }
    }
    rounds++;
  } while (elapsed() < seconds);
  return { tokens, logProb, tokensPerSecond: rounds * tokens / elapsed() };
}

async function main([model, text, ...numbers]: readonly string[]): Promise<void> {
  if (model === undefined || text === undefined) throw new Failure("Give a model and a text");
  const { rounds, seconds } = roundsAndSeconds(numbers);
  await using gpu = await openGpu();
  const path = modelPathOf(model), loaded = loadModel(gpu, path);
  using _model = loaded.model;
  const scorer = new TextScorer(gpu, { ...loaded, kind: "full" });
  const runPeer = (args: readonly string[], seconds: number) =>
    runPython<ScoreReport>("pytorch_score.py", [path, text, ...args, "--seconds", `${seconds}`]);
  const args = await deviceArguments(gpu, runPeer), ours = [], theirs = [];
  await scoreOurs(scorer, text, 0);
  for (let round = 0; round < rounds; round++) {
    ours.push(await scoreOurs(scorer, text, seconds));
    theirs.push(await runPeer(args, seconds));
  }
  const [mine, peer] = [ours[0]!, theirs[0]!];
  if (mine.tokens !== peer.tokens || !(Math.abs(mine.logProb / peer.logProb - 1) < TOLERANCE)) {
    throw new Failure(
      `The log probabilities differ: ours ${mine.logProb} of ${mine.tokens} tokens, PyTorch's ` +
        `${peer.logProb} of ${peer.tokens}`,
    );
  }
  const rates = [ours, theirs].map((runs) => runs.map(({ tokensPerSecond }) => tokensPerSecond));
  const row = {
    "model": model,
    "tokens": mine.tokens,
    "ours": median(rates[0]!),
    "PyTorch": median(rates[1]!),
    "ours / PyTorch": median(rates[0]!.map((rate, round) => rate / rates[1]![round]!)),
    "PyTorch on": `${peer.torch}, ${peer.device}, threads: ${peer.threads}`,
  };
  const notes = [`Log probability: ours ${mine.logProb}, PyTorch's ${peer.logProb}.`];
  console.log(`${adapterLine(gpu)}\n`);
  console.log(formatTable({ title: "Scoring, tokens a second", rows: [row], notes }).trimEnd());
}

if (import.meta.main) await runProgram(main);
