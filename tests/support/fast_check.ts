/** fast-check; not named in deno.json, since `deno task` fetches every package that deno.json names. */

export * from "npm:fast-check@4.10.2";
export { default } from "npm:fast-check@4.10.2";
