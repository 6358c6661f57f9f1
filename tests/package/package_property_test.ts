// Stripping a kernel for the package: whatever comments stand where, the same tokens are left.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { stripWgsl } from "../../tools/pack.ts";
import { wgslTokens } from "./wgsl_tokens.ts";
import { check } from "../support/property.ts";

const token = fc.constantFrom(
  ..."fn a_1 vec4<f32> é 1u 0x1Fu 1.5e-3f .5 / * + - < > = == <<= -> && & % { } ( ) ; , @ _"
    .split(" "),
);
const words = fc.string({ unit: fc.constantFrom(..."ab *{}:;`$\\\"'é") });
const lineBreak = fc.constantFrom("\n", "\r\n", "\r", "\v", "\f", "\u0085", "\u2028", "\u2029");
const comment = fc.oneof(
  fc.tuple(words, lineBreak).map(([text, end]) => `//${text}/*${end}`),
  fc.tuple(words, lineBreak, words).map(([text, end, more]) => `/*${text} //${end}${more}*/`),
);
/** What may stand between two tokens; a blank first, as the one before may be a slash. */
const gap = fc.array(fc.oneof(comment, lineBreak, fc.constantFrom(" ", "\t")))
  .map((parts) => ` ${parts.join("")}`);
const program = fc.array(fc.tuple(gap, token));

Deno.test("stripWgsl() leaves the tokens, whatever comments stand between them", () => {
  check(fc.property(program, gap, (parts, end) => {
    const source = parts.map(([before, text]) => before + text).join("") + end;
    const tokens = wgslTokens(parts.map(([, text]) => text).join(" "));
    const stripped = stripWgsl(source);
    assertEquals(wgslTokens(source), tokens);
    assertEquals(wgslTokens(stripped), tokens);
    assert(!/\/\/|\/\*/.test(stripped));
    assertEquals(stripWgsl(stripped), stripped);
  }));
});
