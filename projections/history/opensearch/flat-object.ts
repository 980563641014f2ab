import type { JsonObject, JsonValue } from '#domain/event';
import { isObject } from '#domain/event-values';

/**
 * Lucene takes terms of up to 32,766 bytes, and flat_object makes one of a value's names and the value together:
 * 8,000 UTF-16 units of each make at most 24,000 bytes for the value and as much for the names, so names get less.
 */
const MAX_VALUE_CHARS = 6_000;
const MAX_PATH_CHARS = 3_000;
/** Values of one event's parameters; a list of 100,000 items would be 300,000 terms. */
const MAX_VALUES = 10_000;

export interface FlatObject {
  /** Undefined when there is nothing to index. */
  readonly value: JsonObject | undefined;
  /** Something was left out or cut. */
  readonly abridged: boolean;
}

/** Parameters as OpenSearch's flat_object takes them; what is no object is wrapped as `value`. */
export function flatObject(value: JsonValue | undefined): FlatObject {
  if (value === undefined || value === null) return { value: undefined, abridged: false };
  const pruning: Pruning = { left: MAX_VALUES, abridged: false };
  const object = isObject(value) ? value : { value };
  return { value: prunedObject(object, pruning, 0), abridged: pruning.abridged };
}

interface Pruning {
  /** Values that may still be taken. */
  left: number;
  abridged: boolean;
}

function pruned(value: JsonValue, pruning: Pruning, pathChars: number): JsonValue | undefined {
  if (pruning.left === 0) return dropped(pruning);
  if (Array.isArray(value)) {
    return value.map((item) => pruned(item, pruning, pathChars)).filter((item) => item !== undefined);
  }
  if (isObject(value)) return prunedObject(value, pruning, pathChars);
  pruning.left -= 1;
  if (typeof value !== 'string' || value.length <= MAX_VALUE_CHARS) return value;
  pruning.abridged = true;
  return value.slice(0, MAX_VALUE_CHARS);
}

function prunedObject(owner: JsonObject, pruning: Pruning, pathChars: number): JsonObject {
  const kept: [string, JsonValue][] = [];
  for (const name in owner) {
    const value = owner[name];
    if (value === undefined || value === null) continue;
    const chars = pathChars + name.length + 1;
    const inner = chars > MAX_PATH_CHARS ? dropped(pruning) : pruned(value, pruning, chars);
    if (inner !== undefined) kept.push([name, inner]);
  }
  return Object.fromEntries(kept);
}

function dropped(pruning: Pruning): undefined {
  pruning.abridged = true;
  return undefined;
}
