/** GPU time by operation, from a timestamp before and after every pass. */

/** Passes that one profile can hold. */
export const PROFILE_CAPACITY = 2048;

/** Time of one operation. */
export interface ProfileRow {
  /** Operation name. */
  readonly label: string;
  /** Number of kernel runs. */
  readonly runs: number;
  /** Milliseconds on the GPU, all runs together. */
  readonly ms: number;
}

/** Kernel times of one profiled run. */
export interface Profile {
  /** Wall-clock milliseconds of the run, with recording and waiting. */
  readonly wallMs: number;
  /** One row for each operation, the slowest first. */
  readonly rows: readonly ProfileRow[];
}

/** Takes the times of a {@linkcode Profile}. */
export class Profiler implements Profile, Disposable {
  wallMs = 0;
  rows: ProfileRow[] = [];
  /** Whether passes had no room, and so no times. */
  overflowed = false;
  readonly #device: GPUDevice;
  readonly #queries: GPUQuerySet;
  readonly #labels: string[] = [];

  constructor(device: GPUDevice) {
    this.#device = device;
    this.#queries = device.createQuerySet({ type: "timestamp", count: 2 * PROFILE_CAPACITY });
  }

  /** Timestamp writes for the next pass; undefined once the profile is full. */
  next(label: string): GPUComputePassTimestampWrites | undefined {
    if (this.#labels.length === PROFILE_CAPACITY) return void (this.overflowed = true);
    const index = 2 * (this.#labels.push(label) - 1);
    return {
      querySet: this.#queries,
      beginningOfPassWriteIndex: index,
      endOfPassWriteIndex: index + 1,
    };
  }

  /** Reads the timestamps and fills {@linkcode rows}. */
  async collect(): Promise<void> {
    const count = 2 * this.#labels.length;
    if (count === 0) return;
    const size = count * 8;
    const { QUERY_RESOLVE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
    const resolved = this.#device.createBuffer({ size, usage: QUERY_RESOLVE | COPY_SRC });
    const staging = this.#device.createBuffer({ size, usage: MAP_READ | COPY_DST });
    const encoder = this.#device.createCommandEncoder();
    encoder.resolveQuerySet(this.#queries, 0, count, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, staging, 0, size);
    this.#device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    const stamps = new BigUint64Array(staging.getMappedRange().slice(0));
    resolved.destroy(), staging.destroy();
    const msOf = (pass: number) => Number(stamps[2 * pass + 1]! - stamps[2 * pass]!) / 1e6;
    const byLabel = Map.groupBy(this.#labels.keys(), (pass) => this.#labels[pass]!);
    this.rows = [...byLabel].map(([label, passes]) => {
      return { label, runs: passes.length, ms: passes.reduce((sum, i) => sum + msOf(i), 0) };
    }).sort((a, b) => b.ms - a.ms);
  }

  /** Frees the query set; the times stay. */
  [Symbol.dispose](): void {
    this.#queries.destroy();
  }
}
