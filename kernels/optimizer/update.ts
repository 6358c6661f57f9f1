/** Updates a parameter by a gradient of any kind. Deferred updates of rows: lazy_rows.ts. */

import type { MergedGradient } from "../accumulate/merge_rows.ts";
import type { SummedGradient } from "../autograd/gradients.ts";
import type { Device } from "../device/device.ts";
import { boundParts, forParts, numbered, setsBound } from "../device/part_bindings.ts";
import { slicesOf } from "../device/parts.ts";
import { rowLanes, type VecSource, withVec } from "../device/vec.ts";
import { type Storage, storageIn, type Tensor } from "../device/tensor.ts";
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
  readonly all: string;
  /** WGSL that updates rows of this width. */
  readonly rows: (width: number) => VecSource;
}

function rule(label: string, formula: string): Rule {
  return { label, all: withVec(allSource + formula)(4).source, rows: withVec(source + formula) };
}

/** Stochastic gradient descent; keeps nothing. */
export const SGD_RULE: Rule = rule("sgd", sgd);
/** The same with momentum; keeps the moment. */
export const MOMENTUM_RULE: Rule = rule("sgd", momentum);
/** Adagrad; keeps the sum of the squares. */
export const ADAGRAD_RULE: Rule = rule("adagrad", adagrad);
/** Adam; keeps the moment and the mean square. */
export const ADAM_RULE: Rule = rule("adam", adam);

/** What is updated, and how. */
export interface Update {
  readonly rule: Rule;
  readonly parameter: Tensor;
  /** What the rule keeps, in the shape of the parameter; changed in place, like the parameter. */
  readonly state: readonly Tensor[];
  /** The rule's fields of `Params`, without n and W. */
  readonly coefficients: Readonly<Record<string, number>>;
}

/** The update of all elements by a dense gradient. */
interface Whole extends Pick<Update, "rule" | "coefficients"> {
  /** The gradient, the parameter, and what is kept of it. */
  readonly tensors: readonly Tensor[];
}

/** Updates of parameters by gradients, times `norm[1]`. */
export class Updates {
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
    const { rule, parameter, state, coefficients } = what;
    switch (gradient.kind) {
      case "dense":
        this.#dense.push({ rule, coefficients, tensors: [gradient, parameter, ...state] });
        return;
      case "sparse":
        return updateRows(this.#gpu, gradient, this.norm, what);
      case "tiled":
        return gradient.forEach((first, dRows) => {
          using slices = new DisposableStack();
          const tables = [parameter, ...state].map((table) => {
            return slices.use(table.slice(first, dRows.shape[0]!));
          });
          updateAll(this.#gpu, this.norm, [{ rule, coefficients, tensors: [dRows, ...tables] }]);
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
  const whole = all.flatMap(({ tensors, ...how }): Whole[] =>
    slicesOf(slices, tensors).map((tensors) => ({ ...how, tensors }))
  );
  for (const some of launchesOf(gpu, whole)) {
    const { rule, coefficients, tensors: { length } } = some[0]!, { family } = gpu;
    const bound = (at: number) => some.map(({ tensors }) => tensors[at]!);
    const sizes = bound(0).map(({ size }) => Math.ceil(size / 4)), share = SHARE[family];
    gpu.dispatch({
      label: rule.label,
      source: forParts(rule.all, some.length),
      constants: { SHARE: share },
      inputs: [norm, ...bound(0)],
      outputs: Array.from({ length: length - 1 }, (_, i) => bound(i + 1)).flat(),
      uniform: { ...numbered(sizes), W: 1, lanes: 1, first: 0, rows: 0, ...coefficients },
      grid: sizes.reduce((groups, n) => groups + Math.ceil(n / share), 0),
    });
  }
}

/** Divides updates among launches: those of one formula, of which no two write to one buffer. */
function launchesOf(gpu: Device, all: readonly Whole[]): Whole[][] {
  const launches: Whole[][] = [];
  for (const one of all) {
    const most = setsBound(gpu, one.tensors.length, 1);
    const found = launches.find((others) =>
      others.length < most && others.every((other) => goTogether(one, other))
    );
    if (found) found.push(one);
    else launches.push([one]);
  }
  return launches;
}

function goTogether(a: Whole, b: Whole): boolean {
  const names = Object.keys(a.coefficients), [boundByA, boundByB] = [a, b].map(buffersOf);
  return a.rule === b.rule &&
    names.every((name) => a.coefficients[name] === b.coefficients[name]) &&
    [[boundByA!, boundByB!], [boundByB!, boundByA!]].every(([one, other]) => {
      return other!.slice(1).every((written) => !one!.includes(written));
    });
}

/** The buffers of the gradient, which is read, and of the tensors that are written to. */
function buffersOf({ tensors }: Whole): Storage[] {
  return tensors.map(storageIn);
}

/** Updates the rows that the gradient has. */
function updateRows(
  gpu: Device,
  { ids, values }: MergedGradient,
  norm: Tensor,
  { rule, parameter, state, coefficients }: Update,
): void {
  const n = ids.size, { source, vec } = rule.rows(values.size / n), W = values.size / n / vec;
  for (const { tensors, count, first, rows } of boundParts(gpu, [parameter, ...state], 3)) {
    const lanes = rowLanes(gpu, W, count), sizes = new Array<number>(count).fill(n);
    gpu.dispatch({
      label: rule.label,
      source: forParts(source, count),
      inputs: [norm, ids, values],
      outputs: tensors,
      uniform: { ...numbered(sizes), W, lanes, first, rows, ...coefficients },
      grid: Math.ceil(n * lanes / 64),
    });
  }
}
