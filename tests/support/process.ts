/** Starts processes for tests. */

/** Exit status and output of a process. */
export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/**
 * Runs Deno in a folder, without colours and without input.
 *
 * @param changes Environment variables; undefined removes one.
 */
export async function deno(
  args: readonly string[],
  cwd: string,
  changes: Readonly<Record<string, string | undefined>> = {},
): Promise<Outcome> {
  const variables = Object.entries({ ...Deno.env.toObject(), NO_COLOR: "1", ...changes });
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd,
    clearEnv: true,
    env: Object.fromEntries(
      variables.flatMap(([name, value]) => value === undefined ? [] : [[name, value]]),
    ),
    stdin: "null",
  }).output();
  const [out = "", err = ""] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code, out, err };
}
