import { hash } from 'node:crypto';
import { CairnError } from '#domain/errors';
import type { Principal } from '#domain/principal';
import type { EventRecorder, EventRefused, EventResult } from '#subgraphs/events/record';

/** As PutAuditEvents limits a request: 100 events, 1 MB together. */
const MAX_EVENTS = 100;
const MAX_BYTES = 2 ** 20;
const MAX_ENTRY_ID_CHARS = 128;
const CONFLICT_MESSAGE = 'Another event with this account, eventID and hour was recorded before.';

export interface Entry {
  readonly eventData: string;
  readonly eventDataChecksum?: string | null | undefined;
  readonly entryId?: string | null | undefined;
}

/** What became of one entry, as it is answered. */
export interface EntryResult {
  readonly result: EventResult['result'];
  readonly entryId: string | null;
  readonly id: string | null;
  readonly code: string | null;
  readonly path: string | null;
  readonly message: string | null;
}

export interface RecordedEntries {
  readonly results: readonly EntryResult[];
  readonly recorded: number;
  readonly duplicates: number;
  readonly conflicts: number;
  readonly refused: number;
}

/** Records the entries of one request. LIMIT_EXCEEDED and INVALID_ARGUMENT are about the request as a whole. */
export async function recordEntries(
  recorder: EventRecorder,
  principal: Principal,
  input: { readonly events: readonly Entry[]; readonly account?: string | null | undefined },
): Promise<RecordedEntries> {
  const bytes = checkEntries(input.events);
  const intake = recorder.open({ principal, account: input.account ?? undefined });
  intake.receive(bytes);
  for (const entry of input.events) {
    const refusal = refusalOf(entry);
    if (refusal === undefined) intake.add(Buffer.from(entry.eventData));
    else intake.refuse(refusal);
  }
  const outcomes = await intake.commit();
  const results = await Promise.all(
    outcomes.map(async (outcome, index) => ({
      result: outcome.result,
      entryId: input.events[index]?.entryId ?? null,
      id: (await recorder.idOf(outcome)) ?? null,
      ...reasonOf(outcome),
    })),
  );
  const count = (result: EventResult['result']): number =>
    results.filter((one) => one.result === result).length;
  return {
    results,
    recorded: count('RECORDED'),
    duplicates: count('DUPLICATE'),
    conflicts: count('CONFLICT'),
    refused: count('REFUSED'),
  };
}

/** The bytes of all. */
function checkEntries(entries: readonly Entry[]): number {
  if (entries.length === 0) {
    throw new CairnError('INVALID_ARGUMENT', 'Send at least one event.', { path: 'input.events' });
  }
  if (entries.length > MAX_EVENTS) {
    throw new CairnError('LIMIT_EXCEEDED', `A request takes at most ${MAX_EVENTS} events.`, {
      path: 'input.events',
    });
  }
  const bytes = entries.reduce((sum, { eventData }) => sum + Buffer.byteLength(eventData), 0);
  // One event above the limit is that event's own fault.
  if (bytes > MAX_BYTES && entries.length > 1) {
    throw new CairnError('LIMIT_EXCEEDED', 'A request takes at most 1 MB of events; POST /v1/events more.', {
      path: 'input.events',
    });
  }
  checkEntryIds(entries);
  return bytes;
}

function checkEntryIds(entries: readonly Entry[]): void {
  const seen = new Set<string>();
  for (const [index, { entryId }] of entries.entries()) {
    if (entryId === undefined || entryId === null) continue;
    const path = `input.events[${index}].entryId`;
    if (entryId === '' || entryId.length > MAX_ENTRY_ID_CHARS) {
      throw new CairnError('INVALID_ARGUMENT', `An entryId has 1 to ${MAX_ENTRY_ID_CHARS} characters.`, {
        path,
      });
    }
    if (seen.has(entryId)) {
      throw new CairnError('INVALID_ARGUMENT', 'Each entryId may stand once in a request.', { path });
    }
    seen.add(entryId);
  }
}

/** What only text can have wrong: half a surrogate pair has no bytes to keep, and a checksum is of the text. */
function refusalOf({ eventData, eventDataChecksum }: Entry): Omit<EventRefused, 'result'> | undefined {
  if (!eventData.isWellFormed()) {
    return { code: 'INVALID_UTF8', message: 'The event holds half a surrogate pair.' };
  }
  const given = eventDataChecksum ?? undefined;
  if (given === undefined || given === hash('sha256', eventData, 'base64')) return undefined;
  return {
    code: 'INVALID_CHECKSUM',
    message: 'eventDataChecksum is not the base64 of the SHA-256 of eventData.',
    path: 'eventDataChecksum',
  };
}

function reasonOf(outcome: EventResult): Pick<EntryResult, 'code' | 'path' | 'message'> {
  if (outcome.result === 'REFUSED') {
    const { code, path = null, message } = outcome;
    return { code, path, message };
  }
  const conflict = outcome.result === 'CONFLICT';
  return {
    code: conflict ? 'CONFLICT' : null,
    path: null,
    message: conflict ? CONFLICT_MESSAGE : null,
  };
}
