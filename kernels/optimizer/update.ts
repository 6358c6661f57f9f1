/** Updates a parameter by a gradient of any kind. Deferred updates of rows: lazy_rows.ts. */

import type { MergedGradient } from "../accumulate/merge_rows.ts";
import type { SummedGradient } from "../autograd/gradients.ts";
import type { Device } from "../device/device.ts";
import { forParts, numbered } from "../device/for_parts.ts";
import { boundParts, setsBound } from "../device/part_bindings.ts";
import { withFields } from "../device/pipelines.ts";
import { slicesOf } from "../device/parts.ts";
import type { TableKernel } from "../device/tables.ts";
import { type Storage, storageIn, type Tensor } from "../device/tensor.ts";
import { rowLanes } from "../device/vec.ts";
import type { RandomKey } from "../random/philox.ts";
import { roundedBy, withWrittenTable } from "../random/rounding.ts";
import adagrad from "./_adagrad.wgsl" with { type: "text" };
import adam from "./_adam.wgsl" with { type: "text" };
import momentum from "./_momentum.wgsl" with { type: "text" };
import sgd from "./_sgd.wgsl" with { type: "text" };
import source from "./update.wgsl" with { type: "text" };
import allSource from "./update_all.wgsl" with { type: "text" };

/** The formula of an optimizer. */
export interface Rule {
  readonly label: string;
  /** WGSL that updates all elements of several parameters. */
  readonly all: TableKernel;
  /** WGSL that updates rows. */
  readonly rows: TableKernel;
}

/** `formula` is WGSL that `coefficients`, fields of `Params`, go with. */
function rule(label: string, formula: string, coefficients: readonly string[]): Rule {
  const kernel = (source: string) =>
    withWrittenTable(withFields(source, coefficients, "f32") + formula);
  return { label, all: kernel(allSource), rows: kernel(source) };
}

const ADAM_COEFFICIENTS = ["step_size", "weight_decay", "rate1", "rate2", "epsilon"];

/** Stochastic gradient descent; keeps nothing. */
export const SGD_RULE: Rule = rule("sgd", sgd, ["lr", "weight_decay"]);
/** The same with momentum; keeps the moment. */
export const MOMENTUM_RULE: Rule = rule("sgd", momentum, ["lr", "momentum", "weight_decay"]);
/** Adagrad; keeps the sum of the squares. */
export const ADAGRAD_RULE: Rule = rule("adagrad", adagrad, ["lr", "weight_decay", "epsilon"]);
/** Adam; keeps the moment and the mean square. */
export const ADAM_RULE: Rule = rule("adam", adam, ADAM_COEFFICIENTS);

/** What is updated, and how. */
export interface Update {
  readonly rule: Rule;
  readonly parameter: Tensor;
  /** What the rule keeps, in the shape of the parameter; changed in place, like the parameter. */
  readonly state: readonly Tensor[];
  /** The rule's coefficients. */
  readonly coefficients: Readonly<Record<string, number>>;
  /** Where the rounding to 16-bit floats draws from, if the parameter has such. */
  readonly key?: RandomKey | undefined;
}

/** The update of all elements by a dense gradient. */
interface Whole extends Pick<Update, "rule" | "coefficients" | "key"> {
  /** The gradient, the parameter, and what is kept of it. */
  readonly tensors: readonly [gradient: Tensor, parameter: Tensor, ...state: Tensor[]];
  /** The number of the parameter's first row. */
  readonly row: number;
}

/** The updates of an optimizer's step: of parameters by gradients, times `norm[1]`. */
export class StepUpdates {
  readonly #gpu: Device;
  /** [2] Its second element is the factor that clips. */
  readonly norm: Tensor;
  readonly #dense: Whole[] = [];

  constructor(gpu: Device, norm: Tensor) {
    this.#gpu = gpu;
    this.norm = norm;
  }

