// Ranks that take steps by themselves and come together, against means and outer steps in float64.

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { Communicator } from "../../../kernels/mod.ts";
import { add, gather, weightedSum } from "../../../kernels/ops.ts";
import type { AdapterOptions, Gpu, Tensor } from "../../../mod.ts";
import {
  Adagrad,
  Adam,
  LocalSteps,
  type LocalStepsOptions,
  type NamedParameter,
  type Optimizer,
  SGD,
} from "../../../nce/nn/mod.ts";
import { insideOf } from "../../../nce/nn/optimizer.ts";
import { assertClose } from "../../support/close.ts";
import { withGpu } from "../../support/gpu.ts";
import { onRanks } from "../../support/ranks.ts";
import { randomIds, values } from "../../reference/data.ts";
import { numbersOf } from "../../support/numbers.ts";

/** Tables whose rows are no whole vectors, and some; ids of a step; size of a vector. */
const [V, W, WIDE, N, D] = [200, 3, 4, 5, 70];
/** Steps before the ranks come together, and how often they do. */
const [H, ROUNDS] = [3, 3];
const OUTER = { lr: 0.7, momentum: 0.9 };

type Make = (gpu: Gpu, parameters: readonly NamedParameter[]) => Optimizer;
const OPTIMIZERS: Readonly<Record<string, Make>> = {
  "sgd with momentum": (gpu, parameters) =>
    new SGD(gpu, parameters, { lr: 0.3, momentum: 0.9, weightDecay: 0.1, clip: 0.8 }),
  "plain sgd": (gpu, parameters) => new SGD(gpu, parameters, { lr: 0.3 }),
  "adagrad": (gpu, parameters) => new Adagrad(gpu, parameters, { lr: 0.1 }),
  "adam": (gpu, parameters) => new Adam(gpu, parameters, { lr: 0.1 }),
};

/** Brings ranks together: the product's way or another. */
type Together = (optimizer: Optimizer, parameters: readonly NamedParameter[]) => {
  step: LocalSteps["step"];
  average(): Promise<void>;
  [Symbol.dispose](): void;
};

/** Parameters, each before what is kept of it, so that reading it applies what is deferred. */
function allOf(optimizer: Optimizer, parameters: readonly NamedParameter[]): NamedParameter[] {
  const kept = new Map(insideOf(optimizer).entries.map(({ name, slot }) => [name, slot.kept]));
  return parameters.flatMap(([name, parameter]): NamedParameter[] => {
    return [[name, parameter], ...kept.get(name)!.map(([, t], i) => [`${name}.${i}`, t] as const)];
  });
}

/** Trains tables by rows, a vector densely, but in the last round, and a tensor not at all; returns all that is kept. */
async function train(
  gpu: Gpu,
  rank: number,
  make: Make,
  together: Together,
): Promise<Map<string, Float32Array>> {
  const shapes: Record<string, number[]> = {
    ...{ table: [V, W], wide: [V, WIDE], vector: [D], idle: [3] },
  };
  const parameters = Object.entries(shapes).map(([name, shape], i): [string, Tensor] => {
    const tensor = gpu.table(shape, values(shape.reduce((a, b) => a * b), i + 1));
    tensor.requiresGrad = true;
    return [name, tensor];
  });
  const [table, wide, vector] = parameters.map(([, tensor]) => tensor) as [Tensor, Tensor, Tensor];
  using optimizer = make(gpu, parameters);
  using ranks = together(optimizer, parameters);
  for (let number = 0; number < H * ROUNDS; number++) {
    const at = 10 * number + rank;
    {
      using step = gpu.step({ training: true });
      const ids = step.upload(randomIds(N, V, at));
      const rows = [gather(step, table, ids), gather(step, wide, ids)];
      const losses = (number < H * (ROUNDS - 1) ? [...rows, vector] : rows)
        .map((rows) => weightedSum(step, rows, step.upload(values(rows.size, at), rows.shape)));
      ranks.step(step.backward(losses.reduce((a, b) => add(step, a, b))));
    }
    if ((number + 1) % H === 0) await ranks.average();
  }
  const kept = await numbersOf(gpu, allOf(optimizer, parameters));
  for (const [, parameter] of parameters) parameter.dispose();
  return kept;
}

/** What each rank keeps after training on a device of its own. */
function trainRanks(
  size: number,
  make: Make,
  together: (gpu: Gpu, communicator: Communicator) => Together,
  options: AdapterOptions = {},
): Promise<Map<string, Float32Array>[]> {
  return onRanks(size, (gpu, communicator) => {
    return train(gpu, communicator.rank, make, together(gpu, communicator));
  }, options);
}

