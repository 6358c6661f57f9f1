/** std's bytes, from npm, and types for what serves here. */

// @ts-types="./bytes.d.ts"
export * from "npm:deno-std@1.4.0/bytes/mod.js";
