import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ErasureScope, JournalEvent, Place } from '#journal/types';
import { hasCode } from '#platform/files';
import type { Projection, Successor } from '#projections/projection';
import { ArrayJournal, type TestEvent } from '#test/array-journal';

/** Storage that outlives the projections that work on it. */
export interface ProjectionBed {
  /** A projection over the storage, as a new process would make it; `init` is called by the suite. */
  open(): Projection;
  /** All that readers can see, in a form that `toEqual` compares. */
  content(): Promise<unknown>;
  /** Folders in which nothing of an erased event may be found; asked after each change. */
  folders(): Promise<readonly string[]>;
  /** What the storage holds of this event and of no other; by default the end of its id. */
  traceOf?(event: JournalEvent): string;
  remove(): Promise<void>;
}

const DECEMBER = Date.UTC(2025, 11, 1);
const ACCOUNTS = ['111111111111', '222222222222', '333333333333'] as const;
const ERASED = ACCOUNTS[1];
const EVENTS = 900;

/** What holds for every projection, however its storage works. */
export function describeProjection(name: string, createBed: () => Promise<ProjectionBed>): void {
  describe(`${name} is a Projection`, { timeout: 240_000 }, () => {
    let bed: ProjectionBed;
    let projection: Projection;
    let journal: ArrayJournal;

    beforeEach(async () => {
      bed = await createBed();
      projection = bed.open();
      await projection.init();
      journal = new ArrayJournal();
      for (let index = 0; index < EVENTS; index += 1) journal.add(testEvent(index));
    });
    afterEach(async () => {
      await projection.close();
      await bed.remove();
    });

    const marksOf = ({ account, before }: ErasureScope): string[] =>
      journal
        .all()
        .filter((event) => event.account === account && (before === undefined || event.eventTime < before))
        .map((event) => bed.traceOf?.(event) ?? endOfMark(event));

    /** The content that the journal, as it is now, leads to. */
    const fresh = async (): Promise<unknown> => {
      const other = await createBed();
      const copy = other.open();
      await copy.init();
      await project(copy, journal);
      const content = await other.content();
      await copy.close();
      await other.remove();
      return content;
    };

    it('begins at the first position', async () => {
      expect(await projection.cursor()).toEqual({ epoch: 0, position: 0 });
    });

    it('moves its cursor with what it writes, over positions without an event too', async () => {
      journal.erase({ account: ACCOUNTS[0], before: undefined });
      await project(projection, journal, 7);
      expect(await projection.cursor()).toEqual(await journal.head());
    });

    it('comes to the same content with slices of any size', async () => {
      const want = await fresh();
      for (const limit of [13, EVENTS * 2]) {
        await projection.reset();
        await project(projection, journal, 1, 100);
        await project(projection, journal, limit);
        expect(await bed.content()).toEqual(want);
      }
    });

    it('comes to the same content when slices are written again', async () => {
      await project(projection, journal);
      const want = await bed.content();
      let from: Place = { epoch: 0, position: 0 };
      for (let behind = 1; behind > 0;) {
        const slice = await journal.read(from, 500);
        await projection.write(slice);
        await projection.write(slice);
        ({ next: from, behind } = slice);
      }
      expect(await bed.content()).toEqual(want);
      expect(await projection.cursor()).toEqual(await journal.head());
    });

    it('writes all of a slice or nothing', async () => {
      await project(projection, journal, 200, 2);
      const [content, cursor] = [await bed.content(), await projection.cursor()];
      const slice = await journal.read(cursor, 300);
      const broken = slice.events.with(200, unreadable(slice.events[200]));
      await expect(projection.write({ ...slice, events: broken })).rejects.toThrow('cannot be read');
      expect(await bed.content()).toEqual(content);
      expect(await projection.cursor()).toEqual(cursor);
      await project(projection, journal);
      expect(await bed.content()).toEqual(await fresh());
    });

    it('goes on after its process was lost', async () => {
      await project(projection, journal, 300, 2);
      const lost = projection;
      projection = bed.open();
      await projection.init();
      expect(await projection.cursor()).toEqual({ epoch: 0, position: 600 });
      await project(projection, journal);
      expect(await bed.content()).toEqual(await fresh());
      await lost.close();
    });

    it('is empty after a reset and comes to the same content again', async () => {
      const empty = await bed.content();
      await project(projection, journal);
      const want = await bed.content();
      expect(want).not.toEqual(empty);
      await projection.reset();
      expect(await bed.content()).toEqual(empty);
      expect(await projection.cursor()).toEqual({ epoch: 0, position: 0 });
      await project(projection, journal);
      expect(await bed.content()).toEqual(want);
    });

    const scopes: readonly ErasureScope[] = [
      { account: ERASED, before: undefined },
      { account: ERASED, before: DECEMBER },
    ];
    it.each(scopes)('erases events without a trace, and only those: %o', async (scope) => {
      await project(projection, journal, 100);
      const marks = marksOf(scope);
      const others = marksOf({ account: ACCOUNTS[0], before: undefined });
      expect(marks.length).toBeGreaterThan(100);
      expect((await marksIn(await bed.folders(), marks)).length).toBeGreaterThan(marks.length / 2);
      const foundOfOthers = await marksIn(await bed.folders(), others);
      journal.erase(scope);
      await projection.erase(scope);
      expect(await marksIn(await bed.folders(), marks)).toEqual([]);
      expect(await marksIn(await bed.folders(), others)).toEqual(foundOfOthers);
      expect(await bed.content()).toEqual(await fresh());
      // A second time, and after events that follow, nothing else happens.
      await projection.erase(scope);
      journal.add(...Array.from({ length: 50 }, (_, index) => testEvent(EVENTS + index)));
      await project(projection, journal);
      expect(await bed.content()).toEqual(await fresh());
    });

    it('does not bring erased events back when slices are written again', async () => {
      const slice = await journal.read(await projection.cursor(), EVENTS);
      await projection.write(slice);
      journal.erase({ account: ERASED, before: undefined });
      await projection.erase({ account: ERASED, before: undefined });
      await projection.write(slice);
      expect(await bed.content()).toEqual(await fresh());
    });

    it('answers as before while a successor is built, and as the successor from one moment on', async () => {
      await project(projection, journal);
      const want = await bed.content();
      const successor = await projection.startRebuild?.();
      if (successor === undefined) return;
      await project(successor, journal, 500);
      expect(await bed.content()).toEqual(want);
      await projection.erase({ account: ERASED, before: undefined });
      await successor.erase({ account: ERASED, before: undefined });
      const marks = marksOf({ account: ERASED, before: undefined });
      journal.erase({ account: ERASED, before: undefined });
      expect(await marksIn(await bed.folders(), marks)).toEqual([]);
      await successor.publish();
      expect(await bed.content()).toEqual(await fresh());
      journal.add(testEvent(EVENTS));
      await project(projection, journal);
      expect(await bed.content()).toEqual(await fresh());
    });

    it('stays as it is when a rebuild is abandoned or lost', async () => {
      await project(projection, journal);
      const want = await bed.content();
      const successor = await projection.startRebuild?.();
      if (successor === undefined) return;
      await project(successor, journal, 500, 1);
      await successor.abandon();
      const second = await projection.startRebuild?.();
      await second?.write(await journal.read({ epoch: 0, position: 0 }, 100));
      const lost = projection;
      projection = bed.open();
      await projection.init();
      expect(await bed.content()).toEqual(want);
      expect(await projection.cursor()).toEqual(await journal.head());
      await lost.close();
    });
  });
}

