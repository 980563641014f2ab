import { expect, test } from 'vitest';
import { seldom } from '#platform/seldom';

test('the same failure is told once a minute, another one at once, and no memory grows', () => {
  let now = 0;
  const told: string[] = [];
  const tell = seldom(
    (error) => told.push(String(error)),
    () => now,
  );
  tell(new Error('refused'));
  tell(new Error('refused'));
  tell('other');
  now = 59_999;
  tell(new Error('refused'));
  expect(told).toEqual(['Error: refused', 'other']);
  now = 60_000;
  tell(new Error('refused'));
  expect(told).toHaveLength(3);
  for (let index = 0; index < 200; index++) tell(`number ${index}`);
  tell('number 199');
  expect(told).toHaveLength(203);
  // So many others came in between that it is forgotten, and told again.
  tell('number 0');
  expect(told).toHaveLength(204);
});
