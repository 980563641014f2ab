// A second reader of the journal's format, written from docs/formats/journal.md alone: no code of the product.
// node reader.mjs <folder with objects/ keys/ anchor/ master.key> [position] prints what it found as JSON.
import { createDecipheriv, createHash, createPublicKey, hkdfSync, verify } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';

const [, , folder, wanted] = process.argv;
const problems = [];
const check = (where, condition, what) => condition || problems.push(`${where}: ${what}`);
const H = (...parts) => createHash('sha256').update(Buffer.concat(parts)).digest();
const leaf = (x) => H(Buffer.of(0), x);
const digits = (number, length) => String(number).padStart(length, '0');
const uuid = (b) => b.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
const monthOf = (ms) => (new Date(ms).getUTCFullYear() - 1970) * 12 + new Date(ms).getUTCMonth();

function root(hashes) {
  if (hashes.length < 2) return hashes[0] ?? H();
  let split = 1;
  while (split * 2 < hashes.length) split *= 2;
  return H(Buffer.of(1), root(hashes.slice(0, split)), root(hashes.slice(split)));
}
class Fields {
  at = 0;
  constructor(bytes) {
    this.bytes = bytes;
  }
  take(size) {
    if (this.at + size > this.bytes.length) throw new Error('cut short');
    return this.bytes.subarray(this.at, (this.at += size));
  }
  int(size) {
    return size === 8 ? Number(this.take(8).readBigUInt64BE()) : this.take(size).readUIntBE(0, size);
  }
  times(count, read) {
    return Array.from({ length: count }, () => read(this));
  }
  /** 'a4 b*32': an integer of 4 bytes, then 32 bytes as they are. */
  struct(spec) {
    const fields = spec.split(' ').map((field) => /^([a-z]+)(\*?)(\d+)$/i.exec(field));
    return Object.fromEntries(fields.map(([, name, raw, n]) => [name, raw ? this.take(+n) : this.int(+n)]));
  }
}
/** Integers as [size, value], bytes as they are, one after another. */
function bytes(...parts) {
  const encode = ([size, value]) => Buffer.from(value.toString(16).padStart(size * 2, '0'), 'hex');
  return Buffer.concat(parts.map((part) => (Array.isArray(part) ? encode(part) : Buffer.from(part))));
}

const exists = (...path) => statSync(join(folder, ...path), { throwIfNoEntry: false })?.isFile() === true;
const read = (...path) => (exists(...path) ? readFileSync(join(folder, ...path)) : undefined);
function files(...path) {
  const names = readdirSync(join(folder, ...path), { recursive: true });
  return names.filter((name) => exists(...path, name)).sort();
}
const RECORDS = {
  1: 'first8 events4 blocks4 blockRoot*32 entries*32 index*32 ledger*32 chain*32 from8 to8',
  2: 'account8 before2 upTo8 keys4 list*32',
  4: 'publicKey*32 own*64 old*64',
  5: 'oldEpoch4 end8 reason1 own*64',
};
function readRecord(record) {
  const f = new Fields(record);
  const head = f.struct('type1 critical1 version2 suite1 log*16 epoch4 sequence8 previous*32 time8');
  const fields = f.struct(RECORDS[head.type]);
  if (f.at !== record.length || head.version !== 1 || head.suite !== 1) throw new Error('not a record');
  return { ...head, ...fields, signed: record.subarray(0, record.length - (head.type === 4 ? 128 : 64)) };
}
function signed(publicKey, message, signature) {
  const key = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), publicKey]);
  return verify(null, message, createPublicKey({ key, format: 'der', type: 'spki' }), signature);
}
function decrypt(key, nonce, aad, text) {
  const cipher = createDecipheriv('aes-256-gcm', key, nonce).setAAD(aad).setAuthTag(text.subarray(-16));
  return Buffer.concat([cipher.update(text.subarray(0, -16)), cipher.final()]);
}

