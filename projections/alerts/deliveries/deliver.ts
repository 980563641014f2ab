import { setTimeout as delay } from 'node:timers/promises';
import { alertRaisedEvent, CLOUD_EVENT_TYPE, type AlertRaised } from '#domain/cloud-event';
import type { EventIds } from '#journal/event-id';
import { noSteps, type Steps } from '#journal/steps';
import type { Journal } from '#journal/types';
import type { KeyProvider } from '#platform/keys';
import type { Sender } from '#platform/outbound/sender';
import { signWebhook } from '#platform/outbound/webhook-signature';
import { webhookSecretContext, type DueDelivery } from '#projections/alerts/alert-row';
import { printMatchCursor } from '#projections/alerts/match-cursor';
import { judge, type Verdict } from '#projections/alerts/deliveries/next-attempt';
import { Receivers, type AttemptOutcome } from '#projections/alerts/deliveries/receivers';
import type { DeliveryStore } from '#projections/alerts/deliveries/store';

export interface DelivererParts {
  readonly store: Pick<
    DeliveryStore,
    'dueAlerts' | 'claim' | 'delivered' | 'failed' | 'dead' | 'release' | 'remove'
  >;
  readonly journal: Pick<Journal, 'get'> & { readonly eventIds: EventIds };
  readonly keys: Pick<KeyProvider, 'unwrap'>;
  readonly sender: Pick<Sender, 'post'>;
  /** The log's id, for the source of what is sent. */
  readonly log: string;
  /** Hears of each attempt's end. */
  readonly onEnd: (kind: DeliveryEnd) => void;
  /** Of what is no receiver's fault: database, journal or keys are away. It is tried again by itself. */
  readonly onError: (error: unknown, delivery: string | undefined) => void;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  /** 0 to 1. */
  readonly random?: () => number;
  /** Milliseconds after which a claim without an outcome is taken for lost. */
  readonly leaseMs?: number;
  /** Milliseconds that what is on its way may take when the process ends. */
  readonly graceMs?: number;
  readonly step?: Steps;
}

/** `erased`: the event is gone, and the delivery with it. */
export const DELIVERY_ENDS = ['delivered', 'failed', 'dead', 'erased'] as const;
export type DeliveryEnd = (typeof DELIVERY_ENDS)[number];

/** Well above what one attempt may take (`Sender`) and what the clocks of two workers may differ by. */
const LEASE_MS = 120_000;
/** For what is on its way when the process ends. */
const GRACE_MS = 5_000;
/** When something of ours was away. */
const RELEASE_MS = 10_000;

/**
 * Sends what alerts have found. Which deliveries there are and when they are due stands in the database; each is
 * claimed for a while, so that of several processes one sends it. One that dies between sending and writing
 * down what came of it leaves a delivery that is sent once more, with the same id.
 */
export class Deliverer {
  readonly #parts: DelivererParts;
  readonly #receivers = new Receivers();
  readonly #inHand = new Set<Promise<void>>();
  readonly #stop = new AbortController();
  #isStopping = false;
  #round: Promise<number> | undefined;
  #again = false;

  constructor(parts: DelivererParts) {
    this.#parts = parts;
  }

  get inFlight(): number {
    return this.#receivers.inFlight;
  }

  /**
   * Begins to send what is due, as much as there is room for, and does not wait for it: each that is done makes
   * room for the next. How many it has begun. Cheap where nothing is due; may be called at any time.
   */
  begin(): Promise<number> {
    this.#again = true;
    this.#round ??= this.#rounds().finally(() => (this.#round = undefined));
    return this.#round;
  }

