import type { JsonObject, JsonValue } from '#domain/event';

/** Names from the record down to a value. */
export type FieldPath = readonly string[];

/**
 * The longest value that a filter may name. A longer one is cut to one character more: it can then equal no
 * filter's value, still begins as it did, and an index never meets a name of a megabyte.
 */
export const MAX_FIELD_CHARS = 2048;

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value at the path; undefined as soon as a part is missing or no object. */
export function valueAt(record: JsonObject, path: FieldPath): JsonValue | undefined {
  let value: JsonValue | undefined = record;
  for (const name of path) {
    if (!isObject(value)) return undefined;
    value = value[name];
  }
  return value;
}

export function objectIn(owner: JsonObject | undefined, name: string): JsonObject | undefined {
  const value = owner?.[name];
  return isObject(value) ? value : undefined;
}

/** The text of a field as indexes keep it; undefined unless it is a string with something in it. */
export function textIn(owner: JsonObject | undefined, name: string): string | undefined {
  return indexedText(owner?.[name]);
}

export function indexedText(value: JsonValue | undefined): string | undefined {
  if (typeof value !== 'string' || value === '') return undefined;
  return value.length > MAX_FIELD_CHARS ? value.slice(0, MAX_FIELD_CHARS + 1) : value;
}
