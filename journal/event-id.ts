import { createCipheriv, createDecipheriv, type Cipheriv, type Decipheriv } from 'node:crypto';
import type { Place } from '#journal/types';

/** The label under which the key is derived from the master key. */
export const EVENT_ID_KEY = 'event-id';

/** 128 bits in base64url. */
const TOKEN = /^[A-Za-z0-9_-]{21}[AQgw]$/;
const POSITIONS = 2 ** 48;
const SECONDS = 2 ** 40;
const EPOCHS = 2 ** 16;

/** What an event's id stands for. */
export interface EventRef {
  readonly place: Place;
  /** Seconds since 1970: where event history finds it. */
  readonly eventSeconds: number;
}

/**
 * Ids of events for the world outside: a plain position would tell one tenant how much the others write. One
 * AES block over epoch (u16), position (u48), event time (u40, seconds) and 24 zero bits, by which an id that
 * nobody gave out is recognised. The same event always has the same id.
 */
export class EventIds {
  readonly #cipher: Cipheriv;
  readonly #decipher: Decipheriv;
  readonly #block = Buffer.alloc(16);

  /** `key`: 32 bytes derived as EVENT_ID_KEY; the first 16 are used. */
  constructor(key: Buffer) {
    const secret = key.subarray(0, 16);
    // A block cipher used on single blocks: the objects keep no state from one to the next.
    this.#cipher = createCipheriv('aes-128-ecb', secret, null).setAutoPadding(false);
    this.#decipher = createDecipheriv('aes-128-ecb', secret, null).setAutoPadding(false);
  }

  /** `eventTime`: milliseconds since 1970. */
  encode({ epoch, position }: Place, eventTime: number): string {
    const seconds = Math.floor(eventTime / 1000);
    if (epoch >= EPOCHS || position >= POSITIONS || seconds >= SECONDS || seconds < 0) {
      throw new RangeError('no event is there');
    }
    const block = this.#block;
    block.writeUInt16BE(epoch, 0);
    block.writeUIntBE(position, 2, 6);
    block.writeUIntBE(seconds, 8, 5);
    block.fill(0, 13);
    return this.#cipher.update(block).toString('base64url');
  }

  /** Undefined when the text is not an id that `encode` gave out. */
  decode(id: string): EventRef | undefined {
    if (!TOKEN.test(id)) return undefined;
    const block = this.#decipher.update(Buffer.from(id, 'base64url'));
    if (block.readUIntBE(13, 3) !== 0) return undefined;
    const place = { epoch: block.readUInt16BE(0), position: block.readUIntBE(2, 6) };
    return { place, eventSeconds: block.readUIntBE(8, 5) };
  }
}
