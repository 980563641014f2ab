import { Writable } from 'node:stream';
import { expect, it } from 'vitest';
import { OutputGone, printTo } from '#cli/output/print';

function failing(code: string): Writable {
  return new Writable({
    write: (_chunk, _encoding, done) => done(Object.assign(new Error(code), { code })),
  });
}

it('says when the reader of a pipe is gone, at the first write and at later ones', async () => {
  const print = printTo(failing('EPIPE'));
  await expect(print('one')).rejects.toThrow(OutputGone);
  await expect(print('two')).rejects.toThrow(OutputGone);
});

it('takes a closed terminal for a reader who has gone', async () => {
  await expect(printTo(failing('EIO'))('one')).rejects.toThrow(OutputGone);
});

it('hands on every other failure', async () => {
  await expect(printTo(failing('ENOSPC'))('one')).rejects.toThrow('ENOSPC');
});

it('waits until the text is taken', async () => {
  const taken: string[] = [];
  let release = (): void => undefined;
  const slow = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      taken.push(chunk.toString());
      release = done;
    },
  });
  let printed = false;
  const printing = printTo(slow)('one').then(() => (printed = true));
  await Promise.resolve();
  expect([taken, printed]).toEqual([['one'], false]);
  release();
  await printing;
  expect(printed).toBe(true);
});
