/** The script of axe-core as text; not named in deno.json, since `deno task` fetches every package that it names. */

export { default } from "npm:axe-core@4.14.1/axe.min.js" with { type: "text" };