  /** Until nothing is on its way from here and nothing can be begun. */
  async idle(): Promise<void> {
    while (this.#inHand.size > 0 || this.#round !== undefined) {
      await Promise.all([...this.#inHand, this.#round?.catch(() => undefined)]);
    }
  }

  /** Begins nothing more, and soon breaks off what is on its way: that is sent again by the next process. */
  async stop(): Promise<void> {
    const { graceMs = GRACE_MS } = this.#parts;
    this.#isStopping = true;
    const done = new AbortController();
    const late = delay(graceMs, undefined, { signal: done.signal }).catch(() => undefined);
    await Promise.race([this.idle(), late]);
    done.abort();
    this.#stop.abort();
    await this.idle();
  }

  async #rounds(): Promise<number> {
    let begun = 0;
    while (this.#again && !this.#isStopping) {
      this.#again = false;
      begun += await this.#claim();
    }
    return begun;
  }

  async #claim(): Promise<number> {
    const { store, leaseMs = LEASE_MS } = this.#parts;
    const now = this.#now();
    const alerts = await store.dueAlerts(new Date(now));
    const allowed = this.#receivers.allowances(alerts, now);
    if (allowed.size === 0) return 0;
    const due = await store.claim(allowed, { now: new Date(now), until: new Date(now + leaseMs) });
    for (const delivery of due) {
      const end = this.#receivers.begin(delivery.alert);
      const attempt = this.#attempt(delivery, end).finally(() => {
        this.#inHand.delete(attempt);
        if (!this.#isStopping) this.begin().catch((error: unknown) => this.#report(error));
      });
      this.#inHand.add(attempt);
    }
    return due.length;
  }

  /** Never rejects: a claim that nothing was written for ends by itself. */
  async #attempt(delivery: DueDelivery, end: ReturnType<Receivers['begin']>): Promise<void> {
    const began = this.#now();
    let verdict: Verdict | undefined;
    try {
      verdict = await this.#send(delivery);
    } catch (error) {
      this.#report(error, delivery.id);
      await this.#release(delivery, RELEASE_MS);
    } finally {
      end(verdict && outcomeOf(verdict, this.#now() - began), this.#now());
    }
    try {
      if (verdict !== undefined) await this.#write(delivery, verdict);
    } catch (error) {
      this.#report(error, delivery.id);
    }
  }

  /** Undefined when nothing was sent, or nobody knows whether it was. */
  async #send(delivery: DueDelivery): Promise<Verdict | undefined> {
    const { store, journal, keys, sender, onEnd, random = Math.random } = this.#parts;
    const [event] = await journal.get([delivery.place]);
    // A journal that was restored may have another event there by now.
    if (event === undefined || event.account !== delivery.account) {
      await store.remove(delivery);
      onEnd('erased');
      return undefined;
    }
    const { url, secret } = delivery.webhook;
    const key = await keys.unwrap(secret, webhookSecretContext(delivery.alert));
    const body = alertRaisedEvent(this.#raisedBy(delivery), event.raw);
    const sentAt = new Date(this.#now());
    const signed = signWebhook({ id: delivery.id, sentAt, body }, key);
    const headers = { 'content-type': CLOUD_EVENT_TYPE, ...signed };
    const result = await sender.post({ url, headers, body }, this.#stop.signal);
    if ('failure' in result && this.#stop.signal.aborted) {
      await this.#release(delivery, 0);
      return undefined;
    }
    return judge(result, delivery.attempts, random());
  }

  async #write(delivery: DueDelivery, verdict: Verdict): Promise<void> {
    const { store, onEnd, step = noSteps } = this.#parts;
    await step('sent');
    const now = this.#now();
    if (verdict.kind === 'delivered') {
      await store.delivered(delivery, new Date(now), verdict.status);
      onEnd('delivered');
      return;
    }
    if (verdict.kind === 'dead') await store.dead(delivery, verdict);
    else await store.failed(delivery, new Date(now + verdict.delayMs), verdict);
    onEnd(verdict.kind === 'dead' ? 'dead' : 'failed');
  }

  /** The attempt does not count. What cannot be written here, the end of the claim does. */
  async #release(delivery: DueDelivery, delayMs: number): Promise<void> {
    try {
      await this.#parts.store.release(delivery, new Date(this.#now() + delayMs));
    } catch (error) {
      this.#report(error, delivery.id);
    }
  }

  #raisedBy({ id, alert, place, account, eventTime, ...one }: DueDelivery): AlertRaised {
    const { log, journal } = this.#parts;
    return {
      id,
      log,
      raisedAt: one.createdAt,
      alert: { id: alert, name: one.alertName, description: one.alertDescription },
      account,
      eventId: journal.eventIds.encode(place, eventTime),
      cursor: printMatchCursor(journal.eventIds, { place, eventTime, alert }),
      suppressed: one.suppressed,
    };
  }

  #now(): number {
    return (this.#parts.now ?? Date.now)();
  }

  #report(error: unknown, delivery?: string): void {
    this.#parts.onError(error, delivery);
  }
}

function outcomeOf(verdict: Verdict, took: number): AttemptOutcome {
  const quietMs = verdict.kind === 'again' ? verdict.quietMs : 0;
  return { isDelivered: verdict.kind === 'delivered', took, quietMs };
}
