import { afterAll, beforeAll, expect, it } from 'vitest';
import { openJournal } from '#journal/journal';
import type { OpenJournal } from '#journal/journal';
import { ServiceUnavailable } from '#platform/service-unavailable';
import { appendEvents, createLogBed, testEvent } from '#test/log-bed';
import type { LogBed } from '#test/log-bed';
import { MemoryObjects } from '#test/memory-objects';

const KNOWN = '111122223333';
const TIME = Date.UTC(2026, 9, 5);

/** A key store that can be away; it counts who asks. */
class Keys extends MemoryObjects {
  away = false;
  asked = 0;

  override async putIfAbsent(key: string, bytes: Uint8Array): Promise<boolean> {
    this.#ask();
    return super.putIfAbsent(key, bytes);
  }

  override async get(key: string): Promise<Buffer | undefined> {
    this.#ask();
    return super.get(key);
  }

  #ask(): void {
    this.asked++;
    if (this.away) throw new ServiceUnavailable('S3');
  }
}

let bed: LogBed;
let keyObjects: Keys;
let journal: OpenJournal;
const open = (): Promise<OpenJournal> =>
  openJournal({ ...bed.deps, keyObjects }, { recover: keyObjects.objects.size === 0 });

beforeAll(async () => {
  bed = await createLogBed();
  keyObjects = new Keys();
  journal = await open();
});
afterAll(async () => {
  await journal.close();
  await bed.remove();
});

it('goes on for accounts whose keys are in memory while their store is away; others are UNAVAILABLE', async () => {
  await appendEvents(journal, [testEvent(KNOWN, 0, { time: TIME })]);
  keyObjects.away = true;
  keyObjects.asked = 0;
  const accounts = Array.from({ length: 40 }, (_, at) => (at % 2 === 0 ? KNOWN : `4444555566${at + 10}`));
  const results = await Promise.allSettled(
    accounts.map((account, at) => appendEvents(journal, [testEvent(account, at + 1, { time: TIME })])),
  );
  for (const [at, result] of results.entries()) {
    if (accounts[at] === KNOWN) {
      expect(result).toMatchObject({ status: 'fulfilled', value: [{ result: 'RECORDED' }] });
    } else {
      expect(result).toMatchObject({
        status: 'rejected',
        reason: { code: 'UNAVAILABLE', retryAfter: 5, cause: { service: 'S3' } },
      });
    }
  }
  // The first failure stands for the next ones: of 20 keys 16 are asked for at once, and none once more.
  expect(keyObjects.asked).toBeLessThan(35);

  const other = await open();
  await expect(other.read({ epoch: 0, position: 0 }, 10)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  keyObjects.away = false;
  expect((await other.read({ epoch: 0, position: 0 }, 100)).events).toHaveLength(21);
  const late = await appendEvents(other, [testEvent('444455556611', 2, { time: TIME })]);
  expect(late).toMatchObject([{ result: 'RECORDED' }]);
  await other.close();
});
