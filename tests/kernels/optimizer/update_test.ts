// Dense parameters are updated several in a launch, each as if it were alone.

import { assert, assertEquals } from "@std/assert";
import { Gradients } from "../../../kernels/autograd/gradients.ts";
import type { Gpu, Tensor } from "../../../mod.ts";
import { Adagrad, Adam, type NamedParameter, type Optimizer, SGD } from "../../../nce/nn/mod.ts";
import { values } from "../../reference/data.ts";
import { assertClose } from "../../support/close.ts";
import { limitedGpu, withBothFamilies } from "../../support/gpu.ts";

/** Elements of the parameters: more than a launch binds, of few and of many workgroups. */
const SIZES = [1, 2, 3, 5, 1023, 1024, 1025, 4096, 9000, 140_003, ...new Array<number>(30).fill(7)];
const NAN = (n: number) => new Float32Array(n).fill(NaN);

const OPTIMIZERS: Readonly<
  Record<string, (gpu: Gpu, parameters: readonly NamedParameter[]) => Optimizer>
> = {
  sgd: (gpu, parameters) => new SGD(gpu, parameters, { lr: 0.5, weightDecay: 0.1 }),
  momentum: (gpu, parameters) => new SGD(gpu, parameters, { lr: 0.5, momentum: 0.9 }),
  adagrad: (gpu, parameters) => new Adagrad(gpu, parameters, { lr: 0.5, weightDecay: 0.1 }),
  adam: (gpu, parameters) => new Adam(gpu, parameters, { lr: 0.5, weightDecay: 0.1 }),
};

/** A tensor [n], at the begin of a buffer whose rest is NaN. */
function tensorOf(gpu: Gpu, stack: DisposableStack, data: Float32Array): Tensor {
  const all = stack.use(gpu.tensor([data.length + 64], NAN(data.length + 64)));
  const head = stack.use(all.slice(0, data.length));
  gpu.write(head, data);
  return head;
}

function tensors(gpu: Gpu, stack: DisposableStack, seed: number): Tensor[] {
  return SIZES.map((n, i) => tensorOf(gpu, stack, values(n, seed + i)));
}

/** The parameters after two steps, of which the second has a gradient for every other one alone. */
async function updated(
  gpu: Gpu,
  make: (parameters: readonly NamedParameter[]) => Optimizer[],
): Promise<Float32Array[]> {
  using stack = new DisposableStack();
  const parameters = tensors(gpu, stack, 1), gradients = tensors(gpu, stack, 100);
  const optimizers = make(parameters.map((parameter, i) => [`p${i}`, parameter]));
  for (const every of [1, 2]) {
    using step = gpu.step();
    for (const [at, optimizer] of optimizers.entries()) {
      const own = optimizers.length > 1 ? [at] : parameters.keys().toArray();
      const reached = own.filter((i) => i % every === 0);
      if (reached.length === 0) continue;
      const pairs = reached.map((i) => [parameters[i]!, gradients[i]!] as const);
      optimizer.step(new Gradients(step, pairs));
    }
  }
  for (const optimizer of optimizers) stack.use(optimizer);
  return await Promise.all(parameters.map((parameter) => gpu.readFloats(parameter)));
}

for (const [name, make] of Object.entries(OPTIMIZERS)) {
  Deno.test(`${name} updates many parameters to the bits that each gets alone`, () =>
    withBothFamilies(async (gpu) => {
      const together = await updated(gpu, (all) => [make(gpu, all)]);
      const alone = await updated(gpu, (all) => all.map((one) => make(gpu, [one])));
      assertEquals(together, alone);
      assert(together.every((data) => data.every(Number.isFinite)));
    }));
}

Deno.test("slices of one buffer are updated, though no launch may write to it twice", () =>
  withBothFamilies(async (gpu) => {
    using all = gpu.tensor([192], values(192, 1)), gradient = gpu.tensor([64], values(64, 2));
    using first = all.slice(0, 64), last = all.slice(128, 64);
    using optimizer = new SGD(gpu, [["first", first], ["last", last]], { lr: 1 });
    using step = gpu.step();
    optimizer.step(new Gradients(step, [[first, gradient], [last, gradient]]));
    const expected = values(192, 1);
    for (const [i, g] of values(64, 2).entries()) expected[i]! -= g, expected[128 + i]! -= g;
    assertEquals(await gpu.readFloats(all), expected);
  }));

Deno.test("the norm is that of all gradients, few or many in a launch", async () => {
  const expected = Math.sqrt(
    SIZES.flatMap((n, i) => [...values(n, 100 + i)]).reduce((sum, g) => sum + g * g, 0),
  );
  const check = async (gpu: Gpu) => {
    using stack = new DisposableStack();
    const gradients = tensors(gpu, stack, 100), parameters = tensors(gpu, stack, 1);
    const named = parameters.map((parameter, i) => [`p${i}`, parameter] as const);
    using optimizer = new SGD(gpu, named, { lr: 1, clip: 0.5 }), step = gpu.step();
    optimizer.step(new Gradients(step, parameters.map((p, i) => [p, gradients[i]!])));
    const found = await gpu.readFloats(optimizer.norm);
    assertClose(found, [expected, 0.5 / expected], { rtol: 2e-6 });
  };
  await withBothFamilies(check);
  await using few = await limitedGpu({ maxStorageBuffersPerShaderStage: 4 });
  await check(few);
});

Deno.test("a gradient whose squares overflow moves parameters, unless its norm is to be clipped", () =>
  withBothFamilies(async (gpu) => {
    const stepped = async (clip?: number) => {
      using parameter = gpu.tensor([2], Float32Array.of(1, 1));
      using gradient = gpu.tensor([2], Float32Array.of(1e20, -1e20));
      using optimizer = new SGD(gpu, [["p", parameter]], { lr: 2 ** -67, ...(clip && { clip }) });
      using step = gpu.step();
      optimizer.step(new Gradients(step, [[parameter, gradient]]));
      assertEquals((await gpu.readFloats(optimizer.norm))[0], Infinity);
      return await gpu.readFloats(parameter);
    };
    const change = 1e20 * 2 ** -67;
    assertClose(await stepped(), [1 - change, 1 + change], { rtol: 1e-6 });
    assertClose(await stepped(1e39), [1 - change, 1 + change], { rtol: 1e-6 }); // beyond float32
    assertEquals(await stepped(1), Float32Array.of(1, 1));
  }));

Deno.test("ten parameters with moments take three launches, and those of other coefficients one more", () =>
  withBothFamilies(async (gpu) => {
    using stack = new DisposableStack();
    const tensor = (seed: number) => tensorOf(gpu, stack, values(9, seed));
    const pairs = Array.from({ length: 10 }, (_, i) => [tensor(i), tensor(50 + i)] as const);
    const named = pairs.map(([parameter], i) => [`p${i}`, parameter] as const);
    const runs = async (optimizer: Optimizer, reached: typeof pairs) => {
      using step = gpu.step();
      const { rows } = await gpu.profile(() => optimizer.step(new Gradients(step, reached)));
      return Object.fromEntries(rows.map(({ label, runs }) => [label, runs]));
    };
    using sgd = new SGD(gpu, named, { lr: 1, momentum: 0.9 });
    assertEquals(await runs(sgd, pairs), { squares: 1, clip: 1, sgd: 1 });
    using adam = new Adam(gpu, named.slice(0, 4), { lr: 1 });
    assertEquals(await runs(adam, pairs.slice(0, 3)), { squares: 1, clip: 1, adam: 1 });
    assertEquals(await runs(adam, pairs.slice(0, 4)), { squares: 1, clip: 1, adam: 2 });
  }));
