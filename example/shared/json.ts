/** Values that were parsed from JSON. */

/** Whether a value is a JSON object, not a list or null. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
