import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { startPlatform } from '#test/acceptance/platform';
import { askReadiness, EMBEDDED, type Readiness } from '#test/faults/fault-bed';
import { mountSmallDisk } from '#test/faults/small-disk';
import { examine, faultsOf, metric } from '#test/soak/examine';
import { Load } from '#test/soak/load';

const DISK_MB = 400;
const env = { ...EMBEDDED, CAIRN_SEAL_SECONDS: '1', CAIRN_LOG_LEVEL: 'warn' };

it('asks for patience while the disk of objects and PostgreSQL is full, loses nothing, and goes on', async ({
  skip,
}) => {
  await using open = new AsyncDisposableStack();
  const disk = await mountSmallDisk(DISK_MB);
  // The one thing that may be left out: containers seldom let anybody mount.
  if (typeof disk === 'string') return skip(`not run: no tmpfs can be mounted here (${disk})`);
  open.use(disk);
  const platform = await startPlatform({ dataDir: join(disk.folder, 'data'), env });
  open.defer(async () => void (await platform.stop()));
  const load = new Load(() => platform, 7, 200);
  open.defer(() => load.abandon());
  load.start();
  await load.more(5);
  await disk.fill();
  await load.putOff(5);
  while (!saysSo(await askReadiness(platform))) await delay(50);
  while ((await metric(platform, 'cairn_check_ok', { check: 'recording' })) !== 0) await delay(50);
  await disk.free();
  await load.more(5);
  while ((await askReadiness(platform)).status !== 'ready') await delay(50);
  await load.stop();
  const examined = await examine(platform, load.acknowledged, { env });
  expect(faultsOf(examined)).toEqual([]);
  expect([...load.refusals.keys()].filter((kind) => !['429', '503'].includes(kind))).toEqual([]);
}, 300_000);

/** A full disk may take the rest along, too, when PostgreSQL cannot write its log. */
function saysSo({ status, checks }: Readiness): boolean {
  return status !== 'ready' && checks['recording'] === 'failing';
}
