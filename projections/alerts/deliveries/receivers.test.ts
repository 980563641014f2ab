import { describe, expect, it } from 'vitest';
import { Receivers, type AttemptOutcome } from '#projections/alerts/deliveries/receivers';

const NOW = 1_000_000;
const GOOD: AttemptOutcome = { isDelivered: true, took: 10, quietMs: 0 };
const SLOW: AttemptOutcome = { isDelivered: true, took: 10_000, quietMs: 0 };
const BAD: AttemptOutcome = { isDelivered: false, took: 10, quietMs: 0 };
const names = (count: number, name = 'alert'): string[] =>
  Array.from({ length: count }, (_, n) => `${name}-${n}`);
const sum = (allowed: ReadonlyMap<string, number>): number =>
  [...allowed.values()].reduce((total, count) => total + count, 0);

function after(outcome: AttemptOutcome, alerts: readonly string[]): Receivers {
  const receivers = new Receivers();
  for (const alert of alerts) receivers.begin(alert)(outcome, NOW);
  return receivers;
}

describe('what may be on its way', () => {
  it('is one to a receiver that nobody knows, four to one that answers quickly, one to any other', () => {
    expect(new Receivers().allowances(['a'], NOW).get('a')).toBe(1);
    expect(after(GOOD, ['a']).allowances(['a'], NOW).get('a')).toBe(4);
    expect(after(SLOW, ['a']).allowances(['a'], NOW).get('a')).toBe(1);
    expect(
      after(BAD, ['a'])
        .allowances(['a'], NOW + 250)
        .get('a'),
    ).toBe(1);
    const receivers = after(GOOD, ['a']);
    const ends = [receivers.begin('a'), receivers.begin('a'), receivers.begin('a'), receivers.begin('a')];
    expect(receivers.allowances(['a'], NOW).size).toBe(0);
    ends[0]?.(undefined, NOW);
    expect(receivers.allowances(['a'], NOW).get('a')).toBe(1);
    expect(receivers.inFlight).toBe(3);
  });

  it('is bounded in all, and those who wait longest come first', () => {
    expect([...new Receivers().allowances(names(1_000), NOW).keys()]).toEqual(names(16));
    expect(sum(after(GOOD, names(100)).allowances(names(100), NOW))).toBe(16);
    expect(sum(after(BAD, names(100)).allowances(names(100), NOW + 250))).toBe(16);
  });

  it('to receivers that fail or are slow takes no room from the others', () => {
    const receivers = after(BAD, names(50, 'bad'));
    for (const alert of names(16, 'bad')) receivers.begin(alert);
    expect(receivers.allowances(names(50, 'bad'), NOW + 10_000).size).toBe(0);
    expect(sum(receivers.allowances([...names(50, 'bad'), ...names(20, 'new')], NOW + 10_000))).toBe(16);
  });

  it('keeps its lane until it ends, whatever is learnt meanwhile', () => {
    const receivers = after(GOOD, ['a']);
    const [first, second] = [receivers.begin('a'), receivers.begin('a')];
    first(BAD, NOW);
    second(BAD, NOW);
    expect(receivers.inFlight).toBe(0);
    expect(sum(receivers.allowances(names(100), NOW))).toBe(16);
  });
});

describe('a receiver that failed', () => {
  it('is left alone, twice as long each time up to ten seconds, until it is good again', () => {
    const receivers = new Receivers();
    const may = (at: number): boolean => receivers.allowances(['a'], at).has('a');
    for (const hold of [250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]) {
      receivers.begin('a')(BAD, NOW);
      expect([hold, may(NOW + hold - 1), may(NOW + hold)]).toEqual([hold, false, true]);
    }
    const good = after(BAD, ['a']);
    good.begin('a')(GOOD, NOW + 250);
    good.begin('a')(BAD, NOW + 250);
    expect([good.allowances(['a'], NOW + 499).size, good.allowances(['a'], NOW + 500).size]).toEqual([0, 1]);
  });

  it('that asked for quiet gets it, also when another event was taken meanwhile', () => {
    const receivers = after({ ...BAD, quietMs: 60_000 }, ['a']);
    receivers.begin('a')(GOOD, NOW);
    expect(receivers.allowances(['a'], NOW + 59_999).size).toBe(0);
    expect(receivers.allowances(['a'], NOW + 60_000).get('a')).toBe(4);
  });
});

it('forgets receivers that nothing is on its way to, when there were very many', () => {
  const receivers = after(GOOD, names(5_000));
  const end = receivers.begin('busy');
  receivers.begin('one more')(GOOD, NOW);
  expect(receivers.allowances(['alert-0'], NOW).get('alert-0')).toBe(1);
  end(GOOD, NOW);
  expect(receivers.inFlight).toBe(0);
});