/** The product's. */
function localSteps(options: LocalStepsOptions) {
  return (_: Gpu, communicator: Communicator): Together => (optimizer) => {
    const local = new LocalSteps(optimizer, options);
    return {
      step: (gradients) => local.step(gradients),
      average: () => local.average(communicator),
      [Symbol.dispose]: () => local[Symbol.dispose](),
    };
  };
}

/** All numbers of all tensors, in float64. */
function reference({ lr, momentum }: Required<LocalStepsOptions>) {
  return (gpu: Gpu, communicator: Communicator): Together => (optimizer, parameters) => {
    const anchors = parameters.map(([, { size }], i) => Float64Array.from(values(size, i + 1)));
    const velocities = parameters.map(([, { size }]) => new Float64Array(size));
    const names = parameters.map(([name]) => name);
    return {
      step: (gradients) => optimizer.step(gradients),
      async average() {
        for (const [name, tensor] of allOf(optimizer, parameters)) {
          const all = await communicator.gather(await gpu.readFloats(tensor));
          const mean = Float64Array.from(all[0]!, (_, i) => {
            return all.reduce((sum, own) => sum + own[i]!, 0) / all.length;
          });
          const p = names.indexOf(name), [anchor, velocity] = [anchors[p], velocities[p]];
          if (anchor && velocity) {
            mean.forEach((x, i) => {
              const d = anchor[i]! - x;
              velocity[i] = momentum * velocity[i]! + d;
              mean[i] = anchor[i]! -= lr * (d + momentum * velocity[i]!);
            });
          }
          gpu.write(tensor, Float32Array.from(mean));
        }
      },
      [Symbol.dispose]: () => {},
    };
  };
}

/** Compares all ranks' tensors: the same bits on each, and nearly those of `expected`. */
function assertRanks(
  ranks: readonly ReadonlyMap<string, Float32Array>[],
  expected: ReadonlyMap<string, Float32Array>,
  what: string,
): void {
  for (const rank of ranks) assertEquals(rank, ranks[0], what);
  assertEquals([...ranks[0]!.keys()], [...expected.keys()]);
  for (const [name, numbers] of expected) {
    assertClose(ranks[0]!.get(name)!, numbers, { atol: 2e-6, rtol: 2e-6 }, `${what}: ${name}`);
  }
}

Deno.test("LocalSteps makes outer steps from the mean over ranks, which then have equal bits, for every optimizer", async () => {
  for (const [name, make] of Object.entries(OPTIMIZERS)) {
    for (const size of name === "adam" ? [1, 2, 3] : [2]) {
      const [expected] = await trainRanks(size, make, reference(OUTER));
      assertRanks(await trainRanks(size, make, localSteps(OUTER)), expected!, `${name}, ${size}`);
    }
  }
});

Deno.test("LocalSteps takes the mean unless told otherwise, also of tables in several buffers", async () => {
  const make = OPTIMIZERS["sgd with momentum"]!;
  const [expected] = await trainRanks(2, make, reference({ lr: 1, momentum: 0 }));
  for (const options of [{}, { maxBindingBytes: 1 }, { family: "hardware" } as const]) {
    const found = await trainRanks(2, make, localSteps({}), options);
    assertRanks(found, expected!, JSON.stringify(options));
  }
});

Deno.test("LocalSteps sends the rows of a table that some rank has moved, and nothing of others", async () => {
  const sums: number[] = [];
  await trainRanks(2, OPTIMIZERS["sgd with momentum"]!, (gpu, communicator) => {
    const sum = communicator.sum.bind(communicator);
    communicator.sum = (data) => {
      if (communicator.rank === 0) sums.push(data.length);
      return sum(data);
    };
    return localSteps(OUTER)(gpu, communicator);
  });
  const expected = Array.from({ length: ROUNDS }, (_, round) => {
    const ids = Array.from({ length: H }, (_, i) => i + H * round)
      .flatMap((number) => [0, 1].flatMap((rank) => [...randomIds(N, V, 10 * number + rank)]));
    const dense = round < ROUNDS - 1 ? D : 0;
    return 2 * ((W + WIDE) * new Set(ids).size + dense); // and their moments
  });
  assertEquals(sums, expected);
});

