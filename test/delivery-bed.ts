import { randomBytes, randomUUID } from 'node:crypto';
import type { OpenJournal } from '#journal/journal';
import type { NewEvent, Place } from '#journal/types';
import { AddressGuard } from '#platform/outbound/address-guard';
import { Sender } from '#platform/outbound/sender';
import { webhookSecretContext, type Delivery } from '#projections/alerts/alert-row';
import { Deliverer, type DelivererParts, type DeliveryEnd } from '#projections/alerts/deliveries/deliver';
import { DeliveryStore } from '#projections/alerts/deliveries/store';
import { MatchStore } from '#projections/alerts/matches/store';
import { toDelivery, type DeliveryRecord } from '#projections/alerts/rows';
import { putAlert } from '#test/alerts-bed';
import { appendEvents, createLogBed, type LogBed } from '#test/log-bed';
import type { WebhookReceiver } from '#test/webhook-receiver';

export const LOG_ID = 'ff2d9599-e000-4f23-8077-d6913122b7d6';

/** A journal, alerts with webhooks, and processes that send what they have found. */
export interface DeliveryBed {
  readonly log: LogBed;
  readonly journal: OpenJournal;
  readonly store: DeliveryStore;
  /** What ended, in order, in all processes. */
  readonly ends: DeliveryEnd[];
  /** What was no receiver's fault. */
  readonly errors: unknown[];
  /** Milliseconds since 1970; advanced by the test. */
  now: number;
  /** An alert with a webhook at the receiver, which is told the secret. */
  alert(name: string, receiver: WebhookReceiver): Promise<string>;
  /** Appends the events and raises the alert for each of them. */
  raise(alert: string, events: readonly NewEvent[]): Promise<readonly Place[]>;
  /** A process that sends; ended with the bed. */
  deliverer(parts?: Partial<DelivererParts>): Deliverer;
  /** In the order in which they were raised. */
  deliveries(alert: string): Promise<readonly Delivery[]>;
  remove(): Promise<void>;
}

export async function createDeliveryBed(): Promise<DeliveryBed> {
  const log = await createLogBed();
  await log.recover();
  const journal = await log.open();
  const { pool } = log.database;
  const store = new DeliveryStore(pool);
  const sender = new Sender({
    guard: new AddressGuard({ networks: ['127.0.0.0/8'] }),
    userAgent: 'cairn-test',
    wholeMs: 5_000,
  });
  const opened: Deliverer[] = [];
  const bed: DeliveryBed = {
    log,
    journal,
    store,
    ends: [],
    errors: [],
    now: Date.now(),
    alert: async (name, receiver) => {
      const id = randomUUID();
      const secret = randomBytes(32);
      receiver.secret = `whsec_${secret.toString('base64')}`;
      const wrapped = await log.deps.keys.wrap(secret, webhookSecretContext(id));
      const webhook = { url: receiver.url, secret: wrapped };
      await putAlert(pool, { id, name, description: `of ${name}`, webhook });
      return id;
    },
    raise: async (alert, events) => {
      const places = await raise(bed, alert, events);
      // They are due from the database's own time on.
      bed.now = Math.max(bed.now, Date.now() + 1);
      return places;
    },
    deliverer: (parts = {}) => {
      const one = new Deliverer({
        store,
        journal,
        keys: log.deps.keys,
        sender,
        log: LOG_ID,
        onEnd: (kind) => bed.ends.push(kind),
        onError: (error) => bed.errors.push(error),
        now: () => bed.now,
        random: () => 0.5,
        ...parts,
      });
      opened.push(one);
      return one;
    },
    deliveries: async (alert) => {
      const { rows } = await pool.query<DeliveryRecord>(
        'SELECT * FROM alert_delivery WHERE alert = $1 ORDER BY epoch, position',
        [alert],
      );
      return rows.map(toDelivery);
    },
    remove: async () => {
      for (const one of opened) await one.stop();
      await sender.close();
      await journal.close();
      await log.remove();
    },
  };
  return bed;
}

async function raise(
  { journal, log }: DeliveryBed,
  alert: string,
  events: readonly NewEvent[],
): Promise<readonly Place[]> {
  const outcomes = await appendEvents(journal, events);
  const places = outcomes.flatMap((outcome) => (outcome.result === 'RECORDED' ? [outcome.place] : []));
  const raised = places.map((place, index) => ({
    alert,
    place,
    account: events[index]?.account ?? '',
    eventTime: events[index]?.eventTime ?? 0,
    receivedAt: Date.now(),
    suppressed: 0,
    lastSuppressed: undefined,
  }));
  const matches = new MatchStore(log.database.pool);
  await matches.advance(await journal.head(), () => Promise.resolve({ raised, held: [] }));
  return places;
}
