/**
 * Cliffy's types. A dynamic import may fail without breaking the module graph, so a type taken
 * from it is checked wherever JSR answers and is `any` elsewhere. It has a file of its own because
 * a literal import is tried whenever its file is loaded, and this one never is: it is only
 * imported as a type.
 */

const load = () => import("@cliffy/command");

/** The module `@cliffy/command`. */
export type Cliffy = Awaited<ReturnType<typeof load>>;
