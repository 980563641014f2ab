import { CairnError } from '#domain/errors';
import { ACCOUNT_ID, INSTALLATION_ACCOUNT } from '#domain/ids';
import { dataKeyObject } from '#journal/data-keys';
import { ERASURE_CHANNEL, type Erasures } from '#journal/erasures';
import { monthOf, monthStart } from '#journal/format/month';
import type { Steps } from '#journal/steps';
import type { ErasedScope, Erasure, ErasureStore } from '#journal/store/erasure-store';
import { available } from '#journal/store/sql-error';
import type { ErasureScope } from '#journal/types';
import type { ObjectStore } from '#platform/objects/object-store';
import type { PubSub } from '#platform/pubsub/pubsub';

/** The record of an erasure, as sealing writes it. */
export interface ErasureRecord extends ErasedScope {
  readonly upTo: number;
  readonly keys: readonly { readonly id: Buffer; readonly month: number }[];
}

export interface EraserDeps {
  readonly store: ErasureStore;
  readonly erasures: Erasures;
  readonly keyObjects: ObjectStore;
  readonly pubsub: PubSub;
  /** Writes the record into the log and notes its sequence in the erasure's row; returns the sequence. */
  readonly writeRecord: (erasure: ErasureRecord) => Promise<number>;
  readonly onError: (error: unknown) => void;
  readonly step: Steps;
}

/**
 * Erases by destroying data keys. It counts once it is decided, in one transaction; deleting the keys' objects
 * and writing the record follow, and are taken up again after a crash.
 */
export class Eraser {
  readonly #deps: EraserDeps;

  constructor(deps: EraserDeps) {
    this.#deps = deps;
  }

  /**
   * Erases the scope's events up to the head. Resolves when the keys are gone and the record is written.
   * FORBIDDEN for the installation's own account, INVALID_ARGUMENT when `before` begins no month.
   */
  async erase(scope: ErasureScope): Promise<Erasure> {
    const erased = checkScope(scope);
    const erasure = await available(() => this.#deps.store.decide(erased, Date.now()));
    await this.#deps.step('erase.decided');
    await this.#deps.erasures.refresh();
    await this.#announce(erasure);
    return this.#finish(erasure);
  }

  /** Finishes what a crash interrupted; how many erasures that were. */
  async resume(): Promise<number> {
    const unfinished = await available(() => this.#deps.store.unfinished());
    for (const erasure of unfinished) await this.#finish(erasure);
    return unfinished.length;
  }

  async #announce({ number }: Erasure): Promise<void> {
    try {
      await this.#deps.pubsub.publish(ERASURE_CHANNEL, String(number));
    } catch (error) {
      // The others look by themselves every second.
      this.#deps.onError(error);
    }
  }

  async #finish(erasure: Erasure): Promise<Erasure> {
    const keys = await this.#deps.store.keys(erasure.number);
    for (const key of keys) await this.#deps.keyObjects.delete(dataKeyObject(key));
    await this.#deps.step('erase.deleted');
    const { account, before, upTo } = erasure;
    const sequence = await this.#deps.writeRecord({ account, before, upTo, keys });
    await this.#deps.store.finish(erasure.number, sequence);
    await this.#deps.step('erase.recorded');
    return { ...erasure, sequence };
  }
}

function checkScope({ account, before }: ErasureScope): ErasedScope {
  if (!ACCOUNT_ID.test(account)) {
    throw new CairnError('INVALID_ARGUMENT', 'An account has 12 digits.', { path: 'account' });
  }
  if (account === INSTALLATION_ACCOUNT) {
    throw new CairnError('FORBIDDEN', "The installation's own account cannot be erased.", {
      path: 'account',
    });
  }
  if (before === undefined) return { account: Number(account), before: 0 };
  const month = Number.isSafeInteger(before) ? monthOf(before) : 0;
  if (month < 1 || month > 65_535 || monthStart(month) !== before) {
    throw new CairnError('INVALID_ARGUMENT', 'An erasure ends at the first instant of a month, UTC.', {
      path: 'before',
    });
  }
  return { account: Number(account), before: month };
}
