/** A text and a model in words: the lines that a run begins with. */

import type { Corpus } from "../data/corpus.ts";
import { parameterShapes, product } from "../model/shapes.ts";
import type { ModelSettings } from "../options/settings.ts";
import { formatCount } from "../shared/progress.ts";
import { describeUnknown } from "../data/unknown.ts";

/** What the text is, a line each. */
export function describeCorpus(data: string, corpus: Corpus): string[] {
  const { vocabulary, train, valid, test, notes } = corpus, unknown = describeUnknown(corpus);
  const counts = [train, valid, test].map((text) => formatCount(text.words));
  return [
    `data        ${data}: ${counts.join(" / ")} words to train, validate and test on; ` +
    `vocabulary ${formatCount(vocabulary.size)}`,
    ...notes.map((note) => `marks       ${note}`),
    ...(unknown === undefined ? [] : [`unknown     ${unknown}`]),
  ];
}

/** What a model over `numWords` words is: its network, its sizes and its loss. */
export function describeModel(settings: ModelSettings, numWords: number): string {
  const { indexModule, loss, noiseRatio, noise, normTerm, nlayers, nhid, emsize } = settings;
  const sizes = [...parameterShapes(settings, numWords)].map(([, shape]) => product(shape));
  const size = sizes.reduce((a, b) => a + b);
  const network = indexModule === "gru" ? `GRU ${nhid}` : `LSTM ${nlayers} x ${nhid}`;
  const samples = noise === "batch" ? "" : `, k = ${noiseRatio}`;
  return `${network}, embedding ${emsize}, ${formatCount(size)} parameters; loss ${loss}` +
    (loss === "full" ? "" : `, ${noise} noise${samples}, norm term ${normTerm}`);
}
