import { readUsage, type FrameUsage } from '#subgraphs/lake/segment-usage';
import type { ObjectStore } from '#platform/objects/object-store';

export interface Usage {
  readonly events: number;
  readonly bytes: number;
}

const NOTHING: Usage = { events: 0, bytes: 0 };

/**
 * Events and stored bytes per account, summed up from the log's objects in their order. Kept per data key,
 * because an erasure names the keys that it destroyed. Read once per process and followed from there; each
 * object costs three small reads.
 */
export class StorageTally {
  readonly #byKey = new Map<string, FrameUsage>();
  readonly #keysOf = new Map<string, Set<string>>();
  readonly #destroyed = new Set<string>();
  #last: string | undefined;
  #running: Promise<void> | undefined;

  constructor(private readonly objects: Pick<ObjectStore, 'get' | 'list'>) {}

  async of(account: string): Promise<Usage> {
    await this.#catchUp();
    let usage = NOTHING;
    for (const keyId of this.#keysOf.get(account) ?? []) {
      const { events, bytes } = this.#byKey.get(keyId) ?? NOTHING;
      usage = { events: usage.events + events, bytes: usage.bytes + bytes };
    }
    return usage;
  }

  /** One at a time, whoever asks; what a failure leaves is read by the next call. */
  #catchUp(): Promise<void> {
    this.#running ??= this.#follow().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #follow(): Promise<void> {
    for await (const key of this.objects.list('log/', this.#last)) {
      const usage = await readUsage(this.objects, key);
      if (usage.kind === 'segment') for (const frame of usage.frames) this.#add(frame);
      if (usage.kind === 'erasure') for (const keyId of usage.keys) this.#drop(keyId);
      this.#last = key;
    }
  }

  #add(frame: FrameUsage): void {
    const { keyId, account } = frame;
    // Sealed after its erasure: the frame is there, and nobody can open it.
    if (this.#destroyed.has(keyId)) return;
    const { events, bytes } = this.#byKey.get(keyId) ?? NOTHING;
    this.#byKey.set(keyId, {
      keyId,
      account,
      events: events + frame.events,
      bytes: bytes + frame.bytes,
    });
    const keys = this.#keysOf.get(account);
    if (keys === undefined) this.#keysOf.set(account, new Set([keyId]));
    else keys.add(keyId);
  }

  #drop(keyId: string): void {
    this.#destroyed.add(keyId);
    const usage = this.#byKey.get(keyId);
    if (usage === undefined) return;
    this.#byKey.delete(keyId);
    this.#keysOf.get(usage.account)?.delete(keyId);
  }
}
