/** std's formatting of byte sizes from npm, with types. */

// @ts-types="./bytes.d.ts"
export * from "npm:deno-std@1.4.0/fmt/bytes.js";
