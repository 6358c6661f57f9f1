/**
 * Cliffy's types. A dynamic import may fail without breaking the module graph: its type is checked
 * where JSR is reachable, and is `any` elsewhere. Deno resolves a literal import whenever it loads the
 * file, so this one is separate: it is never loaded, only imported as a type.
 */

const load = () => import("@cliffy/command");

/** The module `@cliffy/command`. */
export type Cliffy = Awaited<ReturnType<typeof load>>;