const master = Buffer.from(read('master.key').toString().trim(), 'hex');
const wrapKey = Buffer.from(hkdfSync('sha256', master, '', 'cairn/v1/wrap', 32));
const log = { chain: Buffer.alloc(32), position: 0, previous: Buffer.alloc(32), key: undefined };
const [leaves, erased, used] = [[], new Set(), new Map()];
/** The events of a frame with their salts; none when its key is gone. */
function openFrame(record, stored, account, keyName) {
  const wrapped = read('keys', keyName);
  if (wrapped === undefined) return [];
  const key = decrypt(wrapKey, wrapped.subarray(1, 13), Buffer.from(keyName), wrapped.subarray(13));
  const aad = bytes([1, 1], record.log, [8, account], stored.subarray(0, 48));
  const body = decrypt(key, stored.subarray(48, 60), aad, stored.subarray(60));
  const f = new Fields(stored[3] === 1 ? zstdDecompressSync(body) : body);
  const runs = f.times(f.int(4), () => f.struct('seed*32 first4 count4'));
  const salt = (run, n) => H(bytes([1, 0x10], run.seed, [4, run.first + n]));
  const salts = runs.flatMap((run) => f.times(run.count, () => run).map(salt));
  const lengths = f.times(salts.length, () => f.int(4));
  return lengths.map((size, n) => [salts[n], f.take(size)]);
}
function readBatch(where, record, ledger, entries, position) {
  const { id, count, at } = ledger.struct('id*16 count4 at8');
  const from = ledger.at;
  const lines = ledger.times(ledger.int(2), (f) => [f.take(f.int(1)), f.times(5, () => f.int(4))]);
  const own = entries.subarray(4 + 78 * (position - record.first)).subarray(0, 78 * count);
  const hash = H(bytes([1, 0x12], id, ledger.bytes.subarray(from, ledger.at), [4, count], own));
  log.chain = H(bytes([1, 0x13], log.chain, hash, [8, position], [8, at]));
  const addUp = lines.every(([, [received, ...rest]]) => received === rest.reduce((a, b) => a + b));
  check(where, addUp && lines.reduce((n, [, counts]) => n + counts[1], 0) === count, 'counters');
  return new Fields(own).times(count, (f) => {
    const event = f.struct('account8 source2 time8 id*16 hash*8 reserved4 commitment*32');
    const [source] = lines[event.source];
    const place = bytes([1, 1], record.log, [4, record.epoch], [8, position++], [8, at], [8, event.account]);
    return { ...event, leaf: leaf(bytes('E', place, [1, source.length], source, event.commitment)) };
  });
}

