import type { ServerResponse } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { MAX_ATTEMPTS } from '#projections/alerts/deliveries/next-attempt';
import { createDeliveryBed, LOG_ID, type DeliveryBed } from '#test/delivery-bed';
import { newEvent } from '#test/new-event';
import { startReceiver, type WebhookReceiver } from '#test/webhook-receiver';

const ACCOUNT = '111122223333';
const HOUR = 3_600_000;

let bed: DeliveryBed;
let receiver: WebhookReceiver;
let names = 0;
let events = 0;
beforeAll(async () => {
  bed = await createDeliveryBed();
});
afterAll(() => bed.remove());
beforeEach(async () => {
  receiver = await startReceiver();
  bed.ends.length = 0;
  bed.errors.length = 0;
  bed.now = Date.now();
});
afterEach(async () => {
  await receiver.close();
  await bed.log.database.pool.query('TRUNCATE alert, alert_match, alert_delivery');
});

const alertOf = (one: WebhookReceiver): Promise<string> => bed.alert(`alert ${names++}`, one);
const some = (count: number, note = '') => Array.from({ length: count }, () => newEvent(events++, { note }));

async function only(alert: string) {
  const [delivery] = await bed.deliveries(alert);
  if (delivery === undefined) throw new Error('no delivery');
  return delivery;
}

describe('what an alert has found', () => {
  it('is sent once as a CloudEvent, signed, with the record’s own bytes', async () => {
    const alert = await alertOf(receiver);
    const raw = Buffer.from('{ "n": 9.82222E-5,\n "text": "größer" }');
    const event = newEvent(events++, { raw });
    const [place] = await bed.raise(alert, [event]);
    const deliverer = bed.deliverer();
    expect(await deliverer.begin()).toBe(1);
    await deliverer.idle();
    expect(await deliverer.begin()).toBe(0);
    expect(receiver.received).toHaveLength(1);
    const [got] = receiver.received;
    const delivery = await only(alert);
    expect(got).toMatchObject({ id: delivery.id, verified: true });
    expect(got?.headers).toMatchObject({
      'content-type': 'application/cloudevents+json; charset=utf-8',
      'user-agent': 'cairn-test',
    });
    expect(got?.body.includes(raw)).toBe(true);
    const eventId = bed.journal.eventIds.encode(place ?? { epoch: 0, position: 0 }, event.eventTime);
    expect(JSON.parse(String(got?.body))).toMatchObject({
      specversion: '1.0',
      id: delivery.id,
      source: `/cairn/${LOG_ID}`,
      subject: alert,
      data: { alert: { id: alert }, account: ACCOUNT, eventId, suppressed: 0, event: { text: 'größer' } },
    });
    expect(delivery).toMatchObject({
      state: 'DELIVERED',
      attempts: 1,
      lastStatus: 204,
      lastError: undefined,
    });
    expect(bed.ends).toEqual(['delivered']);
    expect(bed.errors).toEqual([]);
  });

  it('is sent though it is as large as an event may be', async () => {
    const alert = await alertOf(receiver);
    const raw = Buffer.from(`{"text":"${'x'.repeat(1_048_000)}"}`);
    await bed.raise(alert, [newEvent(events++, { raw })]);
    const deliverer = bed.deliverer();
    await deliverer.begin();
    await deliverer.idle();
    expect(receiver.received[0]).toMatchObject({ verified: true });
    expect(receiver.received[0]?.body.includes(raw)).toBe(true);
  });

  it('is gone with its event: nothing of it is sent', async () => {
    const alert = await alertOf(receiver);
    const account = '444455556666';
    await bed.raise(alert, [newEvent(events++, { account })]);
    await bed.journal.erase({ account, before: undefined });
    const deliverer = bed.deliverer();
    await deliverer.begin();
    await deliverer.idle();
    expect(receiver.received).toEqual([]);
    expect(await bed.deliveries(alert)).toEqual([]);
    expect(bed.ends).toEqual(['erased']);
  });
});

