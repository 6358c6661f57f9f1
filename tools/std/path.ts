/** std's paths of this system, from npm, and types for what serves here. */

// @ts-types="./path.d.ts"
export * from "npm:deno-std@1.4.0/path/mod.js";
