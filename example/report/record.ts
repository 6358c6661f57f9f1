/**
 * Reads the record of a run, `NAME.metrics.jsonl`. The record may be older than this program, cut off, damaged,
 * or have parts twice, after a run was resumed: what can be read counts, and the newest part.
 */

import type { Histogram } from "../evaluation/card.ts";
import { isRecord, parsedJson } from "../shared/json.ts";

/** The fields of an event. */
type Fields = Readonly<Record<string, unknown>>;
/** Numbers by name; NaN for one that is missing or was not finite. */
type Numbers<Name extends string> = Readonly<Record<Name, number>>;

const TRAIN = [
  ...["step", "epoch", "batch", "batches", "tokens"] as const,
  ...["loss", "lr", "tokensPerSecond", "hitRate"] as const,
] as const;
const EPOCH = [
  ...["step", "epoch", "seconds", "trainLoss", "validPpl", "validPplKnown"] as const,
  ...["validLoss", "lr", "tokensPerSecond"] as const,
] as const;
const AUDIT = ["step", "cosine", "bias", "variance", "length"] as const;
const TEST = ["ppl", "pplKnown", "loss", "tokens"] as const;
const CARD = ["mean", "std", "normTerm", "rawPplBest"] as const;

/** Figures of the batches since the last report. */
export type TrainFigures = Numbers<typeof TRAIN[number]>;
/** Figures of an audit. */
export type AuditFigures = Numbers<typeof AUDIT[number]>;
/** Self-normalisation. */
export interface CardFigures extends Numbers<typeof CARD[number]> {
  readonly histogram?: Histogram;
}
/** Figures of an epoch. */
export interface EpochFigures extends Numbers<typeof EPOCH[number]> {
  readonly card?: CardFigures;
}
/** Perplexity of the tokens of a frequency range; NaN if there are none. */
export interface BucketFigures extends Numbers<"words" | "tokens" | "ppl"> {
  readonly name: string;
}
/** Figures of a test. */
export interface TestFigures extends Numbers<typeof TEST[number]> {
  readonly evaluation: string;
  readonly card?: CardFigures;
  readonly frequency: readonly BucketFigures[];
}

/** The last run on record. */
export interface RunRecord {
  /** Its settings by name; empty if the record has lost them. */
  readonly config: Fields;
  /** The adapter's name; undefined if the record has lost it. */
  readonly adapter: string | undefined;
  /** Number of words; NaN if the record has lost it. */
  readonly vocabulary: number;
  readonly train: readonly TrainFigures[];
  readonly audits: readonly AuditFigures[];
  readonly epochs: readonly EpochFigures[];
  readonly tests: readonly TestFigures[];
  /** Number of earlier runs of the same name. */
  readonly earlier: number;
  /** Number of lines that cannot be read. */
  readonly unread: number;
}

/** Reads the text of a record. */
export function readRecord(text: string): RunRecord {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const events = lines.map(eventOf).filter((event) => event !== undefined);
  const begins = events.flatMap(({ event }, i) => event === "start" ? [i] : []);
  const run = withoutRepeats(events.slice(begins.at(-1) ?? 0));
  const start = run.find(({ event }) => event === "start");
  const ofKind = (kind: string) => run.filter(({ event }) => event === kind);
  const { config, adapter, vocabulary } = start ?? {};
  return {
    config: isRecord(config) ? config : {},
    adapter: typeof adapter === "string" ? adapter : undefined,
    vocabulary: numberOf(vocabulary),
    train: ofKind("train").map((event) => numbersOf(event, TRAIN)),
    audits: ofKind("audit").map((event) => numbersOf(event, AUDIT)),
    epochs: ofKind("epoch").map((event) => ({ ...numbersOf(event, EPOCH), ...cardOf(event) })),
    tests: ofKind("test").map(testOf),
    earlier: Math.max(0, begins.length - 1),
    unread: lines.length - events.length,
  };
}

/** Fields without which an event means nothing. */
const NEEDED: Readonly<Record<string, readonly string[]>> = {
  start: [],
  train: ["step", "epoch", "batch", "batches"],
  audit: ["step"],
  epoch: ["step", "epoch"],
  test: [],
};

/** The event on a line; undefined if it is none. */
function eventOf(line: string): Fields | undefined {
  const event = parsedJson(line); // no JSON if the line was cut off
  if (!isRecord(event) || typeof event["event"] !== "string") return undefined;
  const needed = Object.hasOwn(NEEDED, event["event"]) ? NEEDED[event["event"]] : undefined;
  return needed?.every((name) => Number.isFinite(event[name])) ? event : undefined;
}

/** Without the steps that a resumed run did again, and without a test before further training. */
function withoutRepeats(events: readonly Fields[]): readonly Fields[] {
  const kept: Fields[] = [];
  for (const event of events) {
    const step = numberOf(event["step"]); // NaN at the start and in tests
    const before = kept.findLastIndex((other) =>
      !(numberOf(other["step"]) >= step) && !isTest(other)
    );
    const isAgain = (other: Fields) =>
      isTest(other) || numberOf(other["step"]) > step || other["event"] === event["event"];
    const again = isTest(event) ? -1 : kept.slice(before + 1).findIndex(isAgain);
    kept.splice(again < 0 ? kept.length : before + 1 + again, kept.length, event);
  }
  return kept;
}

function isTest({ event }: Fields): boolean {
  return event === "test";
}

function testOf(event: Fields): TestFigures {
  const { evaluation, frequency } = event;
  return {
    ...numbersOf(event, TEST),
    evaluation: typeof evaluation === "string" ? evaluation : "unknown",
    ...cardOf(event),
    frequency: (Array.isArray(frequency) ? frequency : []).filter(isRecord).map((bucket) => ({
      ...numbersOf(bucket, ["words", "tokens", "ppl"]),
      name: String(bucket["name"]),
    })),
  };
}

function cardOf({ selfNormalization: card }: Fields): { card?: CardFigures } {
  if (!isRecord(card)) return {};
  const { histogram } = card, isThere = isHistogram(histogram);
  return { card: { ...numbersOf(card, CARD), ...(isThere && { histogram }) } };
}

function isHistogram(value: unknown): value is Histogram {
  if (!isRecord(value)) return false;
  const { from, to, counts } = value;
  return numberOf(from) < numberOf(to) && Array.isArray(counts) && counts.length > 0 &&
    counts.every(Number.isFinite);
}

function numbersOf<const Name extends string>(
  fields: Fields,
  names: readonly Name[],
): Numbers<Name> {
  const entries = names.map((name) => [name, numberOf(fields[name])]);
  return Object.fromEntries(entries) as Numbers<Name>;
}

function numberOf(value: unknown): number {
  return typeof value === "number" ? value : NaN;
}
