import { CairnError } from '#domain/errors';
import { checkpointKey, parseCheckpoint, sizeOfKey } from '#journal/checkpoint';
import { decodeRecord } from '#journal/format/record';
import { uuidText } from '#journal/format/uuid';
import { encodeVkey } from '#journal/note';
import type { ObjectStore } from '#platform/objects/object-store';

export interface TrailsDependencies {
  /** The journal's objects: checkpoints among them. */
  readonly objects: Pick<ObjectStore, 'get' | 'list'>;
  readonly records: {
    /** The records that brought signing keys, oldest first. */
    keyRecords(): Promise<readonly Buffer[]>;
  };
}

export interface SignedCheckpoint {
  readonly origin: string;
  readonly size: number;
  /** Base64. */
  readonly root: string;
  readonly note: string;
}

export interface PublicKey {
  readonly vkey: string;
  readonly sinceRecord: number;
  /** Milliseconds since 1970. */
  readonly since: number;
}

const PREFIX = 'checkpoint/';

/** The log's checkpoints and public keys: what a verifier needs besides the files. */
export class TrailsService {
  /** Newest known size; listing goes on behind it. */
  #newest = 0;
  #looking: Promise<number> | undefined;

  constructor(private readonly dependencies: TrailsDependencies) {}

  async latestCheckpoint(): Promise<SignedCheckpoint | null> {
    this.#looking ??= this.#findNewest().finally(() => {
      this.#looking = undefined;
    });
    return this.checkpoint(await this.#looking);
  }

  /** Null when the log never had just so many records at a checkpoint. */
  async checkpoint(size: number): Promise<SignedCheckpoint | null> {
    if (size < 1) return null;
    const note = (await this.dependencies.objects.get(checkpointKey(size)))?.toString('utf8');
    if (note === undefined) return null;
    const checkpoint = parseCheckpoint(note);
    if (checkpoint === undefined) {
      throw new CairnError('CORRUPT', `${checkpointKey(size)} holds no checkpoint.`);
    }
    return { ...checkpoint, note, root: checkpoint.root.toString('base64') };
  }

  async publicKeys(): Promise<readonly PublicKey[]> {
    const records = await this.dependencies.records.keyRecords();
    return records.flatMap((bytes) => {
      const record = decodeRecord(bytes);
      if (record.kind !== 'key') return [];
      const vkey = encodeVkey({ name: uuidText(record.log), publicKey: record.publicKey });
      return [{ vkey, sinceRecord: record.sequence, since: record.time }];
    });
  }

  async #findNewest(): Promise<number> {
    const after = this.#newest === 0 ? undefined : checkpointKey(this.#newest);
    for await (const key of this.dependencies.objects.list(PREFIX, after)) {
      this.#newest = Math.max(this.#newest, sizeOfKey(key, PREFIX) ?? 0);
    }
    return this.#newest;
  }
}
