import { gzipSync, zstdCompressSync } from 'node:zlib';
import type { Hostile } from '#test/fuzz/hostile';

const FIELDS = [
  'eventVersion',
  'userIdentity',
  'eventTime',
  'eventSource',
  'eventName',
  'awsRegion',
  'sourceIPAddress',
  'userAgent',
  'errorCode',
  'errorMessage',
  'requestParameters',
  'responseElements',
  'additionalEventData',
  'requestID',
  'readOnly',
  'resources',
  'eventType',
  'apiVersion',
  'managementEvent',
  'sharedEventID',
  'vpcEndpointId',
  'tlsDetails',
  'eventData',
  'serviceEventDetails',
  'sessionCredentialFromConsole',
] as const;
const IDENTITY = [
  'type',
  'principalId',
  'arn',
  'accountId',
  'accessKeyId',
  'userName',
  'sessionContext',
] as const;
const DAY_MS = 86_400_000;

/** One event of the account as text, with hostile values in some of its fields, in none or in all. */
export function hostileEvent(hostile: Hostile, account: string): string {
  const { random } = hostile;
  const time = new Date(Date.now() - random.below(20) * DAY_MS).toISOString();
  const members: [string, string][] = [
    ['eventVersion', '"1.11"'],
    ['userIdentity', identity(hostile)],
    ['eventTime', JSON.stringify(random.chance(0.1) ? hostile.date() : `${time.slice(0, 19)}Z`)],
    ['eventSource', value(hostile, '"s3.amazonaws.com"')],
    ['eventName', value(hostile, '"GetObject"')],
    ['awsRegion', value(hostile, '"eu-central-1"')],
    ['sourceIPAddress', value(hostile, '"192.0.2.7"')],
    ['userAgent', value(hostile, '"fuzz"')],
    ['requestParameters', value(hostile, '{"bucketName":"b"}')],
    ['responseElements', value(hostile, 'null')],
    ['eventID', JSON.stringify(random.chance(0.05) ? hostile.text() : random.uuid())],
    ['eventType', '"AwsApiCall"'],
    ['recipientAccountId', JSON.stringify(random.chance(0.05) ? hostile.text() : account)],
    ['eventCategory', random.chance(0.05) ? hostile.json(1) : '"Management"'],
  ];
  for (let more = random.below(4); more > 0; more -= 1) {
    members.splice(random.below(members.length), 0, [random.pick(FIELDS), hostile.json()]);
  }
  if (random.chance(0.2)) members.push(['__proto__', hostile.json()], ['constructor', hostile.json()]);
  if (random.chance(0.1)) members.splice(random.below(members.length), 1);
  const text = `{${members.map(([name, json]) => `${JSON.stringify(name)}:${json}`).join(',')}}`;
  return random.chance(0.05) ? text.slice(0, random.below(text.length)) : text;
}

function value(hostile: Hostile, usual: string): string {
  const { random } = hostile;
  if (random.chance(0.5)) return usual;
  return random.chance(0.7) ? JSON.stringify(hostile.text()) : hostile.json();
}

function identity(hostile: Hostile): string {
  const { random } = hostile;
  if (random.chance(0.1)) return hostile.json();
  const named = IDENTITY.filter(() => random.chance(0.5));
  return `{"type":"IAMUser",${[...named, 'userName' as const].map((name) => `"${name}":${value(hostile, '"nadia"')}`).join(',')}}`;
}

export interface HostileBody {
  readonly body: Buffer;
  readonly headers: Readonly<Record<string, string>>;
  /** The events, where every one of them comes in whole; else undefined. */
  readonly events: readonly string[] | undefined;
}

/** A body for the bulk door: any of its forms, whole or broken. */
export function hostileBody(hostile: Hostile, account: string): HostileBody {
  const { random } = hostile;
  const events = Array.from({ length: 1 + random.below(20) }, () => hostileEvent(hostile, account)).filter(
    // Told apart in the answer by where they stand, so each must stand for itself.
    (text) => isAnObject(text),
  );
  const [open, between, close] = random.pick<readonly [string, string, string]>([
    ['', '\n', '\n'],
    ['', '\r\n', ''],
    ['\n\n', '\n\n', '\n'],
    ['[', ',', ']'],
    ['{"Records":[', ' , ', ']}'],
    ['{"a":1,"Records":[', ',', '],"b":{}}'],
  ]);
  const whole = Buffer.from(`${open}${events.join(between)}${close}`);
  const encoded = encode(hostile, whole);
  if (random.chance(0.6)) return { ...encoded, events };
  return { ...encoded, body: damage(hostile, encoded.body), events: undefined };
}

function isAnObject(text: string): boolean {
  try {
    JSON.parse(text);
    return text.isWellFormed();
  } catch {
    return false;
  }
}

function encode(hostile: Hostile, body: Buffer): { body: Buffer; headers: Record<string, string> } {
  switch (hostile.random.below(5)) {
    case 0:
      return { body: gzipSync(body), headers: { 'content-encoding': 'gzip' } };
    case 1:
      return { body: zstdCompressSync(body), headers: { 'content-encoding': 'zstd' } };
    case 2:
      return { body: gzipSync(body), headers: {} };
    default:
      return { body, headers: {} };
  }
}

function damage(hostile: Hostile, body: Buffer): Buffer {
  const { random } = hostile;
  switch (random.below(6)) {
    case 0:
      return body.subarray(0, random.below(body.length));
    case 1:
      return Buffer.concat([body, hostile.bytes(20)]);
    case 2:
      return hostile.bytes(random.below(300));
    case 3:
      return gzipSync(Buffer.alloc(2 ** 20 * (1 + random.below(64)), random.pick([' ', '\n', '[', '0'])));
    case 4:
      return Buffer.from('{"Records":['.repeat(1 + random.below(5_000)));
    default: {
      const changed = Buffer.from(body);
      for (let flips = 1 + random.below(4); flips > 0 && changed.length > 0; flips -= 1)
        changed[random.below(changed.length)] = random.below(256);
      return changed;
    }
  }
}
