import { expect, test } from 'vitest';
import { MemoryBudget, type Taken } from '#platform/memory-budget';
import { runInRequest } from '#platform/request-context';

const limits = { request: 100, process: 150 };

function request(group?: string): { take: (budget: MemoryBudget, bytes: number) => Taken; end: () => void } {
  const controller = new AbortController();
  const context = { requestId: 'r', ended: controller.signal };
  return {
    take: (budget, bytes) => runInRequest(context, () => budget.take(bytes, group)),
    end: () => controller.abort(),
  };
}

test('counts all that one request takes', () => {
  const budget = new MemoryBudget(limits);
  const one = request();
  expect(one.take(budget, 60)).toBe('taken');
  expect(one.take(budget, 40)).toBe('taken');
  expect(one.take(budget, 0)).toBe('taken');
  expect(one.take(budget, 1)).toBe('request');
  expect(one.take(budget, 0)).toBe('request');
  expect(budget.held).toBe(100);
  one.end();
  expect(budget.held).toBe(0);
});

test('counts all requests together, until they end', () => {
  const budget = new MemoryBudget(limits);
  const [one, other] = [request(), request()];
  expect(one.take(budget, 100)).toBe('taken');
  expect(other.take(budget, 51)).toBe('process');
  expect(other.take(budget, 50)).toBe('taken');
  one.end();
  expect(budget.held).toBe(50);
  expect(other.take(budget, 50)).toBe('taken');
  other.end();
  expect(budget.held).toBe(0);
});

test('keeps nothing for a request that has ended or that nobody ends', () => {
  const budget = new MemoryBudget(limits);
  const gone = request();
  gone.end();
  expect(gone.take(budget, 100)).toBe('taken');
  expect(budget.take(100)).toBe('taken');
  expect(budget.take(101)).toBe('request');
  expect(budget.held).toBe(0);
});

test('leaves something to others when one group holds all that it may', () => {
  const budget = new MemoryBudget({ ...limits, group: 120 });
  const [one, same, other] = [request('a'), request('a'), request('b')];
  expect(one.take(budget, 100)).toBe('taken');
  expect(same.take(budget, 21)).toBe('process');
  expect(other.take(budget, 50)).toBe('taken');
  one.end();
  expect(same.take(budget, 21)).toBe('taken');
  same.end();
  other.end();
  expect(budget.held).toBe(0);
});
