import { describe, expect, it } from 'vitest';
import type { ParsedEvent } from '#domain/event';
import { indexedFields } from '#domain/event-fields';
import { isRefusal, parseEvent } from '#domain/event-parse';
import { recordWords } from '#domain/event-words';
import { checkFilter } from '#domain/filter/check';
import { parseFilterExpression } from '#domain/filter/expression';
import { contains, parseIp, parseNetwork } from '#domain/filter/ip';
import { matches } from '#domain/filter/meaning';
import { DEMO_ACCOUNTS, demoMonth, demoSource } from '#domain/generator/demo';
import { EventSource, EXAMPLE_ACCOUNTS, generateEvents } from '#domain/generator/events';
import { INCIDENT_COUNT } from '#domain/generator/incidents';
import { Random } from '#domain/generator/random';

const FROM = Date.parse('2026-01-01T00:00:00Z');
const TO = Date.parse('2026-02-01T00:00:00Z');
const OPTIONS = { seed: 7, count: 5000, from: FROM, to: TO, accounts: EXAMPLE_ACCOUNTS };

function parsed(text: string): ParsedEvent {
  const event = parseEvent(Buffer.from(text), { now: TO });
  if (isRefusal(event)) throw new Error(`${event.message} ${text}`);
  return event;
}

function fieldsOf(event: ParsedEvent) {
  return indexedFields(event.record, { ...event, account: event.account ?? '' });
}

/** Addresses and networks that belong to nobody: RFC 5737, 1918 and 3849. */
const NOBODYS = ['192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/24', '10.0.0.0/8', '2001:db8::/32'].map(
  parseNetwork,
);

function isNobodys(address: string): boolean {
  const ip = parseIp(address);
  return ip !== undefined && NOBODYS.some((network) => network !== undefined && contains(network, ip));
}

describe('generateEvents', () => {
  const texts = [...generateEvents(OPTIONS)];
  const events = texts.map(parsed);

  it('gives the same events for the same seed, and others for another seed or run', () => {
    const some = { ...OPTIONS, count: 50 };
    const first = [...generateEvents(some)];
    expect([...generateEvents(some)]).toEqual(first);
    for (const other of [
      { ...some, seed: 8 },
      { ...some, run: 1 },
    ]) {
      const ids = [...generateEvents(other)].map((text) => parsed(text).eventId);
      expect(ids.filter((id) => first.some((text) => text.includes(id)))).toEqual([]);
    }
  });

  it('gives records of 1.3 KB that are events of the accounts, in the time span, each with its own id', () => {
    expect(texts.join('').length / texts.length).toBeGreaterThan(1250);
    expect(texts.join('').length / texts.length).toBeLessThan(1400);
    expect(new Set(events.map(({ eventId }) => eventId)).size).toBe(OPTIONS.count);
    expect(new Set(events.map(({ account }) => account))).toEqual(new Set(EXAMPLE_ACCOUNTS));
    for (const { eventTime } of events) {
      expect(eventTime).toBeGreaterThanOrEqual(FROM);
      expect(eventTime).toBeLessThan(TO);
    }
  });

  it('lets few accounts, users and calls do most, and some calls fail', () => {
    const share = (values: readonly unknown[], top: number): number => {
      const counts = new Map<unknown, number>();
      for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
      const sorted = [...counts.values()].toSorted((a, b) => b - a);
      return sorted.slice(0, top).reduce((sum, count) => sum + count, 0) / values.length;
    };
    const fields = events.map(fieldsOf);
    expect(
      share(
        fields.map(({ account }) => account),
        1,
      ),
    ).toBeGreaterThan(0.4);
    expect(
      share(
        fields.map(({ username }) => username),
        20,
      ),
    ).toBeGreaterThan(0.5);
    expect(
      share(
        fields.map(({ eventName }) => eventName),
        8,
      ),
    ).toBeGreaterThan(0.5);
    const failed = fields.filter(({ errorCode }) => errorCode !== undefined).length / fields.length;
    expect(failed).toBeGreaterThan(0.01);
    expect(failed).toBeLessThan(0.06);
    expect(new Set(fields.map(({ category }) => category))).toEqual(new Set(['Management', 'Data']));
  });

  it('names no address that belongs to somebody', () => {
    const addresses = new Set(events.map((event) => fieldsOf(event).sourceIPAddress ?? ''));
    const strange = [...addresses].filter(
      (address) => !isNobodys(address) && !address.endsWith('.amazonaws.com'),
    );
    expect(strange).toEqual([]);
  });

  it('refuses to work without an account', () => {
    expect(() => new EventSource({ seed: 1, accounts: [] })).toThrow(RangeError);
  });
});

