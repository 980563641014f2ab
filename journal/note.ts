import { createPublicKey, hash, verify } from 'node:crypto';

/** Signature type of Ed25519 in C2SP signed-note. */
const ED25519 = 0x01;
/** SubjectPublicKeyInfo of an Ed25519 key before its 32 bytes (RFC 8410). */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
/** Nothing that Cairn signs is near it. */
const MAX_NOTE_BYTES = 64 * 1024;
const SIGNATURE_LINE = /^— (\S+) ([A-Za-z0-9+/]+={0,2})$/;

/** A public key with the name that it signs for (C2SP signed-note). */
export interface NoteKey {
  readonly name: string;
  /** Ed25519, 32 bytes. */
  readonly publicKey: Buffer;
}

/** First 4 bytes of `SHA-256(name || 0A || type || key)`: which key a signature line means. */
function keyHash(key: NoteKey): Buffer {
  const input = Buffer.concat([Buffer.from(`${key.name}\n`), Buffer.of(ED25519), key.publicKey]);
  return hash('sha256', input, 'buffer').subarray(0, 4);
}

/** `name+hash+key`: the text by which people hand on a public key (a vkey). */
export function encodeVkey(key: NoteKey): string {
  const typed = Buffer.concat([Buffer.of(ED25519), key.publicKey]);
  return `${key.name}+${keyHash(key).toString('hex')}+${typed.toString('base64')}`;
}

/** Undefined when it is not the vkey of an Ed25519 key. */
export function parseVkey(text: string): NoteKey | undefined {
  const match = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]{44})$/.exec(text.trim());
  if (match === null) return undefined;
  const [, name = '', hashed, encoded = ''] = match;
  const typed = Buffer.from(encoded, 'base64');
  if (typed.length !== 33 || typed[0] !== ED25519) return undefined;
  const key = { name, publicKey: typed.subarray(1) };
  return keyHash(key).toString('hex') === hashed ? key : undefined;
}

export function verifySignature(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const der = Buffer.concat([SPKI_PREFIX, publicKey]);
  return verify(null, message, createPublicKey({ key: der, format: 'der', type: 'spki' }), signature);
}

/** The text (which ends with a newline), an empty line and one signature. */
export function signNote(text: string, key: NoteKey & { sign(message: Uint8Array): Buffer }): string {
  const signature = Buffer.concat([keyHash(key), key.sign(Buffer.from(text))]);
  return `${text}\n— ${key.name} ${signature.toString('base64')}\n`;
}

/** The note's text when one of the keys has signed it, else undefined. Signatures by unknown keys are passed over. */
export function openNote(note: string, keys: readonly NoteKey[]): string | undefined {
  const split = note.lastIndexOf('\n\n');
  if (note.length > MAX_NOTE_BYTES || split < 0 || !note.endsWith('\n')) return undefined;
  const text = note.slice(0, split + 1);
  const lines = note.slice(split + 2, -1).split('\n');
  let signed = false;
  for (const line of lines) {
    const match = SIGNATURE_LINE.exec(line);
    if (match === null) return undefined;
    const [, name, encoded = ''] = match;
    const bytes = Buffer.from(encoded, 'base64');
    const key = keys.find((one) => one.name === name && keyHash(one).equals(bytes.subarray(0, 4)));
    if (key === undefined) continue;
    if (bytes.toString('base64') !== encoded) return undefined;
    if (!verifySignature(key.publicKey, Buffer.from(text), bytes.subarray(4))) return undefined;
    signed = true;
  }
  return signed ? text : undefined;
}
