// Optimizers load nothing but states of their own.

import { assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import type { Tensor } from "../../../mod.ts";
import {
  type FillTensor,
  type OptimizerHeader,
  type SavedOptimizer,
  SGD,
} from "../../../nce/nn/mod.ts";
import { withGpu } from "../../support/gpu.ts";
import {
  D,
  fillFrom,
  FIRST,
  MAKERS,
  parametersOf,
  sceneOf,
  train,
  V,
  W,
} from "../../support/optimizers.ts";

/** `saved` with other counts. */
function withCounts(saved: SavedOptimizer, table: readonly number[]): SavedOptimizer {
  return { ...saved, counts: { ...saved.counts, table } };
}

/** `saved` with another tensor, or without it. */
function withTensor(saved: SavedOptimizer, name: string, changed?: object): SavedOptimizer {
  const { [name]: old, ...others } = saved.tensors;
  return { ...saved, tensors: changed ? { ...others, [name]: { ...old!, ...changed } } : others };
}

Deno.test("an optimizer loads nothing but a state of its own kind, and then stays as it was", () =>
  withGpu(async (gpu) => {
    using stack = new DisposableStack();
    for (const dtype of ["f32", "f16"] as const) {
      for (const name of Object.keys(MAKERS)) {
        const { optimizer, parameters } = sceneOf(gpu, stack, name, dtype);
        train(gpu, parameters, optimizer, FIRST);
        const saved = await optimizer.save(), { kind } = saved;
        const refuse = (wrong: SavedOptimizer, message: string) => {
          const { message: found } = assertThrows(() => optimizer.load(wrong), Error);
          assertEquals(found, `Cannot load ${kind}: ${message}`, name);
          if (message.startsWith("the numbers")) return; // which only the other way has
          const fill = () => {
            throw new Error("too late");
          };
          assertThrows(() => optimizer.load(wrong, fill), Error, message);
        };
        const counts = (table: number[]) =>
          refuse(
            withCounts(saved, table),
            `the counts of table are [${table}], not those of ${kind}`,
          );
        for (const table of [[2.5], [-1], [0], [NaN], [20, 1, 1.5, 0.1], [20, 1, 1, 0]]) {
          counts(table);
        }
        const waits = /momentum/.test(name), updates = dtype === "f16" ? [20] : [];
        if (kind === "Adam") counts([20, 0.5]);
        else if (waits) counts([...updates, 20]), counts([...updates, 1e20, 0.1]);
        else counts([...updates, 1, 0.1]);
        if (kind !== "Adam" && dtype === "f32") counts([20]);
        const vector = ["20"] as unknown as number[];
        refuse(
          { ...saved, counts: { vector } },
          `the counts of vector are [20], not those of ${kind}`,
        );
        refuse({ ...saved, counts: { other: [1] } }, 'it has no parameter "other"');
        refuse({ ...saved, kind: "Lion" }, 'the state is that of "Lion"');
        refuse(
          saved.tensors as unknown as typeof saved, // what a module saves
          "it has no kind, as what an optimizer's save() gives has",
        );
        refuse({ ...saved, lr: 0 }, "lr is 0, not a positive finite number");
        const others = Object.keys(withTensor(saved, "vector").tensors).join(", ");
        refuse(withTensor(saved, "vector"), `vector is missing among ${others}`);
        refuse(withTensor(saved, "more", { shape: [1] }), "it has no tensor more");
        const type = dtype === "f32" ? "f16" : "f32", shape = [V, W];
        refuse(
          withTensor(saved, "table", { dtype: type }),
          `table is ${type} [${shape}], expected ${dtype} [${shape}]`,
        );
        refuse(
          withTensor(saved, "vector", { shape: [D, 1] }),
          `vector is f32 [${D},1], expected f32 [${D}]`,
        );
        refuse(
          withTensor(saved, "vector", { data: new Float32Array(3) }),
          `the numbers of vector are f32 [3], expected f32 [${D}]`,
        );
        refuse(
          withTensor(saved, "vector", { data: new Uint32Array(D) }),
          `the numbers of vector are u32 [${D}], expected f32 [${D}]`,
        );
        refuse(
          withTensor(saved, "vector", { data: [1] }),
          "the numbers of vector are [1]: give numbers as Float32Array.from(...), ids as " +
            "Uint32Array.from(...)",
        );
        if (waits) {
          const data = new Uint32Array(V).fill(9);
          assertThrows(
            () => optimizer.load(withTensor(saved, "table.steps", { data })),
            RangeError,
            `Cannot load ${kind}: table.steps has 9, and rows wait for 4`,
          );
          const late = withTensor(saved, "table.steps", { data });
          await assertRejects(
            () => optimizer.load(late, fillFrom(gpu, late)),
            RangeError,
            "table.steps has 9, and rows wait for 4",
          );
          optimizer.load(saved);
        }
        assertEquals(await optimizer.save(), saved, name);
      }
    }
  }));

Deno.test("the states of one optimizer are not those of another, of other layers, or of other coefficients", () =>
  withGpu(async (gpu) => {
    using stack = new DisposableStack();
    const names = Object.keys(MAKERS);
    const scenes = names.map((name) => sceneOf(gpu, stack, name)), saved: SavedOptimizer[] = [];
    for (const { optimizer, parameters } of scenes) {
      train(gpu, parameters, optimizer, FIRST);
      saved.push(await optimizer.save());
    }
    for (const [i, { optimizer }] of scenes.entries()) {
      for (const [j, state] of saved.entries()) {
        const alike = i === j || [names[i], names[j]].every((name) => /momentum/.test(name!));
        if (alike) optimizer.load(state);
        else assertThrows(() => optimizer.load(state), RangeError, "Cannot load ");
      }
    }
    const fill = JSON.parse("3") as FillTensor;
    assertThrows(
      () => scenes[0]!.optimizer.load(saved[0]!, fill),
      RangeError,
      "Cannot load SGD: fill is 3, not a function",
    );
    const renamed = parametersOf(gpu, stack).map(([name, tensor]) =>
      [`b.${name}`, tensor] as const
    );
    using other = new SGD(gpu, renamed, { lr: 0.1, momentum: 0.9 });
    const state = saved[names.indexOf("SGD with momentum")]!;
    assertThrows(
      () => other.load(state),
      RangeError,
      'Cannot load SGD: it has no parameter "table"',
    );
    for (
      const none of [null, undefined, 3, "x", {}, { ...state, tensors: null }, {
        ...state,
        counts: 1,
      }]
    ) {
      const wrong = none as unknown as SavedOptimizer;
      assertThrows(() => scenes[0]!.optimizer.load(wrong), Error, "Cannot load SGD: ");
    }
  }));

Deno.test("a parameter may not have the name of what is kept of another", () =>
  withGpu((gpu) => {
    using a = gpu.tensor([2]), b = gpu.tensor([2]);
    assertThrows(
      () => new SGD(gpu, [["w.moment", b], ["w", a]], { lr: 1 }),
      RangeError,
      "Cannot make SGD: w.moment is what is kept of w; rename one",
    );
  }));

Deno.test("a shard is saved with those of the other ranks alone", () =>
  withGpu(async (gpu) => {
    using table = gpu.table([2, 3]);
    table.shard = { rank: 0, ranks: 2, rows: 3 };
    using optimizer = new SGD(gpu, [["table", table]], { lr: 1 });
    const message = "SGD: of table a rank has a shard alone";
    await assertRejects(() => optimizer.save(), TypeError, `Cannot save ${message}`);
    let header: OptimizerHeader;
    {
      using state = optimizer.state();
      header = state.header;
      assertEquals([header.tensors["table"]!.shape, state.tensors[0]![1].shard], [
        [3, 3],
        table.shard,
      ]);
    }
    const data = new Float32Array(9), { table: layout } = header.tensors;
    const saved = { ...header, tensors: { table: { ...layout!, data } } };
    assertThrows(() => optimizer.load(saved), TypeError, `Cannot load ${message}`);
    const own = Float32Array.of(1, 2, 3, 7, 8, 9);
    await optimizer.load(header, (tensor: Tensor) => gpu.write(tensor, own));
    assertEquals(await gpu.read(table), own);
    assertNotEquals(own, data);
  }));
