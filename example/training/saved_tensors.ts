/** The tensors of a checkpoint: what is trained and kept for that, and the recurrent states that are carried. */

import type { Gpu, Tensor } from "../../mod.ts";
import type { NamedParameter } from "../../nce/nn/mod.ts";
import type { CarriedStates } from "../model/carried_states.ts";
import type { Ranks } from "../shared/ranks.ts";
import type { Checkpoint } from "../storage/checkpoint_file.ts";
import { spread } from "../storage/shards.ts";
import { wholeShape } from "../storage/tensors.ts";

/** Prefix of the carried states' names. */
const CARRIED = "carried.";

/** Tensors by name, some of which end with this. */
export interface SavedTensors extends Disposable {
  readonly tensors: readonly NamedParameter[];
}

/** What training changes, `kept` and the carried states: those of all ranks. */
export async function tensorsToSave(
  gpu: Gpu,
  kept: readonly NamedParameter[],
  carried: CarriedStates,
  { communicator }: Ranks,
): Promise<SavedTensors> {
  const states = await carried.whole(gpu, communicator);
  const named = states.map((state, i) => [`${CARRIED}${i}`, state] as const);
  return {
    tensors: [...kept, ...named],
    [Symbol.dispose]: () => states.forEach((state) => state.dispose()),
  };
}

/**
 * Reads them back. Rank 0 has the checkpoint and sends its tensors to the others.
 *
 * @throws {Failure} If they are not those of this model.
 */
export async function readSaved(
  gpu: Gpu,
  kept: readonly NamedParameter[],
  carried: CarriedStates,
  ranks: Ranks,
  checkpoint: Checkpoint | undefined,
): Promise<void> {
  const { communicator } = ranks;
  const fill = (name: string, tensor: Tensor) =>
    spread(gpu, communicator, tensor, checkpoint?.numbers(name, wholeShape(tensor)));
  for (const [name, tensor] of kept) await fill(name, tensor);
  const shapes = await ranks.fromFirst([...checkpoint?.shapes ?? []]), states: Tensor[] = [];
  for (const [name, shape] of shapes.filter(([name]) => name.startsWith(CARRIED))) {
    const state = gpu.tensor(shape);
    states.push(state);
    await fill(name, state);
  }
  carried.restore(gpu, states, communicator);
}