describe('a receiver that fails', () => {
  it('is tried again later, with the same id and a new signature', async () => {
    const alert = await alertOf(receiver);
    await bed.raise(alert, some(1));
    const deliverer = bed.deliverer();
    receiver.answer = 503;
    await deliverer.begin();
    await deliverer.idle();
    const failed = await only(alert);
    expect(failed).toMatchObject({
      state: 'PENDING',
      attempts: 1,
      lastStatus: 503,
      lastError: 'The receiver answered with 503.',
      nextAttemptAt: new Date(bed.now + 5_000),
    });
    bed.now += 4_999;
    expect(await deliverer.begin()).toBe(0);
    bed.now += 1;
    receiver.answer = 200;
    expect(await deliverer.begin()).toBe(1);
    await deliverer.idle();
    expect(await only(alert)).toMatchObject({ state: 'DELIVERED', attempts: 2, lastError: undefined });
    expect(receiver.received.map(({ id, verified }) => [id, verified])).toEqual([
      [failed.id, true],
      // The library takes a time that is five seconds ahead.
      [failed.id, true],
    ]);
    expect(bed.ends).toEqual(['failed', 'delivered']);
  });

  it('is given up after a day; sent again by hand it has all its attempts anew', async () => {
    const alert = await alertOf(receiver);
    await bed.raise(alert, some(1));
    const deliverer = bed.deliverer();
    receiver.answer = 500;
    const began = bed.now;
    for (let n = 0; n < MAX_ATTEMPTS; n++) {
      expect(await deliverer.begin()).toBe(1);
      await deliverer.idle();
      bed.now = Math.max(bed.now, (await only(alert)).nextAttemptAt.getTime());
    }
    const dead = await only(alert);
    expect(dead).toMatchObject({ state: 'DEAD', attempts: MAX_ATTEMPTS, lastStatus: 500 });
    expect((bed.now - began) / HOUR).toBeCloseTo(22.8, 0);
    expect(await deliverer.begin()).toBe(0);
    expect(bed.ends.at(-1)).toBe('dead');
    receiver.answer = 200;
    bed.now += HOUR;
    expect(await bed.store.sendAgain([dead.id], 'ALL', new Date(bed.now))).toEqual([dead.id]);
    expect(await deliverer.begin()).toBe(1);
    await deliverer.idle();
    expect(await only(alert)).toMatchObject({ state: 'DELIVERED', attempts: 1 });
  });

  it('with 410 is never asked again, and a redirect leads nowhere', async () => {
    const elsewhere = await startReceiver();
    const alert = await alertOf(receiver);
    const deliverer = bed.deliverer();
    await bed.raise(alert, some(1));
    receiver.answer = (response) => response.writeHead(307, { location: elsewhere.url }).end();
    await deliverer.begin();
    await deliverer.idle();
    expect(await only(alert)).toMatchObject({ state: 'PENDING', lastStatus: 307 });
    bed.now += 10_000;
    receiver.answer = 410;
    await deliverer.begin();
    await deliverer.idle();
    expect(await only(alert)).toMatchObject({ state: 'DEAD', attempts: 2, lastStatus: 410 });
    expect(elsewhere.received).toEqual([]);
    await elsewhere.close();
  });

  it('that asks for quiet gets it, for all of the alert’s events', async () => {
    const alert = await alertOf(receiver);
    const deliverer = bed.deliverer();
    await bed.raise(alert, some(1));
    receiver.answer = (response) => response.writeHead(429, { 'retry-after': '120' }).end();
    await deliverer.begin();
    await deliverer.idle();
    await bed.raise(alert, some(1));
    bed.now += 119_000;
    expect(await deliverer.begin()).toBe(0);
    bed.now += 1_000;
    receiver.answer = 204;
    expect(await deliverer.begin()).toBeGreaterThan(0);
    await deliverer.idle();
    expect((await bed.deliveries(alert)).map(({ state }) => state)).toEqual(['DELIVERED', 'DELIVERED']);
  });

  it('does not show its address or what it wrote', async () => {
    const alert = await alertOf(receiver);
    await bed.raise(alert, some(1));
    await receiver.close();
    const deliverer = bed.deliverer();
    await deliverer.begin();
    await deliverer.idle();
    expect(await only(alert)).toMatchObject({
      lastError: 'The receiver refuses connections.',
      lastStatus: undefined,
    });
    receiver = await startReceiver();
  });

  it('that hangs holds up no other', async () => {
    const quick = await startReceiver();
    const slow = await alertOf(receiver);
    const fast = await alertOf(quick);
    const held: (() => void)[] = [];
    receiver.answer = (response) => held.push(() => response.writeHead(200).end());
    await bed.raise(slow, some(10));
    await bed.raise(fast, some(50));
    const deliverer = bed.deliverer();
    await deliverer.begin();
    await quick.heard(50);
    // All of the quick one's are there while the slow one has been sent a single event.
    expect(receiver.received).toHaveLength(1);
    receiver.answer = 200;
    for (const answer of held) answer();
    await deliverer.idle();
    expect((await bed.deliveries(fast)).every(({ state }) => state === 'DELIVERED')).toBe(true);
    expect((await bed.deliveries(slow)).every(({ state }) => state === 'DELIVERED')).toBe(true);
    await quick.close();
  });
});

