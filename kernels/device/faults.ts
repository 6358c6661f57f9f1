/** Errors of the device: the first is kept until a call of the user's throws it. */

/** Thrown when the GPU reports an error outside of a call, runs out of memory, or is lost. */
export class DeviceError extends Error {
  /** Keeps the message, and the browser's own error as the cause if there is one. */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "DeviceError";
  }
}

/** Thrown when the GPU runs out of memory. */
export class OutOfMemoryError extends DeviceError {
  /** What was asked for, and what was held. */
  readonly found: string;

  /** The message is `found`, and what to do about it. */
  constructor(found: string, options?: ErrorOptions) {
    const cure =
      "make the batch or the model smaller, or dispose of tensors that are no longer needed";
    super(`${found}; ${cure}`, options);
    this.name = "OutOfMemoryError";
    this.found = found;
  }
}

/** The device's error `reason`, which occurred at the operation `op` or before it. */
export function deviceError(op: string, reason: unknown): DeviceError {
  const message = `GPU error at or before ${op}: `;
  if (!(reason instanceof Error)) return new DeviceError(message + reason);
  return new DeviceError(message + (reason.message || reason.name), { cause: reason });
}

/** Lets the event loop turn, so that reports of the device arrive. A timer would take 2 ms in Deno. */
export function turn(): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

/**
 * The first error of a device, and the checks that may still find one.
 *
 * Nothing waits for a lost device: Deno panics if a driver loses the device during a wait, and nobody can
 * catch that. Once the loss is known, waiting is avoided.
 */
export class Faults {
  readonly #device: GPUDevice;
  readonly #checks = new Set<Promise<void>>();
  #first: Error | undefined;
  #lastOp = "start";
  #lost = false;
  #ended = false;

  /** Listens to `device`; `memoryUse` says what is held, for out-of-memory errors. */
  constructor(device: GPUDevice, memoryUse: () => string) {
    this.#device = device;
    device.addEventListener("uncapturederror", (event) => {
      event.preventDefault();
      const { error } = event as GPUUncapturedErrorEvent, op = this.#lastOp;
      const isFull = error instanceof GPUOutOfMemoryError, cause = error;
      const full = `out of GPU memory at or before ${op}: ${memoryUse()}`;
      this.#addConsequence(
        isFull ? new OutOfMemoryError(full, { cause }) : deviceError(op, error.message),
      );
    });
    device.lost.then(({ message, reason }) => {
      this.#lost = true;
      this.#first ??= deviceError(this.#lastOp, `device lost: ${message || reason}`);
    });
  }

  /** Whether nothing has gone wrong so far, and the device was not ended. */
  get none(): boolean {
    return !this.#ended && this.#first === undefined;
  }

  /** Throws the first error, if there is one. */
  expectNone(op: string): void {
    if (this.#ended) throw deviceError(op, "the device was disposed of");
    if (this.#first) throw this.#first;
  }

  /** The same before `op` is recorded: a later error may come from it. */
  begin(op: string): void {
    this.expectNone(op);
    this.#lastOp = op;
  }

  /** Runs `make`; if the device reports an error of kind `filter` in it, keeps what `explain` returns. */
  watch<T>(
    filter: GPUErrorFilter,
    make: () => T,
    explain: (error: GPUError, made: T) => Error | Promise<Error>,
  ): T {
    this.#device.pushErrorScope(filter);
    let made: T;
    try {
      made = make();
    } catch (error) {
      this.#device.popErrorScope().catch(() => {});
      throw error;
    }
    const check = this.#device.popErrorScope().then(async (error) => {
      if (!error) return;
      const explained = await explain(error, made);
      this.#first ??= explained;
    })
      .catch(() => {}) // the device is lost, which is reported elsewhere
      .finally(() => this.#checks.delete(check));
    this.#checks.add(check);
    return made;
  }

  /** Waits for the device. Throws the first error rather than its consequences. */
  async wait<T>(op: string, work: () => Promise<T>): Promise<T> {
    await this.#checked();
    this.expectNone(op);
    const result = await work().catch(async (error) => {
      await new Promise((resolve) => setTimeout(resolve)); // the cause may be on its way
      await this.#addConsequence(deviceError(op, error));
      throw this.#first;
    });
    await this.#checked();
    this.expectNone(op);
    return result;
  }

  /** Destroys the device once it is idle: Mesa's llvmpipe crashes the process if it is busy. Never throws. */
  async end(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    const { queue, lost } = this.#device;
    if (!this.#lost) await Promise.race([queue.onSubmittedWorkDone(), lost]).catch(() => {});
    this.#device.destroy();
  }

  /** Keeps `error`, unless a check that is running finds its cause. */
  async #addConsequence(error: Error): Promise<void> {
    await this.#checked();
    this.#first ??= error;
  }

  /** Resolves when all running checks are done. */
  async #checked(): Promise<void> {
    await Promise.all(this.#checks);
  }
}

/** Thrown when a disposed tensor is used. */
export class UseAfterDisposeError extends Error {
  /** Names the tensor by its shape. */
  constructor({ shape }: { readonly shape: readonly number[] }) {
    const cure = "read what a step computes within the step, or keep it: step.keep(tensor)";
    super(`Cannot use a tensor [${shape}] after its owner has disposed of it; ${cure}`);
    this.name = "UseAfterDisposeError";
  }
}
