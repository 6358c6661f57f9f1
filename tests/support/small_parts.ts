/** Loaded before the tests if NCE_MAX_BINDING_BYTES is set: every Gpu then has tables in parts of so few bytes. */

import { Gpu } from "../../mod.ts";

const create = Gpu.create.bind(Gpu),
  maxBindingBytes = Number(Deno.env.get("NCE_MAX_BINDING_BYTES"));
Gpu.create = (options = {}) => create({ maxBindingBytes, ...options });
