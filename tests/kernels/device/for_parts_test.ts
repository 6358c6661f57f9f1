// Kernels are written once for all parts of a table.

import { assertEquals } from "@std/assert";
import { forParts, numbered } from "../../../kernels/device/for_parts.ts";

Deno.test("forParts() repeats lines that name a part, and the lines between its marks", () => {
  const source = `@binding(1 + PART) table_PART
@binding(1 + PARTS) out
  #each PART
  if (a < PART) { // no } ends what is repeated
    b();
  }
  c();
  #end
d
`;
  assertEquals(
    forParts(source, 2),
    `@binding(1 + 0) table_0
@binding(1 + 1) table_1
@binding(1 + 2) out
  if (a < 0) { // no } ends what is repeated
    b();
  }
  c();
  if (a < 1) { // no } ends what is repeated
    b();
  }
  c();
d
`,
  );
});

Deno.test("numbered() names the uniform's fields as forParts() does", () => {
  assertEquals(numbered([5, 6], "end"), { end_0: 5, end_1: 6 });
});
