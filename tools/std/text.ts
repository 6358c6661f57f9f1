/** std's text functions from npm, with types for those in use. */

// @ts-types="./text.d.ts"
export * from "npm:deno-std@1.4.0/text/mod.js";
