import { uuidText } from '#journal/format/uuid';
import type { NoteKey } from '#journal/note';
import { Findings, type Finding, type PositionRange } from '#journal/verify/finding';
import { KeyCheck } from '#journal/verify/key-check';
import { LogCheck } from '#journal/verify/log-check';
import { leafInTile, leafOf, logIdentity, walkLog, type WalkedObject } from '#journal/verify/log-walk';
import { LogTree, type LeafCandidate } from '#journal/verify/log-tree';
import { SignedHeads } from '#journal/verify/signed-heads';
import { checkTiles } from '#journal/verify/tiles-check';
import type { SourceCounters } from '#journal/types';
import type { KeyProvider } from '#platform/keys';
import type { ObjectReader } from '#platform/objects/object-store';

export interface VerifyOptions {
  readonly objects: ObjectReader;
  readonly keyObjects: ObjectReader;
  /** Without it a newest segment that was dropped together with its checkpoint is not noticed. */
  readonly anchor?: ObjectReader;
  /** With the master key the events themselves are held against their commitments. */
  readonly keys?: KeyProvider;
  /** Public keys that the log must have begun with, or changed to; without them its own first key is believed. */
  readonly trusted?: readonly NoteKey[];
  /** Only segments that hold some of these positions are read whole; the log's records always are. */
  readonly range?: PositionRange;
  readonly onFinding?: (finding: Finding) => void;
  readonly onProgress?: (progress: VerifyProgress) => void;
}

export interface VerifyProgress {
  readonly records: number;
  /** Events whose segments were read. */
  readonly events: number;
  readonly bytes: number;
}

export interface VerifyReport {
  /** The log's UUID; undefined when there is no record to tell it. */
  readonly log: string | undefined;
  /** Nothing is missing and nothing was tampered with. */
  readonly ok: boolean;
  readonly records: number;
  /** Newest records that no checkpoint covers yet. */
  readonly unsigned: number;
  /** Positions 0 to `position` are sealed. */
  readonly position: number;
  /** Events in the segments that were read. */
  readonly events: number;
  readonly erased: number;
  readonly bytes: number;
  /** The first 1,000 findings, in the order of finding. */
  readonly findings: readonly Finding[];
  readonly counts: Readonly<Record<Finding['kind'], number>>;
  /** What the segments count per source; only of a whole verification. */
  readonly counters: readonly SourceCounters[];
}

/**
 * Checks a journal offline, from its objects alone: every object against index, record, chain, tree, checkpoints,
 * tiles and anchor, every data key against the erasure records, and with the master key every event. Reads one
 * object at a time; memory grows by 32 bytes a record and a line an account's month.
 */
export async function verifyJournal(options: VerifyOptions): Promise<VerifyReport> {
  const findings = new Findings(options.onFinding);
  const walk = walkLog(options.objects, findings);
  const first = await walk.next();
  if (first.done === true) return emptyReport(options, findings);
  const keys = new KeyCheck(options.keyObjects, options.keys, findings);
  const log = await logIdentity(options.objects);
  const heads = await SignedHeads.list(
    { objects: options.objects, anchor: options.anchor },
    log === undefined ? '' : uuidText(log),
    findings,
  );
  const check = new LogCheck(options, { findings, keys, log });
  await check.findSpareKeys();
  const tree = new LogTree();
  let current: WalkedObject | undefined = first.value;
  while (current !== undefined) {
    const next = await walk.next();
    const following: WalkedObject | undefined = next.done === true ? undefined : next.value;
    await fillGap(tree, current.sequence, { options, heads, check, findings, following: current });
    await checkOne(tree, current, { options, heads, check, findings, following });
    current = following;
  }
  await heads.beyond({ epoch: check.epoch, size: tree.size }, check.signers, (sequence, where) => {
    findings.missing(`objects:log record ${sequence}`, `${where} covers a record that is not there`);
  });
  const signed = Math.min(tree.size, heads.newest);
  await checkTiles(options.objects, { leaves: tree.leaves, signed }, findings);
  const erased = await keys.finish(check.signingKeys);
  check.checkTrust();
  const { missing, tampered } = findings.counts;
  return {
    log: log === undefined ? undefined : uuidText(log),
    ok: missing === 0 && tampered === 0,
    records: tree.size,
    unsigned: Math.max(0, tree.size - heads.newest),
    ...check.totals(),
    erased,
    findings: findings.list,
    counts: findings.counts,
  };
}

