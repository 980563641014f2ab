import { openNote, signNote, type NoteKey } from '#journal/note';
import type { TreeHead } from '#journal/merkle/proof';

/** What a log's key signs: how many records there are and the root over them (C2SP tlog-checkpoint). */
export interface Checkpoint extends TreeHead {
  /** The log's UUID. */
  readonly origin: string;
  /** Records. */
  readonly size: number;
  readonly root: Buffer;
}

const DIGITS = 16;
const EPOCH_DIGITS = 8;

/** `checkpoint/<size, 16 digits>`, in the object store. */
export function checkpointKey(size: number): string {
  return `checkpoint/${String(size).padStart(DIGITS, '0')}`;
}

/** A checkpoint in the anchor: its size, and the epoch of the newest of its records. */
export interface AnchorPlace {
  readonly epoch: number;
  readonly size: number;
}

/**
 * `<log>/<size, 16 digits>` in epoch 0, `<log>/<epoch, 8 digits>/<size, 16 digits>` in later ones: the anchor may
 * hold checkpoints of an end that a restore lost, and nothing there is ever written over.
 */
export function anchorKey(origin: string, { epoch, size }: AnchorPlace): string {
  const folder = epoch === 0 ? '' : `${String(epoch).padStart(EPOCH_DIGITS, '0')}/`;
  return `${origin}/${folder}${String(size).padStart(DIGITS, '0')}`;
}

/** Undefined when it is not the key of a checkpoint of this log, to the letter. */
export function parseAnchorKey(origin: string, key: string): AnchorPlace | undefined {
  if (!key.startsWith(`${origin}/`)) return undefined;
  const match = /^(?:(\d{8})\/)?(\d{16})$/.exec(key.slice(origin.length + 1));
  const place = { epoch: Number(match?.[1] ?? 0), size: Number(match?.[2]) };
  return Number.isSafeInteger(place.size) && anchorKey(origin, place) === key ? place : undefined;
}

/** The size in the last part of such a key; undefined when it is none. */
export function sizeOfKey(key: string, prefix: string): number | undefined {
  if (!key.startsWith(prefix)) return undefined;
  const digits = key.slice(prefix.length);
  const size = /^\d{16}$/.test(digits) ? Number(digits) : undefined;
  return Number.isSafeInteger(size) ? size : undefined;
}

/** The note, signed. Ed25519 is deterministic: the same checkpoint has the same bytes wherever it is made. */
export function signCheckpoint(
  head: Pick<Checkpoint, 'size' | 'root'>,
  key: NoteKey & { sign(message: Uint8Array): Buffer },
): string {
  return signNote(`${key.name}\n${head.size}\n${head.root.toString('base64')}\n`, key);
}

/** Undefined unless one of the keys, all of the log `origin`, has signed it and it reads as a checkpoint. */
export function openCheckpoint(note: string, keys: readonly NoteKey[]): Checkpoint | undefined {
  const text = openNote(note, keys);
  return text === undefined ? undefined : parseCheckpoint(text);
}

/** What a checkpoint says, its signature aside. */
export function parseCheckpoint(text: string): Checkpoint | undefined {
  const [origin, sizeText, rootText] = text.split('\n');
  if (origin === undefined || sizeText === undefined || rootText === undefined) return undefined;
  if (!/^(0|[1-9]\d{0,15})$/.test(sizeText)) return undefined;
  const size = Number(sizeText);
  const root = Buffer.from(rootText, 'base64');
  if (!Number.isSafeInteger(size) || root.length !== 32 || root.toString('base64') !== rootText)
    return undefined;
  return { origin, size, root };
}
