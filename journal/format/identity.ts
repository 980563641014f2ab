import { hashInto, writeU64 } from '#journal/format/bytes';

const HOUR = 3_600_000;

/** Hours since 1970 of an event's time: the part of an identity that keeps inserts local. */
export function hourOf(eventTime: number): number {
  return Math.floor(eventTime / HOUR);
}

/**
 * Hashes that recognise an event (docs/formats/journal.md, section 1): the identity key says that two events
 * claim to be the same, the content hash that they are, byte for byte. Holds scratch memory, not for sharing.
 */
export class Identities {
  /** `18 || account || eventID`. */
  #identity: Buffer = Buffer.alloc(1024);
  /** `19 || content secret || bytes`. */
  #content: Buffer = Buffer.alloc(16 * 1024);
  readonly #digest = Buffer.alloc(32);

  /** `contentSecret`: 32 bytes derived from the master key. */
  constructor(contentSecret: Buffer) {
    this.#identity.writeUInt8(0x18, 0);
    this.#content.writeUInt8(0x19, 0);
    this.#content.set(contentSecret, 1);
  }

  /** 16 bytes into `target`. */
  identityKey(account: number, eventId: string, target: Buffer, offset: number): void {
    const most = 9 + eventId.length * 3;
    if (this.#identity.length < most) this.#identity = grown(this.#identity, most, 1);
    writeU64(this.#identity, account, 1);
    const length = this.#identity.write(eventId, 9, 'utf8');
    hashInto(this.#identity.subarray(0, 9 + length), this.#digest, 0);
    this.#digest.copy(target, offset, 0, 16);
  }

  /** 8 bytes into `target`. */
  contentHash(raw: Buffer, target: Buffer, offset: number): void {
    const length = 33 + raw.length;
    if (this.#content.length < length) this.#content = grown(this.#content, length, 33);
    this.#content.set(raw, 33);
    hashInto(this.#content.subarray(0, length), this.#digest, 0);
    this.#digest.copy(target, offset, 0, 8);
  }
}

function grown(buffer: Buffer, least: number, keep: number): Buffer {
  const larger = Buffer.alloc(least * 2);
  buffer.copy(larger, 0, 0, keep);
  return larger;
}
