import { expect, test } from 'vitest';
import { ConfigError, loadConfig } from '#platform/config';

test('addresses are cut at commas and bars', () => {
  const text = 'events=http://10.0.0.5:4610|https://events.example.com/, lake=http://[::1]:4620';
  expect(loadConfig({ CAIRN_SUBGRAPHS: text }).subgraphs).toEqual({
    events: ['http://10.0.0.5:4610', 'https://events.example.com'],
    lake: ['http://[::1]:4620'],
  });
  expect(loadConfig({}).subgraphs).toEqual({});
});

test.each([
  'events',
  'events=',
  'events=10.0.0.5:4610',
  'events=ftp://a',
  'events=http://a|',
  'events=http://a/path',
  '=http://a',
  'events=http://a,events=http://b',
])('%j is a mistake', (text) => {
  expect(() => loadConfig({ CAIRN_SUBGRAPHS: text })).toThrow(ConfigError);
});
