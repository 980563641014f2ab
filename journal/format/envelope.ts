import { ByteReader, ByteWriter, writeU64 } from '#journal/format/bytes';

/** What Cairn adds to one event (docs/formats/journal.md, section 2). */
export interface Envelope {
  /** UUID of the log, 16 bytes. */
  readonly log: Buffer;
  readonly epoch: number;
  readonly position: number;
  /** Milliseconds since 1970, UTC. */
  readonly receivedAt: number;
  /** The twelve digits as a number. */
  readonly account: number;
  readonly source: string;
}

export function encodeEnvelope(envelope: Envelope): Buffer {
  return new ByteWriter(112)
    .u8(1)
    .bytes(envelope.log)
    .u32(envelope.epoch)
    .u64(envelope.position)
    .u64(envelope.receivedAt)
    .u64(envelope.account)
    .str8(envelope.source)
    .finish();
}

export function decodeEnvelope(bytes: Buffer): Envelope {
  const reader = new ByteReader(bytes, 'envelope');
  reader.version(1);
  const envelope = {
    log: reader.bytes(16),
    epoch: reader.u32(),
    position: reader.u64(),
    receivedAt: reader.u64(),
    account: reader.u64(),
    source: reader.str8(),
  };
  reader.end();
  return envelope;
}

/**
 * Leaf inputs of many events of one log (`'E' || envelope || commitment`), without an object an event:
 * the fields that change are written over the same bytes. The result is valid until the next call.
 */
export class EventLeafInput {
  readonly #bytes = Buffer.alloc(1 + 46 + 255 + 32);
  readonly #sources = new Map<string, Buffer>();

  constructor(log: Buffer, epoch: number) {
    this.#bytes.write('E', 0, 'latin1');
    this.#bytes.writeUInt8(1, 1);
    log.copy(this.#bytes, 2);
    this.#bytes.writeUInt32BE(epoch, 18);
  }

  /** `commitment`: 32 bytes. */
  encode(event: Omit<Envelope, 'log' | 'epoch'>, commitment: Buffer): Buffer {
    const bytes = this.#bytes;
    writeU64(bytes, event.position, 22);
    writeU64(bytes, event.receivedAt, 30);
    writeU64(bytes, event.account, 38);
    const source = this.#source(event.source);
    bytes.writeUInt8(source.length, 46);
    bytes.set(source, 47);
    bytes.set(commitment, 47 + source.length);
    return bytes.subarray(0, 47 + source.length + 32);
  }

  #source(source: string): Buffer {
    let utf8 = this.#sources.get(source);
    if (utf8 === undefined) {
      if (this.#sources.size >= 1000) this.#sources.clear();
      utf8 = Buffer.from(source, 'utf8');
      this.#sources.set(source, utf8);
    }
    return utf8;
  }
}