  /** Updates all elements, or the gradient's rows alone; a dense gradient waits for {@linkcode finish}. */
  add(gradient: SummedGradient, what: Update): void {
    const { parameter, state, ...how } = what;
    switch (gradient.kind) {
      case "dense":
        this.#dense.push({ ...how, tensors: [gradient, parameter, ...state], row: 0 });
        return;
      case "sparse":
        return updateRows(this.#gpu, gradient, this.norm, what);
      case "tiled":
        return gradient.forEach((row, dRows) => {
          using slices = new DisposableStack();
          const some = (table: Tensor) => slices.use(table.slice(row, dRows.shape[0]!));
          const tensors: Whole["tensors"] = [dRows, some(parameter), ...state.map(some)];
          updateAll(this.#gpu, this.norm, [{ ...how, tensors, row }]);
        });
    }
  }

  /** Updates by the dense gradients, in few launches. */
  finish(): void {
    updateAll(this.#gpu, this.norm, this.#dense.splice(0));
  }
}

/** Vecs that a workgroup updates: workgroups cost a CPU more than rounds of a loop. */
const SHARE = { software: 1024, hardware: 64 };

/** Updates all elements, four floats at a time, of as many parameters in a launch as it can bind. */
function updateAll(gpu: Device, norm: Tensor, all: readonly Whole[]): void {
  using slices = new DisposableStack();
  const whole = all.flatMap(({ tensors, row, ...how }): Whole[] =>
    slicesOf(slices, tensors).map(([some, first]) => ({ ...how, tensors: some, row: row + first }))
  );
  for (const some of launchesOf(gpu, whole)) {
    const { rule, coefficients, key, row, tensors: { 1: parameter, length } } = some[0]!;
    const bound = (at: number) => some.map(({ tensors }) => tensors[at]!);
    const sizes = bound(0).map(({ size }) => Math.ceil(size / 4)), share = SHARE[gpu.family];
    const { halves, fields } = roundedBy(parameter, key);
    const first = halves ? row * parameter.size / parameter.shape[0]! / 4 : 0;
    gpu.dispatch({
      label: rule.label,
      source: forParts(rule.all(4, parameter.dtype).source, some.length),
      constants: { SHARE: share },
      halves,
      inputs: [norm, ...bound(0)],
      outputs: Array.from({ length: length - 1 }, (_, i) => bound(i + 1)).flat(),
      uniform: { ...numbered(sizes), first, ...coefficients, ...fields },
      grid: sizes.reduce((groups, n) => groups + Math.ceil(n / share), 0),
    });
  }
}

/**
 * Divides updates among launches: those of one formula, of which no two write to one buffer. A parameter of
 * 16-bit floats goes alone, since each draws its own numbers.
 */
function launchesOf(gpu: Device, all: readonly Whole[]): Whole[][] {
  const launches: { all: Whole[]; bound: Set<Storage>; written: Set<Storage> }[] = [];
  for (const one of all) {
    const most = setsBound(gpu, one.tensors.length, 1), buffers = one.tensors.map(storageIn);
    const [read, ...written] = buffers;
    let launch = launches.find((launch) =>
      launch.all.length < most && haveOneFormula(one, launch.all[0]!) &&
      !launch.written.has(read!) && written.every((buffer) => !launch.bound.has(buffer))
    );
    if (!launch) launches.push(launch = { all: [], bound: new Set(), written: new Set() });
    launch.all.push(one);
    for (const buffer of buffers) launch.bound.add(buffer);
    for (const buffer of written) launch.written.add(buffer);
  }
  return launches.map(({ all }) => all);
}

function haveOneFormula(a: Whole, b: Whole): boolean {
  return a.rule === b.rule && [a, b].every(({ tensors }) => tensors[1].dtype !== "f16") &&
    Object.keys(a.coefficients).every((name) => a.coefficients[name] === b.coefficients[name]);
}

/** Updates the rows that the gradient has. */
function updateRows(
  gpu: Device,
  { ids, values }: MergedGradient,
  norm: Tensor,
  { rule, parameter, state, coefficients, key }: Update,
): void {
  const n = ids.size, { source, vec } = rule.rows(values.size / n, parameter.dtype);
  const W = values.size / n / vec, { halves, fields } = roundedBy(parameter, key);
  for (const { tensors, count, first, rows } of boundParts(gpu, [parameter, ...state], 3)) {
    const lanes = rowLanes(gpu, W, count);
    gpu.dispatch({
      label: rule.label,
      source: forParts(source, count),
      halves,
      inputs: [norm, ids, values],
      outputs: tensors,
      uniform: { n, W, lanes, first, rows, ...coefficients, ...fields },
      grid: Math.ceil(n * lanes / 64),
    });
  }
}