/** Every event has marks of its own, in fields and in words. */
function testEvent(index: number): TestEvent {
  const mark = markOf(index);
  const account = ACCOUNTS[index % ACCOUNTS.length] ?? ERASED;
  const eventTime = DECEMBER + ((index % 40) - 20) * 86_400_000 + index * 1000;
  return {
    account,
    eventId: `event-${mark}`,
    eventTime,
    record: {
      eventTime: new Date(eventTime).toISOString(),
      eventID: `event-${mark}`,
      eventName: `Do${index % 5}`,
      eventSource: 's3.amazonaws.com',
      awsRegion: 'eu-central-1',
      sourceIPAddress: `10.1.${index % 7}.${index % 250}`,
      userAgent: `agent ${mark}`,
      userIdentity: {
        type: 'IAMUser',
        userName: `name-${mark}`,
        arn: `arn:aws:iam::${account}:user/${mark}`,
      },
      resources: [{ type: 'AWS::S3::Object', ARN: `arn:aws:s3:::bucket/${mark}` }],
      requestParameters: { key: `word ${mark}`, [`${mark}key`]: 1 },
    },
  };
}

/** 16 digits without a pattern: a remnant of it is not a remnant of another. */
function markOf(index: number): string {
  let [high, low] = [index + 1, index ^ 0x5bd1e995];
  for (let round = 0; round < 5; round += 1) {
    high = Math.imul(high ^ (low >>> 7), 0x85ebca6b) ^ round;
    low = Math.imul(low ^ (high >>> 9), 0xc2b2ae35) + index;
  }
  const hex = (part: number): string => (part >>> 0).toString(16).padStart(8, '0');
  return hex(high) + hex(low);
}

/** The last characters of the marks: indexes may share the beginnings of neighbours. */
function endOfMark({ eventId }: JournalEvent): string {
  return eventId.slice(-9);
}

/** All files as of one look: a service that merges its files meanwhile takes some away, and what they held is in others. */
async function filesIn(folder: string): Promise<Buffer[]> {
  for (;;) {
    try {
      const entries = await readdir(folder, { recursive: true, withFileTypes: true });
      const files = entries.filter((entry) => entry.isFile());
      return await Promise.all(files.map(({ parentPath, name }) => readFile(join(parentPath, name))));
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) throw error;
    }
  }
}

async function marksIn(folders: readonly string[], marks: readonly string[]): Promise<string[]> {
  const contents = (await Promise.all(folders.map(filesIn))).flat();
  return marks.filter((mark) =>
    [Buffer.from(mark), Buffer.from(mark, 'utf16le')].some((bytes) =>
      contents.some((content) => content.includes(bytes)),
    ),
  );
}

function unreadable(event: JournalEvent | undefined): JournalEvent {
  if (event === undefined) throw new Error('The slice is too short for the test.');
  return {
    ...event,
    get raw(): Buffer {
      throw new Error('This event cannot be read.');
    },
  };
}

async function project(
  projection: Projection | Successor,
  journal: ArrayJournal,
  limit = 250,
  slices = Infinity,
): Promise<void> {
  for (let count = 0; count < slices; count += 1) {
    const slice = await journal.read(await projection.cursor(), limit);
    await projection.write(slice);
    if (slice.behind === 0) return;
  }
}
