import { CairnError } from '#domain/errors';
import { CheckpointReader } from '#journal/checkpoint-reader';
import { signNote } from '#journal/note';
import type { Sealer } from '#journal/seal';
import { loadSigningKey } from '#journal/signing-key';
import { RecordStore } from '#journal/store/record-store';
import type { Pool } from '#platform/db';
import type { KeyProvider } from '#platform/keys';
import type { ObjectStore } from '#platform/objects/object-store';

interface SignerDeps {
  readonly pool: Pool;
  readonly objects: ObjectStore;
  readonly keyObjects: ObjectStore;
  readonly keys: KeyProvider;
  readonly sealer: Pick<Sealer, 'sealTail'>;
}

/** Signs statements about the log with the key that signs its checkpoints. */
export class LogSigner {
  readonly #deps: SignerDeps;
  readonly #checkpoints: CheckpointReader;

  constructor(deps: SignerDeps) {
    this.#deps = deps;
    this.#checkpoints = new CheckpointReader(deps.pool, deps.objects);
  }

  /**
   * The newest checkpoint, over the segments of all events before this position; seals the tail when they are
   * still in it. UNAVAILABLE while the checkpoint is not out.
   */
  async checkpointOver(position: number): Promise<string> {
    const sequence = await this.#sequenceOf(position);
    const checkpoint = await this.#checkpoints.latest();
    if (checkpoint !== undefined && checkpoint.size > sequence) return checkpoint.note;
    throw new CairnError('UNAVAILABLE', 'The checkpoint over these events is not published yet.', {
      retryAfter: 2,
    });
  }

  /** The text, which ends with a newline, as a note of the log (C2SP signed-note). */
  async sign(textOf: (log: string) => string): Promise<string> {
    const key = (await this.#checkpoints.publicKeys()).at(-1);
    if (key === undefined) throw new CairnError('UNAVAILABLE', 'The log has no key yet.', { retryAfter: 2 });
    const signer = await loadSigningKey(this.#deps.keyObjects, this.#deps.keys, key.publicKey);
    return signNote(textOf(key.name), { ...signer, name: key.name });
  }

  async #sequenceOf(position: number): Promise<number> {
    if (position === 0) return 0;
    const records = new RecordStore(this.#deps.pool);
    const find = async (): Promise<number | undefined> =>
      (await records.segmentsOf([position - 1]))[0]?.sequence;
    const sealed = await find();
    if (sealed !== undefined) return sealed;
    await this.#deps.sealer.sealTail({ force: true });
    const found = await find();
    if (found !== undefined) return found;
    throw new CairnError('UNAVAILABLE', 'The tail is not sealed yet.', { retryAfter: 2 });
  }
}
