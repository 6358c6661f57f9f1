/** The ranks of a distributed run: who they are, whether they fit together, and what each has of its machine. */

import { formatCount } from "../shared/format.ts";
import type { Ranks } from "../shared/ranks.ts";
import { attempted, type Finding, finding } from "./finding.ts";

/** The ranks, as one of them sees them. */
export interface Fellows {
  readonly ranks: Ranks;
  /** The library by which they exchange numbers, with its version. */
  readonly library: string;
  /** The name of this rank's machine. */
  readonly host: string;
}

/** What a rank has of its machine. */
export interface RankMachine {
  readonly host: string;
  /** Cores that the process may use. */
  readonly cores: number;
  /** Whether its adapter is a software one. */
  readonly software: boolean;
  /** Paths of the graphics devices that it sees. */
  readonly devices: readonly string[];
}

/** What the ranks are, and where; all call it, and each passes its own machine. */
export async function rankFindings(
  { ranks, library }: Pick<Fellows, "ranks" | "library">,
  own: RankMachine,
): Promise<Finding[]> {
  const machines = await ranks.ofAll(own);
  return [ranksFact(machines, library), coresFact(machines), devicesFact(machines)]
    .filter((fact) => fact !== undefined);
}

function ranksFact(machines: readonly RankMachine[], library: string): Finding {
  const hosts = new Set(machines.map(({ host }) => host)), { length: size } = machines;
  return finding("ranks", "size", {
    text:
      `${formatCount(size)} on ${hosts.size === 1 ? "one machine" : `${hosts.size} machines`}, ` +
      `over ${library}`,
    cure: size === 1 && "start several by mpirun or srun (docs/distributed.md)",
    figures: { ranks: size, machines: hosts.size },
  });
}

/** A launcher may bind each rank to one core, which a software adapter computes with. */
function coresFact(machines: readonly RankMachine[]): Finding {
  const bound = ranksWhere(machines, ({ software, cores }) => software && cores === 1);
  const cores = machines.map(({ cores }) => cores);
  const least = Math.min(...cores), most = Math.max(...cores);
  return finding("ranks", "cores", {
    text: bound.length > 0
      ? `one core for the software adapter of ${listRanks(bound)}`
      : `${least === most ? least : `${least} to ${most}`} for each rank`,
    cure: bound.length > 0 && "mpirun --bind-to none (Open MPI), if the machine has more cores",
    figures: { least, most },
  });
}

/** WebGPU takes the first GPU that it sees: ranks of one machine that see the same may share it. */
function devicesFact(machines: readonly RankMachine[]): Finding | undefined {
  if (machines.every(({ software }) => software)) return undefined;
  const key = ({ host, devices }: RankMachine) => JSON.stringify([host, devices]);
  const shared = ranksWhere(machines, (machine) => {
    return !machine.software && machines.filter((other) => key(other) === key(machine)).length > 1;
  });
  return finding("ranks", "GPUs", {
    text: shared.length > 0
      ? `${listRanks(shared)} see the same GPUs of their machine, and so use the same one`
      : "each rank sees its own",
    cure: shared.length > 0 &&
      "let each rank see one GPU alone: a container or a cgroup for each (docs/distributed.md)",
  });
}

/** Whether all ranks have the same of each of these; all call it. */
export async function sameFindings(
  ranks: Ranks,
  things: Parameters<Ranks["expectSame"]>[0],
): Promise<Finding[]> {
  const stops: Finding[] = [];
  for (const thing of things) {
    await attempted(stops, "ranks", "same", () => ranks.expectSame([thing]));
  }
  if (stops.length > 0) return stops;
  const list = new Intl.ListFormat("en-GB").format(things.map(({ what }) => what));
  return [finding("ranks", "same", { text: `all have the same ${list}` })];
}

/** What would stop the other ranks, and not this one; all call it. */
export async function stopsOfOthers(ranks: Ranks, own: readonly Finding[]): Promise<Finding[]> {
  const stops = await ranks.ofAll(own.filter(({ grade }) => grade === "stop"));
  const known = new Set(own.map(({ text }) => text));
  return stops.flatMap((theirs, rank) => {
    return theirs.filter(({ text }) => !known.has(text))
      .map((finding) => ({ ...finding, text: `rank ${rank}: ${finding.text}` }));
  });
}

function ranksWhere(
  machines: readonly RankMachine[],
  holds: (machine: RankMachine) => boolean,
): number[] {
  return machines.flatMap((machine, rank) => holds(machine) ? [rank] : []);
}

function listRanks(ranks: readonly number[]): string {
  return `rank${ranks.length > 1 ? "s" : ""} ${ranks.join(", ")}`;
}
