/** Modules: objects that own parameters on the GPU. */

import {
  expectFromZero,
  expectNames,
  expectOneOf,
  expectPositive,
  expectSeed,
  expectText,
  show,
} from "../../kernels/device/expect.ts";
import { expectShard, ownRows, type Shard, shardRows } from "../../kernels/device/shard.ts";
import { fillShard } from "../../kernels/lookup/fill_shard.ts";
import { fillUniform } from "../../kernels/elementwise/fill.ts";
import { Gpu } from "../../kernels/gpu.ts";
import { streamOf } from "../../kernels/random/stream.ts";
import { type TableDType, tensorBytes } from "../../kernels/device/dtype.ts";
import { smallestPart } from "../../kernels/device/parts.ts";
import { Tensor } from "../../kernels/device/tensor.ts";
import {
  expectData,
  expectLayouts,
  expectOneEach,
  layoutsOf,
  readAll,
  type SavedTensors,
  writeAll,
} from "./saved.ts";

/** A parameter and its name: its path in the model. */
export type NamedParameter = readonly [name: string, parameter: Tensor];

/** Initial values: these, or uniform in [-range, range), a function of the parameter's path and the seed. */
export type InitialValues = Float32Array | {
  /** How far values are from 0 at most. */
  readonly range: number;
  /** Seed of the values; 0 unless given. */
  readonly seed?: number;
};

/** An owner of parameters: its own, and those of its parts. */
export abstract class Module implements Disposable {
  /** The module's path in its model; empty for the model itself. */
  readonly name: string;
  readonly #owned: (NamedParameter | Module)[] = [];
  #ended = false;

  /** `name` is the path that the names of parameters begin with; random numbers depend on it. */
  constructor(name = "") {
    expectText("make a Module", "name", name);
    this.name = name;
  }

  /** The path of a part called `part`. */
  protected path(part: string): string {
    return this.name === "" ? part : `${this.name}.${part}`;
  }

  /** A {@linkcode parameter} of the module: `part` is the last word of its path. */
  protected parameter(
    gpu: Gpu,
    part: string,
    shape: readonly number[],
    init: InitialValues,
  ): Tensor {
    const path = this.path(part);
    return this.#own(path, parameter(gpu, path, shape, init));
  }

  /**
   * The same for a table of any size ({@linkcode Device.table}), whose rows are looked up or all scored, of floats of
   * 32 bits unless `dtype` is f16; or a shard of one. `shape` and values are those of the whole table.
   */
  protected tableParameter(
    gpu: Gpu,
    part: string,
    shape: readonly number[],
    init: InitialValues,
    dtype: TableDType = "f32",
    shard?: Shard,
  ): Tensor {
    const path = this.path(part);
    return this.#own(path, initialized(gpu, path, shape, init, dtype, shard));
  }