Deno.test("LocalSteps throws when a coefficient is out of range, or ranks are none", () =>
  withGpu(async (gpu) => {
    using weight = gpu.tensor([2]);
    using optimizer = new SGD(gpu, [["weight", weight]], { lr: 1 });
    const make = (options: LocalStepsOptions) => new LocalSteps(optimizer, options);
    for (const lr of [0, -1, NaN, Infinity]) assertThrows(() => make({ lr }), RangeError, "lr is");
    for (const momentum of [1, -0.1]) {
      assertThrows(() => make({ momentum }), RangeError, "momentum is");
    }
    using halves = gpu.table([2, 2], new Float32Array(4), "f16"), shard = gpu.table([2, 2]);
    shard.shard = { rank: 0, ranks: 2, rows: 4 };
    for (
      const [table, what] of [[halves, "holds f16"], [shard, "is a shard of a table"]] as const
    ) {
      using of = new SGD(gpu, [["table", table]], { lr: 1 });
      const message = `Cannot make LocalSteps: table ${what}; ranks average whole tables`;
      assertThrows(() => new LocalSteps(of), TypeError, message);
    }
    using local = make({});
    await assertRejects(() => local.average(JSON.parse("{}")), TypeError, "is no Communicator");
  }));

Deno.test("a rank that reads undisturbed between outer steps still has the bits of the others", async () => {
  const peeking = (gpu: Gpu, communicator: Communicator): Together => (optimizer, parameters) => {
    const local = localSteps(OUTER)(gpu, communicator)(optimizer, parameters);
    return {
      ...local,
      step(gradients) {
        local.step(gradients);
        if (communicator.rank > 0) return;
        using _undisturbed = optimizer.undisturbed();
        for (const [, parameter] of parameters) {
          using copy = gpu.tensor(parameter.shape);
          gpu.copy(parameter, copy);
        }
      },
    };
  };
  const make = OPTIMIZERS["sgd with momentum"]!;
  const [first, ...others] = await trainRanks(3, make, peeking);
  for (const other of others) assertEquals(other, first);
});

/** A table of each rank, an optimizer of it, and its outer steps; and steps that depend on rank and number. */
function sceneOf(gpu: Gpu, communicator: Communicator, stack: DisposableStack) {
  const table = stack.use(gpu.table([V, W], values(V * W, 1)));
  table.requiresGrad = true;
  const parameters = [["table", table]] as const, options = { lr: 0.3, momentum: 0.9, clip: 0.8 };
  const optimizer = stack.use(new SGD(gpu, parameters, options));
  const local = stack.use(new LocalSteps(optimizer, OUTER));
  const alone = (number: number) => {
    using step = gpu.step({ training: true });
    const ids = step.upload(randomIds(N, V, 10 * number + communicator.rank));
    const dRows = step.upload(values(N * W, number), [N, W]);
    local.step(step.backward(weightedSum(step, gather(step, table, ids), dRows)));
  };
  const rounds = async (from: number, to: number) => {
    for (let round = from; round < to; round++) {
      alone(2 * round), alone(2 * round + 1);
      await local.average(communicator);
    }
  };
  return { table, local, alone, rounds };
}

Deno.test("LocalSteps goes on from what it has saved to the same bits, new or used, and saves only where ranks are equal", async () => {
  await onRanks(2, async (gpu, communicator) => {
    using stack = new DisposableStack();
    const one = sceneOf(gpu, communicator, stack);
    await one.rounds(0, 2);
    const saved = structuredClone(await one.local.save());
    assertEquals(Object.keys(saved.tensors), ["table", "table.moment", "table.velocity"]);
    await one.rounds(2, 4);
    const expected = await gpu.readFloats(one.table);
    for (const used of [false, true]) {
      const other = sceneOf(gpu, communicator, stack);
      if (used) other.alone(50), other.alone(51);
      const message = "Cannot save LocalSteps while ranks differ: average() first";
      if (used) assertThrows(() => other.local.state(), TypeError, message);
      if (used) other.local.load(saved);
      else {
        await other.local.load(saved, (tensor, name) => {
          gpu.write(tensor, saved.tensors[name]!.data);
        });
      }
      assertEquals(await other.local.save(), saved);
      await other.rounds(2, 4);
      assertEquals(await gpu.readFloats(other.table), expected, `used: ${used}`);
    }
    const { "table.velocity": velocity, ...inner } = saved.tensors;
    const fails = (tensors: typeof inner, message: string) =>
      assertThrows(() => one.local.load({ ...saved, tensors }), RangeError, message);
    fails(inner, "Cannot load LocalSteps: table.velocity is missing");
    fails({ "table.velocity": velocity! }, "Cannot load SGD: table is missing");
    assertEquals(await gpu.readFloats(one.table), expected);
  });
});
