/** std's byte functions from npm, with types for those in use. */

// @ts-types="./bytes.d.ts"
export * from "npm:deno-std@1.4.0/bytes/mod.js";
