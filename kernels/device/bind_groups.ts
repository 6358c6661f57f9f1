/** Bind groups, each made once for what it binds. */

/** Bind groups that are kept: batches of many lengths make many combinations of pooled buffers. */
const MAX_GROUPS = 2 ** 12;

/** A group, the numbers that stand for what it binds, and another group whose numbers have the same hash. */
interface Known {
  readonly layout: GPUBindGroupLayout;
  readonly numbers: readonly number[];
  readonly group: GPUBindGroup;
  readonly next: Known | undefined;
}

/** The bind groups of a device. One is looked up at every launch, by numbers: texts would cost much more. */
export class BindGroups {
  readonly #device: GPUDevice;
  readonly #byHash = new Map<number, Known>();
  #count = 0;

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** The group of `layout` with what `numbers` stand for, made of `resources` unless it is known. */
  get(
    layout: GPUBindGroupLayout,
    numbers: readonly number[],
    resources: () => readonly GPUBindingResource[],
  ): GPUBindGroup {
    const hash = hashOf(numbers);
    for (let known = this.#byHash.get(hash); known; known = known.next) {
      if (known.layout === layout && isSame(known.numbers, numbers)) return known.group;
    }
    if (this.#count === MAX_GROUPS) this.clear();
    const entries = resources().map((resource, binding) => ({ binding, resource }));
    const group = this.#device.createBindGroup({ layout, entries });
    this.#byHash.set(hash, { layout, numbers, group, next: this.#byHash.get(hash) });
    this.#count++;
    return group;
  }

  /** Drops all groups, because a buffer that they may name is about to be destroyed. */
  clear(): void {
    this.#byHash.clear();
    this.#count = 0;
  }
}

/** FNV-1a, of numbers instead of bytes. */
function hashOf(numbers: readonly number[]): number {
  let hash = 0x811c9dc5;
  for (const number of numbers) hash = Math.imul(hash ^ number, 0x01000193);
  return hash;
}

/** Whether two lists are the same, which have one length, as they are of one layout. */
function isSame(a: readonly number[], b: readonly number[]): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
