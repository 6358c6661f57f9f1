// Adagrad and Adam against PyTorch's, by dense and by sparse gradients: tests/golden/optimizers.py has the numbers.

import { assert, assertEquals } from "@std/assert";
import type { Gpu } from "../../../mod.ts";
import { Adagrad, Adam } from "../../../nce/nn/mod.ts";
import { add, gather, weightedSum } from "../../../kernels/ops.ts";
import golden from "../../golden/optimizers.json" with { type: "json" };
import { assertClose } from "../../support/close.ts";
import { withBothFamilies } from "../../support/gpu.ts";

interface Case {
  readonly name: string;
  readonly options: Readonly<Record<string, number>>;
  readonly init: number[][];
  readonly steps: readonly {
    readonly lr: number;
    readonly gradient: { readonly values: number[][]; readonly ids?: number[] } | null;
    readonly after: number[][];
  }[];
}

async function check(gpu: Gpu, { name, options, init, steps }: Case): Promise<void> {
  const shape = [init.length, init[0]!.length], Optimizer = name === "Adam" ? Adam : Adagrad;
  using table = gpu.tensor(shape, Float32Array.from(init.flat()));
  using other = gpu.tensor([1], Float32Array.of(1));
  table.requiresGrad = other.requiresGrad = true;
  const parameters = [["table", table], ["other", other]] as const;
  using optimizer = new Optimizer(gpu, parameters, { ...options, lr: steps[0]!.lr });
  for (const [i, { lr, gradient, after }] of steps.entries()) {
    optimizer.lr = lr;
    using step = gpu.step({ training: true });
    // The other parameter has a gradient of 0 in every step, which adds nothing to the norm.
    const still = weightedSum(step, other, step.upload(new Float32Array(1)));
    let loss = still;
    if (gradient) {
      const { ids, values } = gradient;
      const rows = ids ? gather(step, table, step.upload(Uint32Array.from(ids))) : table;
      const weight = step.upload(Float32Array.from(values.flat()), shape);
      loss = add(step, still, weightedSum(step, rows, weight));
    }
    const gradients = step.backward(loss);
    assertEquals(
      gradients.get(table)?.kind,
      gradient?.ids ? "sparse" : gradient ? "dense" : undefined,
    );
    optimizer.step(gradients);
    const what = `${name} ${JSON.stringify(options)} ${shape}, step ${i}`;
    assertClose(await gpu.readFloats(table), after.flat(), {}, what);
  }
}

Deno.test("Adagrad and Adam update dense and sparse gradients as PyTorch's optimizers do", () =>
  withBothFamilies(async (gpu) => {
    const cases: readonly Case[] = golden;
    assert(cases.length >= 12);
    for (const each of cases) await check(gpu, each);
  }));
