import type { CheckpointReader, SignedCheckpoint as Checkpoint } from '#journal/checkpoint-reader';

export interface SignedCheckpoint {
  /** The log's UUID. */
  readonly origin: string;
  /** How many records it covers. */
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

/** The log's checkpoints and public keys: what a verifier needs besides the files. */
export class TrailsService {
  constructor(private readonly checkpoints: Pick<CheckpointReader, 'latest' | 'at' | 'publicKeys'>) {}

  async latestCheckpoint(): Promise<SignedCheckpoint | null> {
    return shown(await this.checkpoints.latest());
  }

  /** Null when the log never had just so many records at a checkpoint. */
  async checkpoint(size: number): Promise<SignedCheckpoint | null> {
    return size < 1 ? null : shown(await this.checkpoints.at(size));
  }

  /** Oldest first; the last one signs now. */
  async publicKeys(): Promise<readonly PublicKey[]> {
    const keys = await this.checkpoints.publicKeys();
    return keys.map(({ vkey, sequence, since }) => ({ vkey, sinceRecord: sequence, since }));
  }
}

function shown(checkpoint: Checkpoint | undefined): SignedCheckpoint | null {
  return checkpoint ? { ...checkpoint, root: checkpoint.root.toString('base64') } : null;
}
