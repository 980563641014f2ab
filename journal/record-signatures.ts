import {
  decodeRecord,
  encodeRecord,
  epochRecordPreimage,
  keyRecordPreimage,
  NO_SIGNATURE,
  type EpochFields,
  type KeyFields,
  type RecordHead,
  type RecordPlace,
} from '#journal/format/record';
import { verifySignature } from '#journal/note';
import type { SigningKey } from '#journal/signing-key';

/** A record that names a new signing key, signed by it and by the one before (none for a log's first). */
export function signKeyRecord(place: RecordPlace, key: SigningKey, previous: SigningKey | undefined): Buffer {
  const preimage = keyRecordPreimage(place, key.publicKey);
  return encodeRecord(place, {
    kind: 'key',
    publicKey: key.publicKey,
    signature: key.sign(preimage),
    previousSignature: previous?.sign(preimage) ?? NO_SIGNATURE,
  });
}

export function signEpochRecord(
  place: RecordPlace,
  fields: Omit<EpochFields, 'signature'>,
  key: SigningKey,
): Buffer {
  return encodeRecord(place, {
    kind: 'epoch',
    ...fields,
    signature: key.sign(epochRecordPreimage(place, fields)),
  });
}

/** `before`: the key record before this one, undefined when this is the first. */
export function keyRecordIsSigned(
  bytes: Buffer,
  record: RecordHead & KeyFields,
  before: Buffer | undefined,
): boolean {
  const preimage = keyRecordPreimage(record, record.publicKey);
  if (!bytes.subarray(0, preimage.length).equals(preimage)) return false;
  if (!verifySignature(record.publicKey, preimage, record.signature)) return false;
  if (before === undefined) return record.previousSignature.equals(NO_SIGNATURE);
  const old = decodeRecord(before);
  return old.kind === 'key' && verifySignature(old.publicKey, preimage, record.previousSignature);
}

export function epochRecordIsSigned(record: RecordHead & EpochFields, publicKey: Buffer): boolean {
  return verifySignature(publicKey, epochRecordPreimage(record, record), record.signature);
}
