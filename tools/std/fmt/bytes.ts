/** std's sizes in words, from npm, and types for them. */

// @ts-types="./bytes.d.ts"
export * from "npm:deno-std@1.4.0/fmt/bytes.js";
