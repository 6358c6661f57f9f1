/** What training changes, of all ranks: the optimizer's state, and the recurrent states that are carried. */

import type { Gpu, Tensor } from "../../mod.ts";
import type { NamedParameter, OptimizerHeader } from "../../nce/nn/mod.ts";
import type { CarriedStates } from "../model/carried_states.ts";
import { Failure } from "../shared/errors.ts";
import type { Ranks } from "../shared/ranks.ts";
import type { Checkpoint } from "../storage/checkpoint.ts";
import { spread } from "../storage/shards.ts";
import { wholeShape } from "../storage/tensors.ts";
import type { Updates } from "./updates.ts";

/** Prefix of the carried states' names. */
const CARRIED = "carried.";

/** What training goes on from, held while it is written. */
export interface TrainingState extends Disposable {
  /** The optimizer's, but for the numbers. */
  readonly optimizer: OptimizerHeader;
  /** All tensors by name. */
  readonly tensors: readonly NamedParameter[];
}

/** Holds the state of now, of all ranks. */
export async function stateToSave(
  gpu: Gpu,
  updates: Updates,
  carried: CarriedStates,
  { communicator }: Ranks,
): Promise<TrainingState> {
  using made = new DisposableStack();
  const { header, tensors } = made.use(updates.state());
  const states = await carried.whole(gpu, communicator);
  const named = states.map((state, i) => [`${CARRIED}${i}`, made.use(state)] as const);
  const held = made.move();
  return {
    optimizer: header,
    tensors: [...tensors, ...named],
    [Symbol.dispose]: () => held.dispose(),
  };
}

/**
 * Goes on from a saved state. Rank 0 has the checkpoint and sends its tensors to the others.
 *
 * @throws {Failure} If it is not that of this model.
 */
export async function loadState(
  gpu: Gpu,
  updates: Updates,
  carried: CarriedStates,
  ranks: Ranks,
  header: OptimizerHeader,
  checkpoint: Checkpoint | undefined,
): Promise<void> {
  const { communicator } = ranks;
  const fill = (tensor: Tensor, name: string) =>
    spread(gpu, communicator, tensor, checkpoint?.numbers(name, wholeShape(tensor)));
  try {
    await updates.load(header, fill);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    checkpoint?.fail(error.message);
    throw new Failure(error.message);
  }
  const shapes = await ranks.fromFirst([...checkpoint?.shapes ?? []]), states: Tensor[] = [];
  for (const [name, shape] of shapes.filter(([name]) => name.startsWith(CARRIED))) {
    const state = gpu.tensor(shape);
    states.push(state);
    await fill(state, name);
  }
  carried.restore(gpu, states, communicator);
}
