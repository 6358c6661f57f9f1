/** This process as one of the ranks that train or test a model together, and what they decide together. */

import { type Across, ALONE, backwardAcross, type Communicator } from "../../kernels/mod.ts";
import type { Shard, Step, Tensor } from "../../mod.ts";
import { Failure } from "./errors.ts";
import type { StopFlag } from "./stop.ts";

/**
 * A rank. Ranks decide at the same step: a stop that one of them wants, or a checkpoint that is due, is sent
 * along with the next gradients.
 */
export class Ranks {
  /** How the ranks exchange numbers. */
  readonly communicator: Communicator;
  /** The stop that all ranks have agreed on; of a rank that is alone, its own. */
  readonly stop: StopFlag;
  readonly #own: StopFlag;
  #wantsCheckpoint = false;
  #checkpointDue = false;

  /** `own` is this process's stop, which its signals set. */
  constructor(communicator: Communicator = ALONE, own: StopFlag = { requested: false }) {
    this.communicator = communicator;
    this.#own = own;
    this.stop = communicator.size === 1 ? own : { requested: false };
  }

  /** Whether this rank writes files and prints. */
  get isFirst(): boolean {
    return this.communicator.rank === 0;
  }

  /** {@linkcode backwardAcross} the ranks, which agree on what comes after this step. */
  async backward(step: Step, loss: Tensor): Promise<Across> {
    const across = await backwardAcross(step, loss, this.communicator, this.#wishes());
    this.#decide(across.extra);
    return across;
  }

  /** Agrees on a stop outside of training steps. */
  async agree(): Promise<void> {
    const wishes = this.#wishes();
    await this.communicator.sum(wishes);
    this.#decide(wishes);
  }

  /**
   * Whether a checkpoint is due, which rank 0 decides: `due` says whether it is by this rank's clock. What
   * rank 0 finds holds from the next step on.
   */
  checkpointDue(due: boolean): boolean {
    if (this.communicator.size === 1) return due;
    this.#wantsCheckpoint = due && !this.#checkpointDue && this.isFirst;
    return this.#checkpointDue;
  }

  /** Rank 0's value on all ranks, by way of JSON; the others' is not used. */
  async fromFirst<T>(value: T): Promise<T> {
    const [first] = await this.communicator.gather(
      this.isFirst ? codesOf(JSON.stringify(value)) : new Uint32Array(),
    );
    return JSON.parse(textOf(first!)) as T;
  }

  /** The value of each rank, by way of JSON. */
  async ofAll<T>(own: T): Promise<T[]> {
    const texts = await this.communicator.gather(codesOf(JSON.stringify(own)));
    return texts.map((codes) => JSON.parse(textOf(codes)) as T);
  }

  /** The sums of these numbers over the ranks, exact for whole numbers. */
  async sums(own: readonly number[]): Promise<number[]> {
    const all = await this.ofAll(own);
    return own.map((_, i) => all.reduce((sum, theirs) => sum + theirs[i]!, 0));
  }

  /**
   * Throws a Failure on all ranks if one of them has something else than rank 0: `what` it is and, if it is
   * short, its `value`.
   */
  async expectSame(
    things: readonly { what: string; value: string; hint: string }[],
  ): Promise<void> {
    const all = await this.ofAll(things.map(({ value }) => value));
    for (const [i, { what, hint }] of things.entries()) {
      const other = all.findIndex((values) => values[i] !== all[0]![i]);
      if (other < 0) continue;
      const [theirs, first] = [all[other]![i]!, all[0]![i]!].map((value) =>
        value.length > 80 ? "" : ` (${value})`
      );
      throw new Failure(
        `Rank ${other} has another ${what}${theirs} than rank 0${first}: ${hint}`,
      );
    }
  }

  #wishes(): Float32Array {
    const { requested, requeued = false } = this.#own;
    return Float32Array.from([requested, requeued, this.#wantsCheckpoint], Number);
  }

  #decide([stop, requeued, checkpoint]: Float32Array): void {
    this.#checkpointDue = checkpoint! > 0;
    this.stop.requested ||= stop! > 0;
    this.stop.requeued ||= requeued! > 0;
  }
}

/**
 * What `rank` holds of the tables of so many words; undefined if that is all.
 *
 * @throws {Failure} If there are more ranks than words.
 */
export function shardOf(
  { shardTables }: { readonly shardTables: boolean },
  { rank, size }: Communicator,
  words: number,
): Shard | undefined {
  if (!shardTables || size === 1) return undefined;
  if (size <= words) return { rank, ranks: size };
  throw new Failure(
    `Cannot divide tables of ${words} words among ${size} ranks: leave out --shard-tables`,
  );
}

/** All rows of a table that ranks hold in turn, from those of each rank. */
export function joinRows(
  parts: readonly Float32Array[],
  rows: number,
  width: number,
): Float32Array<ArrayBuffer> {
  const whole = new Float32Array(rows * width);
  for (const [rank, part] of parts.entries()) {
    for (let row = rank, at = 0; row < rows; row += parts.length, at += width) {
      whole.set(part.subarray(at, at + width), row * width);
    }
  }
  return whole;
}

function codesOf(text: string): Uint32Array {
  return Uint32Array.from(new TextEncoder().encode(text));
}

function textOf(codes: Uint32Array): string {
  return new TextDecoder().decode(Uint8Array.from(codes));
}
