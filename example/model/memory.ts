/** The GPU memory that a model takes for as long as it is used, by its sizes alone. */

import { format as formatBytes } from "@std/fmt/bytes";
import type { Settings } from "../options/settings.ts";
import { Failure } from "../shared/errors.ts";
import { parameterShapes, product, type SizeSettings } from "./shapes.ts";

/** Bytes of what is on the GPU, by what they are for. */
export interface MemoryNeeds {
  /** Parameters: tables of words nearly all of them. */
  readonly tables: number;
  /** What the optimizer keeps. */
  readonly moments: number;
  /** Tables that noise is drawn from. */
  readonly noise: number;
  /** Gradients that are as large as a table. */
  readonly gradients: number;
}

/** Settings on which the needs depend. */
type NeedsSettings = SizeSettings & Pick<Settings, "loss" | "noise" | "unique">;

/** Bytes of a gradient beyond which the library computes it in tiles. */
const HELD_BYTES = 64 * 2 ** 20;
/** Bytes a word: of the table that is drawn from, and of ln q. */
const DRAWN_BYTES = 8, LOG_BYTES = 4;

/** What a model over `words` words takes, in training or not. Batches take more. */
export function memoryNeeds(
  settings: NeedsSettings,
  words: number,
  training: boolean,
): MemoryNeeds {
  const { loss, noise, indexModule, emsize } = settings;
  const shapes = [...parameterShapes(settings, words)].map(([, shape]) => shape);
  const tables = shapes.reduce((bytes, shape) => bytes + 4 * product(shape), 0);
  const [first, more] = noise.split("+");
  const drawn = first === "batch" && more === undefined ? 0 : DRAWN_BYTES + LOG_BYTES;
  const noiseBytes = words * (drawn + (first === "batch" ? LOG_BYTES : 0));
  if (!training) return { tables, moments: 0, noise: noiseBytes, gradients: 0 };
  const table = 4 * words * emsize;
  const whole = indexModule === "gru" ? table : 4 * words + (table > HELD_BYTES ? 0 : table);
  // Steps that the rows of each table that is looked up have had.
  const lookedUp = loss === "full" || indexModule === "gru" ? 1 : 3;
  return {
    tables,
    moments: tables + 4 * words * lookedUp,
    noise: noiseBytes,
    gradients: loss === "full" ? whole : 0,
  };
}

/** The needs in words, such as "4.1 GB on the GPU: tables 2 GB, moments 2 GB, noise 120 MB". */
export function describeNeeds(needs: MemoryNeeds): string {
  const parts = Object.entries(needs).filter(([, bytes]) => bytes > 0);
  const list = parts.map(([name, bytes]) => `${name} ${formatBytes(bytes)}`).join(", ");
  return `${formatBytes(sumOf(needs))} on the GPU: ${list}`;
}

/** Bytes of all. */
export function sumOf(needs: MemoryNeeds): number {
  return Object.values(needs).reduce((sum: number, bytes: number) => sum + bytes, 0);
}

/**
 * Checks that there is memory for the model.
 *
 * @param has Bytes of free memory, if that is known.
 * @throws {Failure} If there is less than it needs.
 */
export function checkMemory(needs: MemoryNeeds, has: number | undefined): void {
  if (has === undefined || sumOf(needs) <= has) return;
  throw new Failure(
    `Cannot use this model on this device: it needs ${describeNeeds(needs)}; it has ` +
      `${formatBytes(has)}; give a smaller --emsize, or fewer words (--min-freq, --vocab)`,
  );
}
