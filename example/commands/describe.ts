/** A text and a model in words: the lines that a run begins with. */

import type { Corpus } from "../data/corpus.ts";
import type { WordModel } from "../model/model.ts";
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

/** What a model is: its network, its sizes and its loss. */
export function describeModel(model: WordModel, settings: ModelSettings): string {
  const { indexModule, loss, noiseRatio, noise, normTerm, nlayers, nhid, emsize } = settings;
  const size = model.parameters().reduce((sum, [, parameter]) => sum + parameter.size, 0);
  const network = indexModule === "gru" ? `GRU ${nhid}` : `LSTM ${nlayers} x ${nhid}`;
  const samples = noise === "batch" ? "" : `, k = ${noiseRatio}`;
  return `${network}, embedding ${emsize}, ${formatCount(size)} parameters; loss ${loss}` +
    (loss === "full" ? "" : `, ${noise} noise${samples}, norm term ${normTerm}`);
}
