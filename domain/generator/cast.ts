import type { Random } from '#domain/generator/random';
import { formatTime } from '#domain/generator/record';

/** Who acts: people, programs with a role, or AWS's own services. */
export type ActorKind = 'person' | 'program' | 'service';

export interface Actor {
  readonly kind: ActorKind;
  readonly name: string;
  readonly account: string;
  readonly arn: string | undefined;
  readonly region: string;
  readonly ip: string;
  readonly agent: string;
  /** Its userIdentity at a time: sessions and their keys change every eight hours. */
  readonly identityAt: (time: number) => string;
}

export interface AccountCast {
  readonly account: string;
  readonly people: readonly [Actor, ...Actor[]];
  readonly programs: readonly [Actor, ...Actor[]];
  readonly services: readonly [Actor, ...Actor[]];
  readonly buckets: readonly [string, ...string[]];
  readonly instances: readonly [string, ...string[]];
  readonly functions: readonly [string, ...string[]];
  readonly tables: readonly [string, ...string[]];
  readonly keys: readonly [string, ...string[]];
}

export const REGIONS = ['us-east-1', 'eu-west-1', 'eu-central-1', 'us-west-2', 'ap-southeast-2'] as const;

const PEOPLE = (
  'alice bob carol dave erin frank grace heidi ivan judy kim laura mallory nina oscar peggy quinn rupert sybil ' +
  'trent ursula victor wendy xenia yusuf zoe amara bjorn chiara dmitri elif farid gwen hiro ines jonas kavya leon'
).split(' ');
const PROGRAMS = [
  ['checkout-web', 'i'],
  ['orders-api', 'i'],
  ['deploy-pipeline', 'GitHubActions'],
  ['terraform', 'terraform-run'],
  ['nightly-backup', 'backup'],
  ['image-resizer', 'image-resizer'],
  ['ledger-export', 'ledger-export'],
  ['metrics-collector', 'collector'],
  ['inventory-sync', 'inventory-sync'],
  ['eks-nodes', 'i'],
] as const;
const SERVICES = [
  'cloudtrail.amazonaws.com',
  'autoscaling.amazonaws.com',
  'ec2.amazonaws.com',
  'lambda.amazonaws.com',
  'config.amazonaws.com',
  'ecs-tasks.amazonaws.com',
] as const;
/** What people sign in with. */
export const BROWSER =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36';
const PERSON_AGENTS = [
  'aws-cli/2.27.41 md/awscrt#0.26.1 ua/2.1 os/macos#24.5.0 md/arch#arm64 lang/python#3.13.4 md/installer#exe',
  BROWSER,
  'AWSConsole AWS-Internal/3 aws-sdk-java/1.12.788 Linux/5.10.240-250.989.amzn2int.x86_64 OpenJDK_64-Bit_Server_VM/25.462-b08 java/1.8.0_462',
] as const;
const PROGRAM_AGENTS = [
  'Boto3/1.40.11 md/Botocore#1.40.11 ua/2.1 os/linux#6.1.147-172.266.amzn2023.x86_64 md/arch#x86_64 lang/python#3.12.9 Botocore/1.40.11',
  'aws-sdk-go-v2/1.38.0 ua/2.1 os/linux lang/go#1.25.0 md/GOOS#linux md/GOARCH#arm64 api/s3#1.87.0 m/E,e',
  'APN/1.0 HashiCorp/1.0 Terraform/1.13.0 (+https://www.terraform.io) terraform-provider-aws/6.9.0 aws-sdk-go-v2/1.38.0 ua/2.1 os/linux lang/go#1.24.6',
] as const;
const BUCKETS = [
  'logs',
  'assets',
  'invoices',
  'backups',
  'exports',
  'uploads',
  'artifacts',
  'reports',
] as const;
const SESSION_MS = 8 * 3_600_000;

/** The people, programs and things of one account, the same for the same random numbers. */
export function castOf(account: string, random: Random): AccountCast {
  const people = 4 + random.below(PEOPLE.length - 4);
  const shift = random.below(PEOPLE.length);
  const names = PEOPLE.map((_, i) => PEOPLE[(i + shift) % PEOPLE.length] ?? 'alice').slice(0, people);
  return {
    account,
    people: some(names, (name, i) => person({ account, name, isUser: i % 3 === 0 }, random)),
    programs: some(PROGRAMS, ([role, session]) => program(account, { role, session }, random)),
    services: some(SERVICES, (name) => service(account, name)),
    buckets: some(BUCKETS, (name) => `example-${name}-${account.slice(0, 4)}`),
    instances: some(Array.from({ length: 24 }), () => `i-0${random.hex(16)}`),
    functions: some(['resize-image', 'charge-card', 'send-mail', 'rotate-token', 'sync-crm'], (name) => name),
    tables: some(['Orders', 'Sessions', 'Carts', 'Customers'], (name) => name),
    keys: some(Array.from({ length: 4 }), () => random.uuid()),
  };
}

