import type { ExecutionResult } from 'graphql';

/** Items of a list that are written without a break. */
const WRITTEN_AT_ONCE = 16;

/** Yoga writes a result that has `stringify` by it. */
export interface PrintedResult extends ExecutionResult {
  readonly stringify?: () => string;
}

/**
 * Writes an answer as JSON a piece of a list at a time, each after a pause: written in one go, a large one would hold
 * up everybody else's. Answers with errors are left to Yoga, which takes from these what is not for callers.
 */
export async function printAnswer(
  result: ExecutionResult,
  pause: () => Promise<void>,
): Promise<PrintedResult> {
  await pause();
  if (!isObject(result.data) || result.errors !== undefined || result.extensions !== undefined) return result;
  const parts = ['{"data":'];
  await printObject(result.data, { parts, pause });
  parts.push('}');
  const text = parts.join('');
  return { ...result, stringify: () => text };
}

interface Printing {
  readonly parts: string[];
  readonly pause: () => Promise<void>;
}

async function printObject(object: object, printing: Printing): Promise<void> {
  const { parts } = printing;
  let separator = '{';
  for (const [name, value] of Object.entries(object)) {
    if (value === undefined) continue;
    parts.push(separator, JSON.stringify(name), ':');
    separator = ',';
    if (Array.isArray(value) && value.length > WRITTEN_AT_ONCE) await printList(value, printing);
    else if (isObject(value)) await printObject(value, printing);
    else parts.push(JSON.stringify(value));
  }
  parts.push(separator === '{' ? '{}' : '}');
}

async function printList(items: readonly unknown[], { parts, pause }: Printing): Promise<void> {
  for (let from = 0; from < items.length; from += WRITTEN_AT_ONCE) {
    if (from > 0) await pause();
    const piece = JSON.stringify(items.slice(from, from + WRITTEN_AT_ONCE));
    parts.push(from === 0 ? '[' : ',', piece.slice(1, -1));
  }
  parts.push(']');
}

/** What a selection gave, not a scalar that JSON writes in its own way. */
function isObject(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}
