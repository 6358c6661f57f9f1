/** Describes a text and a model: the first lines of a run. */

import type { Corpus, TestText } from "../data/corpus.ts";
import { parameterCount } from "../model/shapes.ts";
import type { ModelSettings, Settings } from "../options/options.ts";
import { formatCount, labelled } from "../shared/format.ts";
import { describeUnknown } from "../data/unknown.ts";

/** Describes the text, one line per item. */
export function describeCorpus(
  { data, start }: Pick<Settings, "data" | "start">,
  corpus: Corpus,
): string[] {
  const { train, valid, test } = corpus;
  const counts = [train, valid, test].map((text) => formatCount(text.words));
  const words = `${counts.join(" / ")} words to train, validate and test on`;
  return describe(data, corpus, words, describeUnknown(corpus, start !== null));
}

/** Describes the test text, one line per item. */
export function describeTest(data: string, text: TestText): string[] {
  const words = `${formatCount(text.test.words)} words to test on`;
  return describe(data, text, words, describeUnknown(text));
}

function describe(
  data: string,
  { vocabulary, notes }: Corpus | TestText,
  words: string,
  unknown: string | undefined,
): string[] {
  return [
    labelled("data", `${data}: ${words}; vocabulary ${formatCount(vocabulary.size)}`),
    ...notes.map((note) => labelled("note", note)),
    ...(unknown === undefined ? [] : [labelled("unknown", unknown)]),
  ];
}

/** Describes a model over `numWords` words: its network, sizes and loss. */
export function describeModel(settings: ModelSettings, numWords: number): string {
  const { indexModule, loss, noiseRatio, noise, normTerm, nlayers, nhid, emsize } = settings;
  const { selfNorm } = settings;
  const tables = (settings.tableDtype === "f16" ? " in f16" : "") + (settings.tied ? ", tied" : "");
  const size = parameterCount(settings, numWords);
  const network = indexModule === "gru" ? `GRU ${nhid}` : `LSTM ${nlayers} x ${nhid}`;
  const samples = noise === "batch" ? "" : `, k = ${noiseRatio}`;
  return `${network}, embedding ${emsize}${tables}, ${formatCount(size)} parameters; loss ${loss}` +
    (loss === "full" ? "" : `, ${noise} noise${samples}`) +
    (loss === "full" && selfNorm === 0 ? "" : `, norm term ${normTerm}`) +
    (selfNorm === 0 ? "" : `, self-norm ${selfNorm}`);
}