/** A person with an IAM user of their own, or a session of single sign-on. */
function person(who: { account: string; name: string; isUser: boolean }, random: Random): Actor {
  const { account, name } = who;
  const address = { region: homeRegion(random), ip: `203.0.113.${1 + random.below(254)}` };
  const agent = random.pick(PERSON_AGENTS);
  if (!who.isUser) {
    const role = `AWSReservedSSO_${random.chance(0.3) ? 'Administrator' : 'Developer'}Access_${random.hex(16)}`;
    const session = { account, role, session: `${name}@example.com`, mfa: true };
    return {
      kind: 'person',
      name: session.session,
      account,
      ...address,
      agent,
      ...sessionOf(session, random),
    };
  }
  const arn = `arn:aws:iam::${account}:user/${name}`;
  const [principal, key] = [`AIDA${random.id(17)}`, `AKIA${random.id(16)}`];
  const identity =
    `{"type":"IAMUser","principalId":"${principal}","arn":"${arn}","accountId":"${account}",` +
    `"accessKeyId":"${key}","userName":"${name}"}`;
  return { kind: 'person', name, account, arn, ...address, agent, identityAt: () => identity };
}

function program(account: string, who: { role: string; session: string }, random: Random): Actor {
  const session = who.session === 'i' ? `i-0${random.hex(16)}` : who.session;
  const details = { account, role: who.role, session, mfa: false };
  return {
    kind: 'program',
    name: session,
    account,
    region: homeRegion(random),
    ip: programAddress(random),
    agent: random.pick(PROGRAM_AGENTS),
    ...sessionOf(details, random),
  };
}

/** Behind a NAT gateway, through a VPC endpoint, or over IPv6; RFC 5737's, RFC 1918's and RFC 3849's addresses. */
function programAddress(random: Random): string {
  const dice = random.float();
  if (dice < 0.6) return `198.51.100.${1 + random.below(200)}`;
  return dice < 0.9
    ? `10.${random.below(8)}.${random.below(256)}.${1 + random.below(254)}`
    : '2001:db8:42::17';
}

function service(account: string, name: string): Actor {
  const identity = `{"type":"AWSService","invokedBy":"${name}"}`;
  const address = { region: REGIONS[0], ip: name, agent: name };
  return { kind: 'service', name, account, arn: undefined, ...address, identityAt: () => identity };
}

interface Session {
  readonly account: string;
  readonly role: string;
  readonly session: string;
  readonly mfa: boolean;
}

function sessionOf(
  { account, role, session, mfa }: Session,
  random: Random,
): Pick<Actor, 'arn' | 'identityAt'> {
  const arn = `arn:aws:sts::${account}:assumed-role/${role}/${session}`;
  const [principal, keyEnd] = [`AROA${random.id(17)}`, random.id(10)];
  const head =
    `{"type":"AssumedRole","principalId":"${principal}:${session}","arn":"${arn}","accountId":"${account}",` +
    '"accessKeyId":"ASIA';
  const issuer =
    `","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"${principal}",` +
    `"arn":"arn:aws:iam::${account}:role/${role}","accountId":"${account}","userName":"${role}"},` +
    '"attributes":{"creationDate":"';
  const tail = `","mfaAuthenticated":"${mfa}"}}}`;
  let known = { slot: Number.NaN, identity: '' };
  const identityAt = (time: number): string => {
    const slot = Math.floor(time / SESSION_MS);
    if (slot !== known.slot) {
      const key = slot.toString(36).toUpperCase().padStart(6, '7').slice(-6) + keyEnd;
      known = { slot, identity: head + key + issuer + formatTime(slot * SESSION_MS) + tail };
    }
    return known.identity;
  };
  return { arn, identityAt };
}

function homeRegion(random: Random): string {
  return REGIONS[random.skewed(REGIONS.length)] ?? REGIONS[0];
}

/** A list that the types know to be not empty. */
function some<A, B>(items: readonly A[], make: (item: A, index: number) => B): readonly [B, ...B[]] {
  const [first, ...rest] = items.map(make);
  if (first === undefined) throw new RangeError('an empty list was given');
  return [first, ...rest];
}