interface Around {
  readonly options: VerifyOptions;
  readonly heads: SignedHeads;
  readonly check: LogCheck;
  readonly findings: Findings;
  /** The object after the one at hand: it names that one's hash. */
  readonly following: WalkedObject | undefined;
}

async function fillGap(tree: LogTree, to: number, around: Around): Promise<void> {
  while (tree.size < to) {
    const sequence = tree.size;
    around.findings.missing(`objects:log record ${sequence}`, 'an object of the log is missing');
    around.check.skip();
    const { following, check } = around;
    const epoch = following?.record?.kind === 'epoch' ? check.epoch : (following?.epoch ?? check.epoch);
    const place = { epoch, size: sequence + 1 };
    const signed = await around.heads.at(place, around.check.signers);
    const neighbour = sequence + 1 === to ? around.following : undefined;
    tree.append(await spareLeaves(sequence, { ...around, following: neighbour }), signed);
  }
}

async function checkOne(tree: LogTree, walked: WalkedObject, around: Around): Promise<void> {
  const { check, findings, heads } = around;
  const own = leafOf(walked);
  check.takeKey(walked);
  const signed = await heads.at({ epoch: walked.epoch, size: walked.sequence + 1 }, check.signers);
  const candidates: LeafCandidate[] = own === undefined ? [] : [{ leaf: own, from: 'record' }];
  candidates.push(...(await spareLeaves(walked.sequence, around)));
  const { from, agrees } = tree.append(candidates, signed);
  const trusted = from === 'record' && agrees;
  if (!trusted) {
    const range =
      walked.head === undefined ? { offset: 0, length: walked.start.length } : recordRange(walked.head);
    const message =
      agrees || own === undefined
        ? 'not the record that was signed'
        : 'the record does not lead to the signed root';
    findings.tampered(`objects:${walked.key}`, message, range);
  }
  const previous = walked.sequence === 0 ? Buffer.alloc(32) : tree.leaves.subarray(-64, -32);
  await check.object(walked, { previous, trusted });
}

/** From the object's first byte up to its body. */
function recordRange(head: { readonly bodyOffset: number }): { offset: number; length: number } {
  return { offset: 0, length: head.bodyOffset };
}

/** What tiles and the next record say that this one's hash is. */
async function spareLeaves(sequence: number, { options, following }: Around): Promise<LeafCandidate[]> {
  const found: LeafCandidate[] = [];
  const tile = await leafInTile(options.objects, sequence);
  if (tile !== undefined) found.push({ leaf: tile, from: 'tile' });
  if (following?.record !== undefined && following.sequence === sequence + 1) {
    found.push({ leaf: following.record.previous, from: 'next' });
  }
  return found;
}

/** No object of the log: right only where nothing else is either, the anchor's checkpoints included. */
async function emptyReport(options: VerifyOptions, findings: Findings): Promise<VerifyReport> {
  const traces = [
    { name: 'objects', store: options.objects, prefix: 'checkpoint/' },
    { name: 'objects', store: options.objects, prefix: 'tile/' },
    { name: 'anchor', store: options.anchor, prefix: '' },
  ];
  for (const { name, store, prefix } of traces) {
    for await (const key of store?.list(prefix) ?? []) {
      findings.missing('objects:log record 0', `${name}:${key} is there, but no object of the log`);
      break;
    }
  }
  const { missing, tampered } = findings.counts;
  return {
    log: undefined,
    ok: missing === 0 && tampered === 0,
    records: 0,
    unsigned: 0,
    position: 0,
    events: 0,
    erased: 0,
    bytes: 0,
    findings: findings.list,
    counts: findings.counts,
    counters: [],
  };
}
