/**
 * All that users can import, in one place: what the package's five entries export. A name in two of them
 * would not compile.
 */

export * from "../../mod.ts";
export * from "../../nce/nn/mod.ts";
export * from "../../kernels/ops.ts";
export * from "../../kernels/random/mod.ts";
export * from "../../kernels/mod.ts";
