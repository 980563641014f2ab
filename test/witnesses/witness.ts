import type { WhereItIs } from '#test/soak/load';

/** Uses a platform as a client would while it is killed or loses its services, and tells afterwards what it saw. */
export interface Witness {
  readonly name: string;
  /** Done before anything is sent. */
  prepare?(where: WhereItIs): Promise<void>;
  /** Begins, when the platform answers for the first time. */
  start(where: WhereItIs): void;
  /**
   * Called when the load has ended and the platform is well: sees the rest, ends, and says what was wrong, a line
   * each. `acknowledged` has the text of every event by its eventID, all of the platform's.
   */
  finish(acknowledged: ReadonlyMap<string, string>): Promise<readonly string[]>;
  /** Ends at once, whatever is in hand. */
  abandon(): void;
}

/** Lets each of them see the rest, one after the other. */
export async function testify(
  witnesses: readonly Witness[],
  acknowledged: ReadonlyMap<string, string>,
): Promise<readonly string[]> {
  const faults: string[] = [];
  for (const witness of witnesses) {
    for (const fault of await witness.finish(acknowledged)) faults.push(`${witness.name}: ${fault}`);
  }
  return faults;
}
