#!/usr/bin/env node
// Plain JavaScript for Node 20 and newer, without dependencies: CI runs it on a machine that has nothing yet.
import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { readJson, writePrivate } from './files.mjs';
import { openState } from './folders.mjs';
import { exclusively } from './lock.mjs';
import { isAlive, logOf, runningPid } from './processes.mjs';
import { endTogether, isRoot, say, ServicesError } from './programs.mjs';
import { bringUp, SERVICES, takeDown } from './service.mjs';

const USAGE = `node infra/local/services.mjs up|down|status --state FOLDER [options]
       node infra/local/services.mjs sweep    stops what killed test runs left

  --only NAMES          of ${SERVICES.map(({ name }) => name).join(', ')}; separated by commas
  --cache FOLDER        for programs that are fetched; can be shared between runs
                        (default: the variable SERVICES_CACHE, else FOLDER/cache)
  --shared-cache        the default is the machine's (root) or your own cache folder instead
  -o json               status as JSON, with addresses and passwords
  --postgres-url URL    use a server that runs already, instead of one of ours; likewise
  --redis-url URL, --opensearch-url URL, --moto-url URL
  --s3-url URL          with keys: http://ACCESS_KEY:SECRET_KEY@127.0.0.1:7070/REGION
`;

const URLS = {
  postgres: (url) => ({ postgresUrl: url }),
  redis: (url) => ({ redisUrl: url }),
  opensearch: (url) => ({ opensearchUrl: url.replace(/\/$/, '') }),
  s3: s3FromUrl,
  moto: (url) => ({ moto: { endpoint: url.replace(/\/$/, '') } }),
};

const OPTIONS = {
  state: { type: 'string' },
  cache: { type: 'string' },
  'shared-cache': { type: 'boolean' },
  only: { type: 'string' },
  output: { type: 'string', short: 'o' },
  help: { type: 'boolean', short: 'h' },
  ...Object.fromEntries(Object.keys(URLS).map((name) => [`${name}-url`, { type: 'string' }])),
};

async function main() {
  const { values, positionals } = parsed();
  if (positionals.length === 1 && positionals[0] === 'sweep') return sweep();
  const command = { up, down, status }[positionals[0] ?? ''];
  if (values.help || positionals.length !== 1 || command === undefined || values.state === undefined) {
    process.stderr.write(USAGE);
    process.exitCode = values.help ? 0 : 2;
    return;
  }
  await command(resolve(values.state), values, chosen(values.only));
}

function parsed() {
  try {
    return parseArgs({ options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw new ServicesError(`${error.message}\n\n${USAGE}`);
  }
}

function chosen(only) {
  const names = only?.split(',').map((name) => name.trim()) ?? SERVICES.map(({ name }) => name);
  const unknown = names.find((name) => SERVICES.every((service) => service.name !== name));
  if (unknown !== undefined) throw new ServicesError(`There is no service ${JSON.stringify(unknown)}.`);
  return SERVICES.filter(({ name }) => names.includes(name));
}

/** All at once; those that came up stay up when another fails, and the next up goes on from there. */
async function up(state, values, services) {
  const context = await openState(state, values.cache ?? defaultCache(values));
  await exclusively(state, async () => {
    const outcomes = await Promise.allSettled(services.map((service) => reach(context, service, values)));
    const addresses = outcomes.flatMap(({ value }) => (value === undefined ? [] : [value]));
    await note(state, Object.assign({ cache: context.cache }, ...addresses));
    const reasons = outcomes.flatMap(({ reason }) => (reason === undefined ? [] : [reason]));
    const bug = reasons.find((reason) => !(reason instanceof ServicesError));
    if (bug !== undefined) throw bug;
    if (reasons.length > 0) throw new ServicesError(reasons.map(({ message }) => message).join('\n'));
  });
  await status(state, values);
}

/** The service at the given URL, when there is one and it answers, else one of ours. */
async function reach(context, service, values) {
  const url = values[`${service.name}-url`];
  if (url === undefined) return bringUp(context, service);
  const address = URLS[service.name](url);
  if (await service.answers(address)) return address;
  throw new ServicesError(`${service.name} does not answer at the address given by --${service.name}-url.`);
}

async function down(state, _values, services) {
  if (!existsSync(state)) return;
  await exclusively(state, async () => {
    const stopped = await Promise.all(services.map((service) => takeDown(state, service)));
    services.forEach(({ name }, index) => stopped[index] && say(`${name} stopped.`));
    const path = join(state, 'services.json');
    if (services.length === SERVICES.length) await rm(path, { force: true });
  });
}

/** Stops the servers of test runs that were killed, and removes their folders, which have the run's pid in their names. */
async function sweep() {
  for (const name of await readdir(tmpdir())) {
    const owner = /^cairn-(?:real-|bench-)?services-(\d+)-/.exec(name)?.[1];
    if (owner === undefined || isAlive(Number(owner))) continue;
    const state = join(tmpdir(), name);
    try {
      await down(state, {}, SERVICES);
      await rm(state, { recursive: true, force: true, maxRetries: 10 });
    } catch (error) {
      // Another sweep may have been faster, or it is another user's.
      if (!['ENOENT', 'EACCES', 'EPERM'].includes(error.code)) throw error;
    }
  }
}

/** Root's must be open to the servers' user. */
function defaultCache(values) {
  const { SERVICES_CACHE, XDG_CACHE_HOME } = process.env;
  if (SERVICES_CACHE || !values['shared-cache']) return SERVICES_CACHE || undefined;
  if (isRoot()) return '/var/cache/cairn-services';
  return join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'cairn-services');
}

async function status(state, { output }) {
  const addresses = readJson(join(state, 'services.json')) ?? {};
  const processes = Object.fromEntries(
    SERVICES.map(({ name }) => [name, { pid: runningPid(state, name), log: logOf(state, name) }]),
  );
  if (output === 'json') {
    process.stdout.write(`${JSON.stringify({ ...addresses, processes }, null, 2)}\n`);
    return;
  }
  for (const { name } of SERVICES) {
    const { pid } = processes[name];
    const ports = readJson(join(state, `${name}.ports.json`));
    const line = pid === undefined ? 'not started by us' : `127.0.0.1:${ports?.[0]}  pid ${pid}`;
    process.stdout.write(`${name.padEnd(12)}${line}\n`);
  }
}

/** The addresses of this up beside those of earlier ones: `up --only` adds to what runs. */
async function note(state, addresses) {
  const path = join(state, 'services.json');
  await writePrivate(path, { ...readJson(path), ...addresses });
}

function s3FromUrl(text) {
  const { origin, username, password, pathname } = new URL(text);
  return {
    s3: {
      endpoint: origin,
      accessKeyId: decodeURIComponent(username),
      secretAccessKey: decodeURIComponent(password),
      region: pathname.slice(1) || 'us-east-1',
    },
  };
}

endTogether();
try {
  await main();
} catch (error) {
  if (!(error instanceof ServicesError)) throw error;
  say(error.message);
  process.exitCode = 1;
}
