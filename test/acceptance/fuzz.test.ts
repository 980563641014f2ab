import { expect, test } from 'vitest';
import { startPlatform } from '#test/acceptance/platform';
import { fuzzPlatform } from '#test/fuzz/fuzz-platform';

test('two thousand hostile inputs are refused or handled: nothing shown, nothing lost, nothing dead', async () => {
  await using platform = await startPlatform({
    env: { CAIRN_LOG_LEVEL: 'debug', CAIRN_SEAL_SECONDS: '2', CAIRN_QUERY_COST_PER_MINUTE: '0' },
  });
  const report = await fuzzPlatform(platform, { seed: 5, inputs: 2_000 });
  expect(report.findings).toEqual([]);
  expect(report.inputs).toBe(2_000);
  expect(Object.keys(report.byKind).length).toBeGreaterThan(10);
  expect(report.acknowledged).toBeGreaterThan(200);
}, 600_000);
