// What an audit says of k.

import { assertEquals } from "@std/assert";
import { auditText, noiseOf } from "../../../example/shared/gradient_noise.ts";

const AUDIT = { cosine: 0.734, bias: 0.256, variance: 0.09, length: 0.5 };

Deno.test("noiseOf() is relative to the mean gradient, and at most 5", () => {
  assertEquals([0.25, 2.5, 0].map((length) => noiseOf({ variance: 1, length })), [4, 0.4, 5]);
  assertEquals(noiseOf({ variance: NaN, length: NaN }), NaN);
});

Deno.test("auditText() says whether k is large enough, and why", () => {
  const figures = "cosine to the exact gradient 0.73, bias 0.26";
  const text = (change: Partial<typeof AUDIT>) => auditText({ ...AUDIT, ...change });
  assertEquals(text({}), `k is large enough: noise over signal 0.60; ${figures}`);
  assertEquals(text({ variance: 0.25 }), `k is large enough: noise over signal 1.00; ${figures}`);
  assertEquals(text({ variance: 1 }), `a larger k pays: noise over signal 2.00; ${figures}`);
  assertEquals(text({ length: 0 }), `a larger k pays: noise over signal 5 or more; ${figures}`);
  assertEquals(
    text({ bias: NaN, variance: NaN, length: NaN }),
    "cosine to the exact gradient 0.73; words of the batch are noise, so that noise over signal cannot be " +
      "measured",
  );
  assertEquals(text({ cosine: NaN }), "the gradient is zero or not finite");
});
