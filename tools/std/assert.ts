/** std's assertions from npm, which lacks types, with types added. */

// @ts-types="./assert.d.ts"
export * from "npm:deno-std@1.4.0/assert/mod.js";