function readSegment(where, record, body) {
  const f = new Fields(body);
  const [blocks, entries, ledger, index, frames] = f.times(5, () => f.int(8)).map((size) => f.take(size));
  check(where, f.at === body.length && record.first === log.position, 'sections or first position');
  const hashes = [index, ledger, entries].map((section, n) => H(Buffer.of(0x14 + n), section));
  const named = bytes(record.index, record.ledger, record.entries);
  check(where, Buffer.concat(hashes).equals(named), 'hash of a section');
  const b = new Fields(blocks);
  const list = b.times(b.int(4), () => b.struct('account8 month2 count4 root*32'));
  const blockLeaves = list.map((x) => leaf(bytes('B', [8, x.account], [2, x.month], [4, x.count], x.root)));
  check(where, root(blockLeaves).equals(record.blockRoot) && list.length === record.blocks, 'block tree');
  const l = new Fields(ledger);
  const events = [];
  l.times(l.int(4), () => events.push(...readBatch(where, record, l, entries, record.first + events.length)));
  check(where, events.length === record.events && log.chain.equals(record.chain), 'events or tail chain');
  const belongs = (event, block) => event.account === block.account && monthOf(event.time) === block.month;
  for (const block of list) {
    const own = events.filter((event) => belongs(event, block)).map((event) => event.leaf);
    check(where, own.length === block.count && root(own).equals(block.root), "a block's tree");
  }
  const i = new Fields(index);
  const covered = new Set();
  let end = 0;
  for (let n = i.int(4); n > 0; n--) {
    const frame = i.struct('offset8 length4 id*16 key*16 codec1 dictionary4 block4 hash*32');
    const members = i.times(i.int(4), () => i.int(4));
    const stored = frames.subarray(end, (end += frame.length));
    const block = list[frame.block];
    const month = new Date(Date.UTC(1970, block.month)).toISOString().slice(0, 7);
    const keyName = `${digits(block.account, 12)}/${month}/${uuid(frame.key)}`;
    used.set(frame.key.toString('hex'), keyName);
    const same = H(stored).equals(frame.hash) && stored.subarray(8, 40).equals(bytes(frame.key, frame.id));
    check(where, same && frame.offset + frame.length === end, `frame at ${frame.offset}`);
    for (const member of members)
      check(where, belongs(events[covered.add(member) && member], block), 'block');
    for (const [slot, [salt, raw]] of openFrame(record, stored, block.account, keyName).entries()) {
      check(where, H(bytes([1, 0x11], salt, raw)).equals(events[members[slot]].commitment), 'a commitment');
      if (record.first + members[slot] === Number(wanted)) log.found = raw.toString('utf8');
    }
  }
  check(where, end === frames.length && covered.size === record.events, 'frames do not cover the events');
  log.position += record.events;
}
function readErasure(where, record, body) {
  check(where, H(Buffer.of(0x17), body).equals(record.list) && body.length === record.keys * 18, 'key list');
  new Fields(body).times(record.keys, (f) => erased.add(f.struct('id*16 month2').id.toString('hex')));
}
function checkCheckpoint(where, note, id) {
  const [text, line] = note?.toString().split('\n\n') ?? [];
  const signature = Buffer.from(line?.trim().split(' ')[2] ?? '', 'base64').subarray(4);
  const expected = `${uuid(id)}\n${leaves.length}\n${root(leaves).toString('base64')}`;
  check(where, text === expected && signed(log.key, Buffer.from(`${text}\n`), signature), 'not signed so');
}

function readObject(name, sequence) {
  const where = `log/${name}`;
  const f = new Fields(read('objects', 'log', name));
  check(where, f.take(8).toString() === 'CAIRNLOG' && f.int(2) === 1, 'not an object of the log');
  const record = f.take(f.int(2));
  const body = f.take(f.int(8));
  const r = readRecord(record);
  const named = `${digits(r.epoch, 8)}/${digits(r.sequence, 16)}` === name && r.sequence === sequence;
  check(where, f.at === f.bytes.length && named && r.previous.equals(log.previous), 'out of place');
  leaves.push((log.previous = leaf(record)));
  if (r.type === 1) readSegment(where, r, body);
  if (r.type === 2) readErasure(where, r, body);
  if (r.type === 4) check(where, !log.key || signed(log.key, r.signed, r.old), 'not signed by the old key');
  if (r.type > 3) log.key = r.publicKey ?? log.key;
  if (r.type > 3) check(where, signed(log.key, r.signed, r.own), 'not signed');
  if (r.type === 5) check(where, r.end === log.position && r.epoch > r.oldEpoch, 'another end');
  const size = digits(leaves.length, 16);
  checkCheckpoint(`checkpoint/${size}`, read('objects', 'checkpoint', size), r.log);
  const anchored = r.epoch === 0 ? [size] : [digits(r.epoch, 8), size];
  checkCheckpoint(`anchor/${size}`, read('anchor', uuid(r.log), ...anchored), r.log);
}

for (const [sequence, name] of files('objects', 'log').entries()) {
  try {
    readObject(name, sequence);
  } catch (error) {
    problems.push(`log/${name}: ${error.message}`);
  }
}
check('checkpoint', files('objects', 'checkpoint').length === leaves.length, 'not one for each record');
check('anchor', files('anchor').length === leaves.length, 'not one for each record');
for (const [key, name] of used) check(`keys/${name}`, !read('keys', name) === erased.has(key), 'missing');
const { position, found: event } = log;
process.stdout.write(JSON.stringify({ records: leaves.length, position, event, problems }));
