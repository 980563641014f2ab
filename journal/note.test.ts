import { describe, expect, it } from 'vitest';
import { openCheckpoint, signCheckpoint } from '#journal/checkpoint';
import { encodeVkey, openNote, parseVkey, signNote } from '#journal/note';
import { signingKeyOf } from '#journal/signing-key';

/** The example of Go's golang.org/x/mod/sumdb/note, from which C2SP signed-note comes. */
const VKEY = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
const TEXT =
  "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
const NOTE = `${TEXT}\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n`;

const key = { ...signingKeyOf(Buffer.alloc(32, 3)), name: 'example.log' };

describe('signed notes', () => {
  it('read as C2SP has them', () => {
    const peter = parseVkey(VKEY);
    expect(peter?.name).toBe('PeterNeumann');
    expect(peter && encodeVkey(peter)).toBe(VKEY);
    expect(openNote(NOTE, peter === undefined ? [] : [peter])).toBe(TEXT);
  });

  it('are believed only when a known key has signed just this text', () => {
    const note = signNote('a text\n', key);
    expect(openNote(note, [key])).toBe('a text\n');
    const stranger = { ...key, publicKey: signingKeyOf(Buffer.alloc(32, 4)).publicKey };
    expect(openNote(note, [])).toBeUndefined();
    expect(openNote(note, [stranger])).toBeUndefined();
    expect(openNote(note, [{ ...key, name: 'another.log' }])).toBeUndefined();
    expect(openNote(note.replace('a text', 'b text'), [key])).toBeUndefined();
    expect(openNote(note.trimEnd(), [key])).toBeUndefined();
    expect(openNote(`${note}x\n`, [key])).toBeUndefined();
  });

  it('may carry the signatures of witnesses that nobody here knows', () => {
    const witness = { ...signingKeyOf(Buffer.alloc(32, 5)), name: 'witness' };
    const cosigned = signNote('a text\n', key) + signNote('a text\n', witness).split('\n\n')[1];
    expect(openNote(cosigned, [key])).toBe('a text\n');
    expect(openNote(cosigned, [witness])).toBe('a text\n');
  });

  it('refuse vkeys whose hash, type or length is another', () => {
    expect(parseVkey(VKEY.replace('c74f20a3', 'c74f20a4'))).toBeUndefined();
    expect(parseVkey(VKEY.replace('+AR', '+AA'))).toBeUndefined();
    expect(parseVkey(VKEY.slice(0, -1))).toBeUndefined();
    expect(parseVkey('a b+00000000+AAAA')).toBeUndefined();
  });
});

describe('checkpoints', () => {
  it('come back as signed; another text in a signed note is none', () => {
    const head = { size: 7, root: Buffer.alloc(32, 9) };
    const note = signCheckpoint(head, key);
    expect(note).toMatch(/^example\.log\n7\n[A-Za-z0-9+/]{43}=\n\n— example\.log \S+\n$/);
    expect(openCheckpoint(note, [key])).toEqual({ ...head, origin: 'example.log' });
    for (const text of ['', 'x\n', 'x\n07\nAAAA\n', `x\n-1\n${'A'.repeat(43)}=\n`, 'x\n1\nAAAA\n']) {
      expect(openCheckpoint(signNote(text, key), [key])).toBeUndefined();
    }
  });
});
