import type { WhereItIs } from '#test/soak/load';
import { takeExport } from '#test/witnesses/take-export';

/** Uses a platform as a client would while it is killed or loses its services, and tells afterwards what it saw. */
export interface Witness {
  readonly name: string;
  /** Done before anything is sent. */
  prepare?(where: WhereItIs): Promise<void>;
  /** Begins, when the platform answers for the first time. */
  start(where: WhereItIs): void;
  /**
   * Called when the load has ended and the platform is well: sees the rest, ends, and says what was wrong, a line
   * each.
   */
  finish(happened: Happened): Promise<readonly string[]>;
  /** Ends at once, whatever is in hand. */
  abandon(): void;
}

/** What a platform has recorded in the end. */
export interface Happened {
  /** The text of every event that was sent, by its eventID; the platform has others of its own. */
  readonly acknowledged: ReadonlyMap<string, string>;
  /** eventIDs in the order of recording, without what was erased. */
  readonly recorded: readonly string[];
}

/** Lets each of them see the rest, one after the other. */
export async function testify(
  witnesses: readonly Witness[],
  where: WhereItIs,
  acknowledged: ReadonlyMap<string, string>,
): Promise<readonly string[]> {
  if (witnesses.length === 0) return [];
  const file = await takeExport(where, { columns: 'position, eventId', stop: new AbortController().signal });
  const rows = file?.rows.toSorted((one, other) => one.position - other.position) ?? [];
  const happened = { acknowledged, recorded: rows.map(({ eventId }) => eventId) };
  const faults = rows.length === 0 ? ['there is no order to compare with'] : [];
  for (const witness of witnesses) {
    for (const fault of await witness.finish(happened)) faults.push(`${witness.name}: ${fault}`);
  }
  return faults;
}
