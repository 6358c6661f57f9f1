/** std's durations in words, from npm, and types for them. */

// @ts-types="./duration.d.ts"
export * from "npm:deno-std@1.4.0/fmt/duration.js";
