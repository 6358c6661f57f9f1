/** Valid arguments that many callables take, and the ways to call one as JavaScript does. */

import type { Callee } from "./arguments.ts";
import * as nce from "./library.ts";
import { values } from "../reference/data.ts";

/** Classes, size of a vector or state, rows, and noise samples. */
export const V = 6, E = 4, N = 3, K = 2;

/** A function or method as it is called by JavaScript. */
export function untyped(f: unknown, self?: unknown): (...args: unknown[]) => unknown {
  if (typeof f !== "function") throw new TypeError("not a function");
  return (...args) => Reflect.apply(f, self, args);
}

/** A class as it is constructed by JavaScript; `stack` owns the object. */
export function made(Class: unknown, stack: DisposableStack): (...args: unknown[]) => unknown {
  if (typeof Class !== "function") throw new TypeError("not a class");
  return (...args) => {
    const thing: unknown = Reflect.construct(Class, args);
    if (typeof thing === "object" && thing && Symbol.dispose in thing) {
      stack.use(thing as Disposable);
    }
    return thing;
  };
}

/** What the callables are called with. */
export type Scene = ReturnType<typeof sceneOf>;

/** A step on `gpu`, tensors in it, and callees by a function's, a class's or a method's name; `stack` owns them. */
export function sceneOf(gpu: nce.Gpu, stack: DisposableStack) {
  const step = stack.use(gpu.step({ training: true, number: 0 }));
  const up = (...sizes: number[]) =>
    step.upload(values(sizes.reduce((n, size) => n * size, 1), 1), sizes);
  return {
    ...{ gpu, stack, step, up },
    ...{ x: up(N, E), y: up(N, E), table: up(V, E), bias: up(V), sequence: up(2, N, E) },
    ids: step.upload(Uint32Array.of(0, 5, 2)),
    noise: Float32Array.of(1, 2, 3, 4, 5, 6),
    parameter: stack.use(gpu.tensor([2])),
    stream: new nce.RandomStream("stream"),
    owned: (self: object, name: string) => (...args: unknown[]) => {
      const thing = untyped(Reflect.get(self, name), self)(...args);
      if (thing instanceof nce.Tensor) stack.use(thing);
    },
    f: (name: keyof typeof nce, args: unknown[], of: Callee["kinds"]): Callee => {
      return { call: untyped(nce[name]), args, kinds: of };
    },
    c: (name: keyof typeof nce, args: unknown[], of: Callee["kinds"]): Callee => {
      return { call: made(nce[name], stack), args, kinds: of };
    },
    m: (self: object, name: string, args: unknown[], of: Callee["kinds"]): Callee => {
      return { call: untyped(Reflect.get(self, name), self), args, kinds: of };
    },
  };
}
