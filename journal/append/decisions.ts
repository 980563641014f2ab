import { CairnError } from '#domain/errors';
import { canonicalJson } from '#domain/event-json';
import { inScope } from '#journal/erasures';
import type { Intake } from '#journal/append/intake';
import type { Erasure } from '#journal/store/erasure-store';
import type { BatchPlace, KnownKey } from '#journal/store/log-store';
import type { JournalEvent, Outcome, Place } from '#journal/types';

/** What becomes of an event. Those of the intake that a repeat refers to are given by index. */
export type Decision =
  | { readonly kind: 'new'; readonly entry: number }
  | { readonly kind: 'known'; readonly result: 'DUPLICATE' | 'CONFLICT'; readonly place: Place }
  | { readonly kind: 'repeat'; readonly result: 'DUPLICATE' | 'CONFLICT'; readonly entry: number }
  | { readonly kind: 'refused'; readonly code: 'ERASED' | 'RETENTION_EXPIRED' };

export interface DecisionDeps {
  readonly get: (places: readonly Place[]) => Promise<readonly (JournalEvent | undefined)[]>;
  /** The account's events before this time are not wanted any more. */
  readonly retentionStart: (account: string) => number | undefined;
  /** An original could not be read, so that a copy with another hash counts as CONFLICT. */
  readonly onUnreadable: (error: unknown) => void;
}

/** What is known of an intake's identities: taken ones by the index of their first event, and erasures. */
export interface Knowledge {
  readonly taken: ReadonlyMap<number, KnownKey>;
  readonly erasures: readonly Erasure[];
}

const MESSAGES = {
  ERASED: 'This event was erased, and is not recorded again.',
  RETENTION_EXPIRED: 'The event is older than what its account keeps.',
} as const;

interface Doubt {
  readonly index: number;
  readonly original: KnownKey;
}

/** Decides for every event of the intake, in order; entries of the new ones are counted from 0. */
export async function decide(intake: Intake, known: Knowledge, deps: DecisionDeps): Promise<Decision[]> {
  const decisions: Decision[] = [];
  const doubts: Doubt[] = [];
  /** The event that is recorded for an identity, by the index of the identity's first event. */
  const recorded = new Map<number, { readonly index: number; readonly entry: number }>();
  let entries = 0;
  for (const [index, event] of intake.events.entries()) {
    const start = deps.retentionStart(event.account);
    const root = intake.firstOf[index] ?? index;
    const original = known.taken.get(root);
    const first = recorded.get(root);
    if (start !== undefined && event.eventTime < start) {
      decisions.push({ kind: 'refused', code: 'RETENTION_EXPIRED' });
    } else if (original !== undefined) {
      const decision = decideKnown(intake, index, original, known.erasures);
      if (decision === undefined) doubts.push({ index, original });
      decisions.push(decision ?? conflictWith(original));
    } else if (first !== undefined) {
      const result = sameInIntake(intake, index, first.index) ? 'DUPLICATE' : 'CONFLICT';
      decisions.push({ kind: 'repeat', result, entry: first.entry });
    } else {
      // Most intakes hold no repeats; then nobody asks.
      if (intake.repeats) recorded.set(root, { index, entry: entries });
      decisions.push({ kind: 'new', entry: entries++ });
    }
  }
  if (doubts.length > 0) await settle(intake, decisions, doubts, deps);
  return decisions;
}

/** Undefined when the hashes differ: formatting may be all that does. */
function decideKnown(
  intake: Intake,
  index: number,
  original: KnownKey,
  erasures: readonly Erasure[],
): Decision | undefined {
  const position = original.first + original.index;
  const account = intake.accounts[index] ?? 0;
  const month = intake.months[index] ?? 0;
  // A later epoch gives positions again that an erasure covered and a restore has lost.
  const erased = (erasure: Erasure): boolean =>
    original.epoch <= erasure.epoch && position < erasure.upTo && inScope(erasure, account, month);
  if (erasures.some(erased)) return { kind: 'refused', code: 'ERASED' };
  if (intake.hashText(index) !== original.hash) return undefined;
  return { kind: 'known', result: 'DUPLICATE', place: placeOf(original) };
}

function conflictWith(original: KnownKey): Decision {
  return { kind: 'known', result: 'CONFLICT', place: placeOf(original) };
}

function placeOf(original: KnownKey): Place {
  return { epoch: original.epoch, position: original.first + original.index };
}

async function settle(
  intake: Intake,
  decisions: Decision[],
  doubts: readonly Doubt[],
  deps: DecisionDeps,
): Promise<void> {
  let originals: readonly (JournalEvent | undefined)[];
  try {
    originals = await deps.get(doubts.map(({ original }) => placeOf(original)));
  } catch (error) {
    if (!(error instanceof CairnError) || error.code !== 'CORRUPT') throw error;
    deps.onUnreadable(error);
    return;
  }
  for (const [at, { index, original }] of doubts.entries()) {
    const before = originals[at];
    const raw = intake.events[index]?.raw;
    if (before === undefined) decisions[index] = { kind: 'refused', code: 'ERASED' };
    else if (raw !== undefined && sameContent(before.raw, raw)) {
      decisions[index] = { kind: 'known', result: 'DUPLICATE', place: placeOf(original) };
    }
  }
}

function sameInIntake(intake: Intake, index: number, first: number): boolean {
  if (intake.sameHash(index, first)) return true;
  const [a, b] = [intake.events[index], intake.events[first]];
  return a !== undefined && b !== undefined && sameContent(a.raw, b.raw);
}

/** The same content, formatting aside. What is not JSON has no formatting. */
function sameContent(a: Buffer, b: Buffer): boolean {
  try {
    return canonicalJson(a) === canonicalJson(b);
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}

/** The outcome of a decision, once the batch has its place. */
export function outcomeOf(decision: Decision, batch: BatchPlace): Outcome {
  switch (decision.kind) {
    case 'new':
      return { result: 'RECORDED', place: { epoch: batch.epoch, position: batch.first + decision.entry } };
    case 'repeat':
      return {
        result: decision.result,
        place: { epoch: batch.epoch, position: batch.first + decision.entry },
      };
    case 'known':
      return { result: decision.result, place: decision.place };
    case 'refused':
      return { result: 'REFUSED', code: decision.code, message: MESSAGES[decision.code] };
  }
}