describe('Random', () => {
  it('spreads evenly', () => {
    const random = new Random(1);
    const buckets = Array.from({ length: 16 }, () => 0);
    for (let i = 0; i < 16_000; i += 1) {
      const bucket = random.below(16);
      buckets[bucket] = (buckets[bucket] ?? 0) + 1;
    }
    for (const count of buckets) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });

  it('repeats no digits within an id', () => {
    const random = new Random(3);
    const quarters = Array.from({ length: 1000 }, () => random.hex(16).match(/.{4}/g) ?? []);
    expect(quarters.filter((four) => new Set(four).size < 4).length).toBeLessThan(10);
  });

  it('makes well-formed ids', () => {
    const random = new Random(2);
    for (let i = 0; i < 100; i += 1) {
      expect(random.uuid()).toMatch(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
      expect(random.id(16)).toMatch(/^[A-Z2-7]{16}$/);
      expect(random.hex(24)).toMatch(/^[\da-f]{24}$/);
    }
  });
});

describe('demoMonth', () => {
  const month = demoMonth(TO);
  const events = month.events.map(parsed);

  it('holds 2,000 events of the 30 days before, in order, each once', () => {
    expect(events).toHaveLength(2000);
    expect(new Set(events.map(({ eventId }) => eventId)).size).toBe(2000);
    const times = events.map(({ eventTime }) => eventTime);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(times[0]).toBeGreaterThan(TO - 31 * 86_400_000);
    expect(times.at(-1)).toBeLessThan(TO);
    expect(new Set(events.map(({ account }) => account))).toEqual(new Set(DEMO_ACCOUNTS));
    expect(demoMonth(TO)).toEqual(month);
  });

  it('hides incidents that their filters find, among little else', () => {
    expect(month.incidents).toHaveLength(INCIDENT_COUNT);
    for (const { title, filter, events: staged } of month.incidents) {
      const checked = checkFilter(parseFilterExpression(filter));
      const found = month.events.filter((text) => {
        const event = parsed(text);
        return matches(checked, fieldsOf(event), recordWords(event.record));
      });
      const hits = found.filter((text) => staged.includes(text));
      expect(month.events, title).toEqual(expect.arrayContaining([...staged]));
      expect(hits.length, title).toBeGreaterThan(0);
      expect(hits.length / found.length, title).toBeGreaterThan(0.8);
    }
  });

  it('goes on with the same people and other events', () => {
    const source = demoSource(1);
    const more = Array.from({ length: 200 }, (_, i) => parsed(source.next(TO - 200_000 + i * 1000)));
    const ids = new Set(events.map(({ eventId }) => eventId));
    expect(more.filter(({ eventId }) => ids.has(eventId))).toEqual([]);
    const known = new Set(events.map((event) => fieldsOf(event).principalArn));
    expect(more.filter((event) => known.has(fieldsOf(event).principalArn)).length).toBeGreaterThan(190);
  });

  it('is busier in working hours', () => {
    const working = events.filter(({ eventTime }) => {
      const date = new Date(eventTime);
      return date.getUTCDay() % 6 !== 0 && date.getUTCHours() >= 7 && date.getUTCHours() < 18;
    });
    expect(working.length).toBeGreaterThan(1000);
  });
});
