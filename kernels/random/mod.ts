/**
 * Random numbers that are functions of a seed, a stream and a step: the same whatever the batch split, the
 * device, or the point of a resume.
 *
 * @example A die, and dropout of a stream of its own
 * ```ts ignore
 * import { Gpu } from "@nce/nce";
 * import { dropout } from "@nce/nce/ops";
 * import { Philox, RandomStream, streamOf } from "@nce/nce/random";
 *
 * const die = new Philox(1, streamOf("die"));
 * console.log(die.below(6) + 1);
 *
 * await using gpu = await Gpu.create();
 * using step = gpu.step({ training: true, seed: 1, number: 0 });
 * const x = step.upload(new Float32Array(8).fill(1));
 * console.log(await gpu.read(dropout(step, x, 0.5, new RandomStream("mask")))); // 0 or 2 each
 * ```
 *
 * @module
 */

export { Philox, type RandomKey } from "./philox.ts";
export { RandomStream, streamOf } from "./stream.ts";
