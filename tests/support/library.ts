/**
 * Everything that users can import: the exports of the package's five entries. A name in two of them would
 * not compile.
 */

export * from "../../mod.ts";
export * from "../../nce/nn/mod.ts";
export * from "../../kernels/ops.ts";
export * from "../../kernels/random/mod.ts";
export * from "../../kernels/mod.ts";
