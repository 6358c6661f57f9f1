/** The tensors of a checkpoint: the optimizer's, and the recurrent states that are carried. */

import type { Gpu, Tensor } from "../../mod.ts";
import type { NamedParameter, Optimizer } from "../../nce/nn/mod.ts";
import type { CarriedStates } from "../model/carried_states.ts";
import { product } from "../model/shapes.ts";
import type { Ranks } from "../shared/ranks.ts";
import type { Checkpoint } from "../storage/checkpoint_file.ts";

/** Prefix of the carried states' names. */
const CARRIED = "carried.";

/** Tensors by name, some of which end with this. */
export interface SavedTensors extends Disposable {
  readonly tensors: readonly NamedParameter[];
}

/** What training changes: carried states are those of all ranks. */
export async function tensorsToSave(
  gpu: Gpu,
  optimizer: Optimizer,
  carried: CarriedStates,
  { communicator }: Ranks,
): Promise<SavedTensors> {
  const states = await carried.whole(gpu, communicator);
  const named = states.map((state, i) => [`${CARRIED}${i}`, state] as const);
  return {
    tensors: [...optimizer.tensors(), ...named],
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
  optimizer: Optimizer,
  carried: CarriedStates,
  ranks: Ranks,
  checkpoint: Checkpoint | undefined,
): Promise<void> {
  const { communicator } = ranks;
  const read = async (name: string, shape: readonly number[]) => {
    const numbers = checkpoint?.read(name, shape) ?? new Float32Array(product(shape));
    await communicator.broadcast(numbers);
    return numbers;
  };
  using _held = optimizer.hold();
  for (const [name, tensor] of optimizer.tensors()) {
    const numbers = await read(name, tensor.shape);
    gpu.write(tensor, tensor.dtype === "u32" ? Uint32Array.from(numbers) : numbers);
  }
  const shapes = await ranks.fromFirst([...checkpoint?.shapes ?? []]), states: Tensor[] = [];
  for (const [name, shape] of shapes.filter(([name]) => name.startsWith(CARRIED))) {
    states.push(gpu.tensor(shape, await read(name, shape)));
  }
  carried.restore(gpu, states, communicator);
}
