import { randomUUID } from 'node:crypto';
import { CairnError } from '#domain/errors';
import {
  type OwnCall,
  type OwnCallRule,
  type OwnEvent,
  type OwnOutcome,
  type OwnServiceEvent,
  callEvent,
  serviceEvent,
} from '#domain/own-events';
import type { JsonObject } from '#domain/event';
import type { Caller } from '#domain/caller';
import type { OwnEventStore } from '#journal/own-trail/store';

export interface OwnTrailParts {
  readonly store: Pick<OwnEventStore, 'begin' | 'add' | 'complete' | 'withdraw'>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** The name of a key, where it is at hand. */
  readonly nameOf: (keyId: string) => Promise<string | undefined>;
  /** Something is ready: whoever drains may look. */
  readonly ring: () => void;
  readonly log: { error(attributes: Record<string, unknown>, message: string): void };
}

/** A root field that is asked, with what may be told of it. */
export interface AskedField {
  readonly field: string;
  readonly caller: Caller;
  readonly args: unknown;
  readonly rule: OwnCallRule;
}

/** Something that is about to be done and stands durably as begun. */
export interface Begun<Result = unknown> {
  /** It was done, or refused. Never rejects: what was done stays done, and is told as begun, its outcome unknown. */
  end(outcome: OwnOutcome<Result>): Promise<void>;
  /** It was not even tried. Never rejects. */
  withdraw(): Promise<void>;
}

/**
 * What is done to Cairn, on its way into the journal: a row of PostgreSQL before it is done, the rest before it is
 * answered. A drain (drain.ts) takes it from there.
 */
export class OwnTrail {
  readonly #parts: OwnTrailParts;

  constructor(parts: OwnTrailParts) {
    this.#parts = parts;
  }

  /** Durable when it resolves. UNAVAILABLE when it cannot be recorded: then it must not be done. */
  async begin(asked: AskedField): Promise<Begun> {
    const call = await this.#callOf(asked, false);
    return this.#begun((outcome) => callEvent(call, outcome));
  }

  /** The same for what Cairn does by itself. The result of its end is told as it is: nothing secret, please. */
  async beginService(event: Omit<OwnServiceEvent, 'at'>): Promise<Begun<JsonObject | undefined>> {
    const named = { ...(await this.#named(event)), at: this.#parts.now() };
    return this.#begun((outcome) => {
      if ('unknown' in outcome) return serviceEvent({ ...named, error: UNKNOWN });
      if ('error' in outcome) return serviceEvent({ ...named, error: outcome.error });
      return serviceEvent({ ...named, response: outcome.result });
    });
  }

  /** A read that was answered, or refused. UNAVAILABLE when it cannot be recorded. */
  async read(asked: AskedField, outcome: OwnOutcome): Promise<void> {
    const call = await this.#callOf(asked, true);
    await this.#add(callEvent(call, outcome));
  }

  /** What has happened. Durable when it resolves; UNAVAILABLE when it cannot be recorded. */
  async note(event: Omit<OwnServiceEvent, 'at'> & { readonly at?: number }): Promise<void> {
    await this.#add(serviceEvent({ at: this.#parts.now(), ...(await this.#named(event)) }));
  }

  /** The same for those who cannot do anything about a failure: it is logged. */
  async tell(event: Parameters<OwnTrail['note']>[0]): Promise<void> {
    try {
      await this.note(event);
    } catch (error) {
      this.#parts.log.error(
        { err: error, event: event.eventName },
        'an event of Cairn’s own was not recorded',
      );
    }
  }

  async #named<T extends Omit<OwnServiceEvent, 'at'>>(event: T): Promise<T> {
    const keyId = event.caller?.principal?.keyId;
    if (keyId === undefined) return event;
    return { ...event, caller: { ...event.caller, userName: await this.#nameOf(keyId) } };
  }

  async #callOf({ caller, ...asked }: AskedField, readOnly: boolean): Promise<OwnCall> {
    const at = this.#parts.now();
    const userName = await this.#nameOf(caller.principal.keyId);
    return { ...asked, caller: { ...caller, userName }, at, readOnly };
  }

  async #begun<Result>(eventFor: (outcome: OwnOutcome<Result>) => OwnEvent): Promise<Begun<Result>> {
    const { store, log, ring } = this.#parts;
    const id = randomUUID();
    await orUnavailable(() => store.begin(id, eventFor({ unknown: true })));
    const quietly = async (work: () => Promise<void>): Promise<void> => {
      try {
        await work();
      } catch (error) {
        log.error(
          { err: error, eventId: id },
          'what became of a call was not recorded: it is told as unknown',
        );
      }
    };
    return {
      end: (outcome) =>
        quietly(async () => {
          const inTime = await store.complete(id, eventFor(outcome));
          if (!inTime) log.error({ eventId: id }, 'a call ended after it was told as one without an outcome');
          ring();
        }),
      withdraw: () => quietly(() => store.withdraw(id)),
    };
  }

  async #add(event: OwnEvent): Promise<void> {
    await orUnavailable(() => this.#parts.store.add(randomUUID(), event));
    this.#parts.ring();
  }

  /** A name is a courtesy: without it the record has the key's id. */
  async #nameOf(keyId: string): Promise<string | undefined> {
    try {
      return await this.#parts.nameOf(keyId);
    } catch {
      return undefined;
    }
  }
}

const UNKNOWN = {
  code: 'OutcomeUnknown',
  message: 'The process ended before it could record what became of it.',
};

async function orUnavailable(write: () => Promise<boolean>): Promise<void> {
  let written: boolean;
  try {
    written = await write();
  } catch (cause) {
    throw new CairnError('UNAVAILABLE', 'This cannot be recorded at the moment, and was not done.', {
      retryAfter: 2,
      cause,
    });
  }
  if (written) return;
  const message = 'Too much waits to be recorded in Cairn’s own trail: this was not done.';
  throw new CairnError('UNAVAILABLE', message, { retryAfter: 10 });
}
