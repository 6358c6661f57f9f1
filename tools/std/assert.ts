/** std's assertions from npm, which has them without types, and types for them. */

// @ts-types="./assert.d.ts"
export * from "npm:deno-std@1.4.0/assert/mod.js";
