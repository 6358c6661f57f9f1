/** Tensors outside the GPU, by name: what is saved, and the checks before it is put back. */

import { deviceOf } from "../../kernels/device/device.ts";
import { type DType, dtypeOf, sizeOf, type TensorData } from "../../kernels/device/dtype.ts";
import { expectObject, show } from "../../kernels/device/expect.ts";
import { versionOf } from "../../kernels/device/parts.ts";
import { flushBeforeRead } from "../../kernels/device/pending.ts";
import { partsOf, type Tensor } from "../../kernels/device/tensor.ts";

/** Tensors up to this size are read together, as a wait for the GPU costs more; larger ones one after the other. */
const SMALL_BYTES = 2 ** 20;

/** A tensor and its name. */
type Named = readonly [name: string, tensor: Tensor];

/** What a tensor is. */
export interface TensorLayout {
  /** Sizes of the dimensions; of a table that is divided among ranks, those of the whole table. */
  readonly shape: readonly number[];
  /** Element type. */
  readonly dtype: DType;
}

/** A tensor's numbers, and what it is. */
export interface SavedTensor extends TensorLayout {
  /** All elements, rows one after another; 16-bit floats as 32-bit ones. */
  readonly data: TensorData;
}

/** Tensors by name: plain objects and typed arrays, which a structured clone keeps. */
export type SavedTensors = Readonly<Record<string, SavedTensor>>;

/** Layouts by name. */
export type Layouts = Readonly<Record<string, TensorLayout>>;

/** What a tensor is, or the whole table of which it is a shard. */
function layoutOf({ shape, dtype, shard }: Tensor): TensorLayout {
  return { shape: shape.map((size, i) => i === 0 && shard ? shard.rows : size), dtype };
}

/** Throws a RangeError if two of `tensors` have one name: only one of them would be saved. */
export function expectOneEach(doing: string, tensors: readonly Named[]): void {
  const byName = new Map(tensors), twin = tensors.find(([name, one]) => byName.get(name) !== one);
  if (!twin) return;
  const cure = "give each layer a name of its own";
  throw new RangeError(`Cannot ${doing}: two tensors are called ${twin[0]}; ${cure}`);
}

/** The layouts of all of `tensors`. */
export function layoutsOf(tensors: readonly Named[]): Layouts {
  return Object.fromEntries(tensors.map(([name, tensor]) => [name, layoutOf(tensor)]));
}

/**
 * Reads all of `tensors` as they are now.
 *
 * @throws {TypeError} If one is a shard, or changes meanwhile.
 */
export async function readAll(doing: string, tensors: readonly Named[]): Promise<SavedTensors> {
  expectNoShards(doing, tensors);
  for (const [, tensor] of tensors) partsOf(tensor).forEach(flushBeforeRead);
  const versions = tensors.map(([, tensor]) => versionOf(tensor));
  const numbers = new Map<string, TensorData>();
  const read = async ([name, tensor]: Named) =>
    void numbers.set(name, await deviceOf(tensor).read(tensor));
  const isLarge = ([, { bytes }]: Named) => bytes > SMALL_BYTES;
  await Promise.all(tensors.filter((one) => !isLarge(one)).map(read));
  for (const one of tensors.filter(isLarge)) await read(one);
  const changed = tensors.find(([, tensor], i) => versionOf(tensor) !== versions[i]);
  if (changed) {
    throw new TypeError(`Cannot ${doing}: ${changed[0]} changed meanwhile; await save() first`);
  }
  return Object.fromEntries(
    tensors.map(([name, tensor]) => [name, { ...layoutOf(tensor), data: numbers.get(name)! }]),
  );
}

/** Writes `saved` to `tensors` of the same names and layouts. */
export function writeAll(tensors: readonly Named[], saved: SavedTensors): void {
  for (const [name, tensor] of tensors) deviceOf(tensor).write(tensor, saved[name]!.data);
}

/** Throws a TypeError unless `value` is an object of named values: neither a Map nor an array. */
export function expectRecord(doing: string, name: string, value: unknown): void {
  if (Object.prototype.toString.call(value) === "[object Object]") return;
  throw new TypeError(`Cannot ${doing}: ${name} are ${show(value)}, not an object`);
}

/**
 * Throws unless `found` has tensors of the names and layouts of `expected`, and no others: a TypeError if it is no
 * object, else a RangeError.
 */
export function expectLayouts(doing: string, found: Layouts, expected: Layouts): void {
  expectRecord(doing, "tensors", found);
  for (const [name, { shape, dtype }] of Object.entries(expected)) {
    if (!Object.hasOwn(found, name)) {
      throw new RangeError(`Cannot ${doing}: ${name} is missing among ${listed(found)}`);
    }
    expectObject(doing, name, found[name], "a saved tensor");
    const { shape: given, dtype: type } = found[name]!;
    if (type === dtype && Array.isArray(given) && given.join() === shape.join()) continue;
    throw new RangeError(
      `Cannot ${doing}: ${name} is ${type} ${show(given)}, expected ${dtype} [${shape}]`,
    );
  }
  const other = Object.keys(found).find((name) => !Object.hasOwn(expected, name));
  if (other !== undefined) throw new RangeError(`Cannot ${doing}: it has no tensor ${other}`);
}

/** The first names, of as many as a line holds: enough to see whose tensors they are. */
function listed(found: Layouts): string {
  const names = Object.keys(found), shown = names.slice(0, 5);
  const more = names.length > shown.length ? ` and ${names.length - shown.length} more` : "";
  return `${shown.join(", ") || "no tensors"}${more}`;
}

/** Throws a TypeError unless each of `saved` has the numbers that its layout asks for, and no tensor is a shard. */
export function expectData(
  doing: string,
  tensors: readonly Named[],
  saved: SavedTensors,
): void {
  expectNoShards(doing, tensors);
  for (const [name, { shape, dtype, data }] of Object.entries(saved)) {
    const given = dtypeOf(`${doing}: the numbers of ${name} are`, data);
    if (data.length === sizeOf(shape) && given === (dtype === "u32" ? "u32" : "f32")) continue;
    const numbers = `the numbers of ${name} are ${given} [${data.length}]`;
    throw new TypeError(`Cannot ${doing}: ${numbers}, expected ${dtype} [${shape}]`);
  }
}

function expectNoShards(doing: string, tensors: readonly Named[]): void {
  const shard = tensors.find(([, tensor]) => tensor.shard);
  if (!shard) return;
  throw new TypeError(`Cannot ${doing}: of ${shard[0]} a rank has a shard alone`);
}
