import type { Window } from '#subgraphs/events/bulk/window';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** Bytes that matter outside of strings: 1 a quote, 2 opens, 3 closes. */
const STRUCTURE = new Uint8Array(256);
STRUCTURE[QUOTE] = 1;
STRUCTURE[0x7b] = 2;
STRUCTURE[0x5b] = 2;
STRUCTURE[0x7d] = 3;
STRUCTURE[0x5d] = 3;

/** Where a scan stands inside a nested value; kept from chunk to chunk. */
export interface Nesting {
  depth: number;
  inString: boolean;
  escaped: boolean;
}

export const outside = (): Nesting => ({ depth: 0, inString: false, escaped: false });

/**
 * Moves the window's position behind the bracket that closes the value, and says whether it was found. Kinds of
 * brackets are not compared: each element is parsed as JSON later, this only finds where it ends.
 */
export function skipNested(window: Window, nesting: Nesting): boolean {
  const { bytes, end } = window;
  let index = window.position;
  let { depth } = nesting;
  if (nesting.inString) index = skipString(window, nesting, index);
  while (index < end && !nesting.inString) {
    const kind = STRUCTURE[bytes[index] ?? 0];
    index += 1;
    if (kind === 0) continue;
    if (kind === 1) {
      nesting.inString = true;
      index = skipString(window, nesting, index);
    } else if (kind === 2) depth += 1;
    else if (--depth === 0) break;
  }
  nesting.depth = depth;
  window.position = index;
  return depth === 0;
}

/** From inside a string to behind its closing quote, or to the end of what is there. */
export function skipString(window: Window, nesting: Nesting, from: number): number {
  const { bytes, end } = window;
  let index = from;
  if (nesting.escaped && index < end) {
    nesting.escaped = false;
    index += 1;
  }
  while (index < end) {
    const byte = bytes[index];
    index += 1;
    if (byte === QUOTE) {
      nesting.inString = false;
      return index;
    }
    if (byte !== BACKSLASH) continue;
    if (index === end) nesting.escaped = true;
    else index += 1;
  }
  return index;
}