describe('processes', () => {
  it('never send the same delivery twice, any number of them', async () => {
    const alert = await alertOf(receiver);
    await bed.raise(alert, some(120));
    const all = [bed.deliverer(), bed.deliverer(), bed.deliverer()];
    for (let rounds = 0; rounds < 3; rounds++) await Promise.all(all.map((one) => one.begin()));
    await Promise.all(all.map((one) => one.idle()));
    expect(receiver.received).toHaveLength(120);
    expect(new Set(receiver.received.map(({ id }) => id)).size).toBe(120);
    expect((await bed.deliveries(alert)).every(({ attempts }) => attempts === 1)).toBe(true);
  });

  it('that die between sending and writing it down make it come twice, with one id', async () => {
    const alert = await alertOf(receiver);
    await bed.raise(alert, some(1));
    const dying = bed.deliverer({ step: () => Promise.reject(new Error('killed')) });
    await dying.begin();
    await dying.idle();
    expect(await only(alert)).toMatchObject({ state: 'PENDING', attempts: 1 });
    const other = bed.deliverer();
    // Until the claim is over it may still be on its way.
    expect(await other.begin()).toBe(0);
    bed.now += 120_000;
    expect(await other.begin()).toBe(1);
    await other.idle();
    expect(receiver.received.map(({ id }) => id)).toEqual([
      receiver.received[0]?.id,
      receiver.received[0]?.id,
    ]);
    expect(receiver.received).toHaveLength(2);
    expect(await only(alert)).toMatchObject({ state: 'DELIVERED', attempts: 2 });
  });

  it('that were taken for lost do not undo what another has written', async () => {
    const alert = await alertOf(receiver);
    await bed.raise(alert, some(1));
    const sent = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    receiver.answer = 500;
    const late = bed.deliverer({
      step: () => {
        sent.resolve();
        return goOn.promise;
      },
    });
    await late.begin();
    await sent.promise;
    bed.now += 120_000;
    receiver.answer = 200;
    const other = bed.deliverer();
    await other.begin();
    await other.idle();
    goOn.resolve();
    await late.idle();
    expect(await only(alert)).toMatchObject({ state: 'DELIVERED', attempts: 2, lastStatus: 200 });
  });

  it('that are stopped break off, and it does not count as an attempt', async () => {
    const alert = await alertOf(receiver);
    await bed.raise(alert, some(1));
    receiver.answer = () => undefined;
    const stopped = bed.deliverer({ graceMs: 50 });
    await stopped.begin();
    await receiver.heard(1);
    await stopped.stop();
    expect(await only(alert)).toMatchObject({ state: 'PENDING', attempts: 0 });
    expect(await stopped.begin()).toBe(0);
    receiver.answer = 204;
    const next = bed.deliverer();
    await next.begin();
    await next.idle();
    expect(await only(alert)).toMatchObject({ state: 'DELIVERED', attempts: 1 });
    expect(bed.ends).toEqual(['delivered']);
  });

  it('that are stopped end what is answered soon', async () => {
    const alert = await alertOf(receiver);
    await bed.raise(alert, some(20));
    const held = Promise.withResolvers<ServerResponse>();
    receiver.answer = (response) => held.resolve(response);
    const stopped = bed.deliverer({ graceMs: 60_000 });
    await stopped.begin();
    const stopping = stopped.stop();
    (await held.promise).writeHead(200).end();
    await stopping;
    const states = (await bed.deliveries(alert)).map(({ state }) => state);
    expect(states.filter((state) => state === 'DELIVERED')).toHaveLength(1);
    expect(receiver.received).toHaveLength(1);
  });

  it('whose journal or keys are away send nothing and count nothing', async () => {
    const alert = await alertOf(receiver);
    await bed.raise(alert, some(1));
    const away = bed.deliverer({ keys: { unwrap: () => Promise.reject(new Error('away')) } });
    await away.begin();
    await away.idle();
    expect(bed.errors).toHaveLength(1);
    expect(await only(alert)).toMatchObject({ state: 'PENDING', attempts: 0, lastError: undefined });
    expect(receiver.received).toEqual([]);
    bed.now += 10_000;
    const back = bed.deliverer();
    await back.begin();
    await back.idle();
    expect(await only(alert)).toMatchObject({ state: 'DELIVERED' });
  });
});