  #own(path: string, made: Tensor): Tensor {
    this.#owned.push([path, made]);
    return made;
  }

  /**
   * Takes `module` over: its parameters are the owner's, too, and it is disposed of with the owner.
   *
   * @throws {TypeError} If it is no Module: a {@linkcode Dropout}, for one, has no parameters.
   */
  protected part<Part extends Module>(module: Part): Part {
    if (!(module instanceof Module)) {
      const found = show(module);
      throw new TypeError(
        `Cannot make ${nameOf(this.constructor)}: a part is ${found}, not a Module`,
      );
    }
    this.#owned.push(module);
    return module;
  }

  /**
   * The parameters with their paths, in the order in which the module got them.
   *
   * @throws {TypeError} If a module in a field is not a {@linkcode part}, or a tensor with `requiresGrad` not a
   *   {@linkcode parameter}: it would not be trained. What belongs to another owner is kept in a field whose name
   *   begins with #.
   */
  parameters(): NamedParameter[] {
    const all = this.#owned.flatMap((one) => one instanceof Module ? one.parameters() : [one]);
    if (!this.#ended) this.#expectParts(all);
    return all;
  }

  #expectParts(parameters: readonly NamedParameter[]): void {
    const own = new Set<unknown>([...this.#owned, ...parameters.map(([, tensor]) => tensor)]);
    for (const [field, value] of Object.entries(this)) {
      const other = trainedIn(value).find((one) => !own.has(one));
      if (other === undefined) continue;
      const what = other instanceof Module ? "part" : "parameter";
      const doing = `list the parameters of ${nameOf(this.constructor)}`;
      throw new TypeError(
        `Cannot ${doing}: ${field} is no ${what} of it; make it one with this.${what}(...), or name the field ` +
          `#${field} if it belongs to another module`,
      );
    }
  }

  /**
   * The parameters with their numbers, for {@linkcode load}: all that it takes to use the module. To go on with
   * training, save its optimizer instead ({@linkcode Optimizer.save}), whose state has them, too.
   *
   * Updates that rows of tables wait for are applied first, which may change the last bits of further training; within
   * {@linkcode Optimizer.undisturbed} it changes nothing.
   *
   * @throws {RangeError} If two parameters have one name.
   * @throws {TypeError} If a parameter changes meanwhile, or is a shard of one.
   */
  async save(): Promise<SavedTensors> {
    const doing = `save ${nameOf(this.constructor)}`, parameters = this.parameters();
    expectOneEach(doing, parameters);
    return await readAll(doing, parameters);
  }

  /**
   * Gives the parameters the numbers that {@linkcode save} gave, of a module with the same parameters. Nothing
   * changes unless all of them fit. What optimizers keep of them stays.
   *
   * @throws {RangeError} If a parameter is missing, of another shape or type, there are others, or two have one name.
   * @throws {TypeError} If the numbers are none, or a parameter is a shard.
   */
  load(saved: SavedTensors): void {
    const doing = `load ${nameOf(this.constructor)}`, parameters = this.parameters();
    expectOneEach(doing, parameters);
    expectLayouts(doing, saved, layoutsOf(parameters));
    expectData(doing, parameters, saved);
    writeAll(parameters, saved);
  }

  /** Frees what the module holds on the GPU. */
  dispose(): void {
    this.#ended = true;
    for (const owned of this.#owned) if (owned instanceof Module) owned.dispose();
    for (const [, parameter] of this.parameters()) parameter.dispose();
  }

  /** The same as {@linkcode dispose}. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** What is to be trained of what a field holds: itself, or elements of a list or a plain object. */
function trainedIn(value: unknown): (Module | Tensor)[] {
  const isPlain = Array.isArray(value) || (value as object | undefined)?.constructor === Object;
  return (isPlain ? Object.values(value as object) : [value])
    .filter((one) => one instanceof Module || one instanceof Tensor && one.requiresGrad);
}

/**
 * A parameter of `shape`: a tensor that gets a gradient, and belongs to the caller. `path` is its name in the
 * model; {@linkcode SGD} takes the two as a {@linkcode NamedParameter}.
 *
 * @throws {RangeError} If the shape, the range or the seed is out of range, or the tensor too large.
 * @throws {TypeError} If values are given that do not fit the shape.
 */
export function parameter(
  gpu: Gpu,
  path: string,
  shape: readonly number[],
  init: InitialValues,
): Tensor {
  return initialized(gpu, path, shape, init);
}

function initialized(
  gpu: Gpu,
  path: string,
  shape: readonly number[],
  init: InitialValues,
  ofTable?: TableDType,
  shard?: Shard,
): Tensor {
  const isGiven = init instanceof Float32Array;
  if (isGiven) expectGpu("make a parameter", gpu);
  else {
    if (Array.isArray(init) || ArrayBuffer.isView(init)) {
      throw new TypeError(`Cannot make a parameter: its values are ${show(init)}, no Float32Array`);
    }
    expectOptions("a parameter", gpu, init, [], ["range", "seed"]);
    expectFromZero("make a parameter", "range", init.range);
  }
  expectText("make a parameter", "path", path);
  const values = isGiven ? init : undefined;
  const made = shard && shard.ranks > 1
    ? newShard(gpu, shape, shard, values)
    : ofTable
    ? gpu.table(shape, values, ofTable)
    : gpu.tensor(shape, values);
  made.requiresGrad = true;
  if (isGiven) return made;
  const { range, seed = 0 } = init, key = { seed, stream: streamOf(path), step: 0 };
  (made.shard ? fillShard : fillUniform)(gpu, made, -range, range, key);
  return made;
}

/** A rank's rows of a table of this shape, zero or those of `values`. */
function newShard(
  gpu: Gpu,
  [rows, ...row]: readonly number[],
  { rank, ranks }: Shard,
  values?: Float32Array,
): Tensor {
  const shard = { rank, ranks, rows: rows! };
  const own = values && ownRows(values, values.length / rows!, shard);
  const made = gpu.table([shardRows(shard), ...row], own);
  made.shard = shard;
  return made;
}

/** Throws a TypeError if one of `parameters` is a shard. */
export function expectWhole(doing: string, parameters: readonly NamedParameter[]): void {
  if (!parameters.some(([, { shard }]) => shard)) return;
  throw new TypeError(`Cannot ${doing}: a rank has the scores of its own shard alone`);
}

/** The name of a class, in errors; of a class without one, that of the class that it extends. */
export function nameOf(type: { readonly name: string }): string {
  return type.name || nameOf(Object.getPrototypeOf(type));
}

/** Throws a TypeError unless `gpu` is a Gpu. */
export function expectGpu(doing: string, gpu: Gpu): void {
  if (gpu instanceof Gpu) return;
  throw new TypeError(`Cannot ${doing}: gpu is ${show(gpu)}, not a Gpu (await Gpu.create())`);
}

/**
 * Throws unless `gpu` is a Gpu, and `options` an object with a usable seed and name, if any, in which the
 * `sizes` are positive integers, and that has no names but these and the `others`. Constructors check everything
 * before they allocate, so that nothing is left behind.
 */
export function expectOptions<T extends object>(
  module: string,
  gpu: Gpu,
  options: T,
  sizes: readonly (keyof T & string)[],
  others: readonly (keyof T & string)[],
): void {
  const doing = `make ${module}`;
  expectGpu(doing, gpu);
  expectNames(doing, "options", options, [...sizes, ...others]);
  const values = options as Readonly<Record<string, unknown>>;
  for (const size of sizes) expectPositive(doing, size, values[size]);
  if (values["seed"] !== undefined) expectSeed(doing, values["seed"]);
  if (values["name"] !== undefined) expectText(doing, "name", values["name"]);
}

/** Throws a RangeError unless `module` can have a table of this shape and element type. */
export function expectTableOf(
  module: string,
  gpu: Gpu,
  shape: readonly number[],
  dtype: TableDType = "f32",
  shard?: Shard,
): void {
  expectShard(`make ${module}`, shard, shape[0]!);
  if (shard && dtype === "f16") {
    throw new TypeError(`Cannot make ${module}: a shard has 32-bit floats, not tableDtype f16`);
  }
  expectOneOf(`make ${module}`, "tableDtype", dtype, ["f32", "f16"]);
  tensorBytes(shape, dtype);
  gpu.expectFitting(smallestPart(shape));
}
