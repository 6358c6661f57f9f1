/** An epoch in the order of the text: parallel streams, whose states are carried. */

import { isFromBatch } from "../options/choices.ts";
import { type BatchSettings, Epoch } from "./epoch.ts";
import { LargeText } from "./large_text.ts";
import { emptyPieces, type Pieces, RowBatch } from "./row_batch.ts";
import type { Sentences } from "./sentences.ts";

/**
 * The text in `batchSize` parallel streams, cut every `bptt` predictions; none is lost. If noise comes
 * from the batch, a single target at the end becomes one more step of the previous batch.
 */
export class StreamEpoch extends Epoch {
  override readonly length: number;
  override readonly continues = true;
  readonly #text: Sentences | LargeText;
  /** Position where each stream begins, and the last one ends. */
  readonly #begins: readonly number[];
  /** Steps of the longest stream. */
  readonly #longest: number;
  readonly #bptt: number;
  readonly #fromBatch: boolean;

  constructor(
    text: Sentences | LargeText,
    { batchSize, bptt, noise }: BatchSettings,
  ) {
    super();
    const { tokens } = text, streams = Math.min(batchSize, tokens);
    this.#text = text;
    this.#bptt = bptt;
    this.#fromBatch = isFromBatch(noise);
    this.#begins = Array.from({ length: streams + 1 }, (_, b) => Math.floor(b * tokens / streams));
    this.#longest = Math.ceil(tokens / streams);
    const isLone = this.#longest % bptt === 1 % bptt && tokens % streams === 1 % streams &&
      bptt * streams > 1 && this.#longest > bptt;
    this.length = Math.ceil(this.#longest / bptt) - (this.#fromBatch && isLone ? 1 : 0);
  }

  override at(i: number): RowBatch {
    const at = i * this.#bptt, end = i === this.length - 1 ? this.#longest : at + this.#bptt;
    const begins = this.#begins, streams = begins.length - 1, pieces = emptyPieces(streams);
    const firsts = begins.slice(0, -1).map((begin) => begin + at);
    for (const [b, first] of firsts.entries()) {
      pieces.lengths[b] = Math.max(0, Math.min(end - at, begins[b + 1]! - first));
    }
    const text = this.#text, isLarge = text instanceof LargeText;
    const ids = isLarge ? readPieces(text, firsts, pieces) : text.ids;
    if (!isLarge) pieces.starts.set(firsts);
    const rows = firsts.map((_, b) => [b]);
    return new RowBatch(ids, pieces, rows, { continues: i > 0, wordsPastEnd: this.#fromBatch });
  }

  override largest(): RowBatch {
    const last = this.length - 1; // it may have one step more
    return this.at(this.#longest - last * this.#bptt > this.#bptt ? last : 0);
  }
}

/** Reads the ids of pieces that begin at `firsts`, and sets where they are in the result. */
function readPieces(text: LargeText, firsts: readonly number[], pieces: Pieces): Uint32Array {
  const parts = firsts.map((first, b) => {
    const length = pieces.lengths[b]!;
    return text.slice(first, length === 0 ? first : first + length + 1);
  });
  const ids = new Uint32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const [b, part] of parts.entries()) {
    pieces.starts[b] = at;
    ids.set(part, at);
    at += part.length;
  }
  return ids;
}
