import { setTimeout as delay } from 'node:timers/promises';
import { readFile } from 'node:fs/promises';

import { moto } from './moto.mjs';
import { opensearch } from './opensearch.mjs';
import { postgres } from './postgres.mjs';
import { logOf, runningPid, startProcess, stopProcess } from './processes.mjs';
import { ownFolder, portsOf } from './folders.mjs';
import { redis } from './redis.mjs';
import { s3 } from './s3.mjs';
import { say, ServicesError } from './programs.mjs';

/**
 * Each service is an object: `install` finds or fetches its programs, `command` says how they are started,
 * `address` where clients find it, `answers` whether it does its work there.
 */
export const SERVICES = [postgres, redis, opensearch, s3, moto];

/** OpenSearch takes 15 s, and ten times as long on a machine that has much else to do. A server that ends is noticed at once. */
const PATIENCE_MS = 300_000;
const PORT_TAKEN = /address.*in use|port.*in use|failed to bind/i;
/** What a killed server's last processes hold for a moment. */
const NOT_YET = /postmaster\.pid" already exists|shared memory block|lock (?:file|is held)/i;
const STALE_MS = 30_000;
/** A server can take a minute until it finds its port taken: only the number of tries is limited. */
const PORT_TRIES = 10;

/** Makes sure that the service runs and does its work, and returns its address. */
export async function bringUp(context, service) {
  const installed = await service.install(context);
  if (runningPid(context.state, service.name) !== undefined) {
    const address = service.address(context, await portsOf(context, service.name, service.ports));
    if (await service.answers(address, installed)) return address;
    say(`${service.name} runs and does not answer: starting it anew.`);
    await takeDown(context.state, service);
  }
  return start(context, service, installed);
}

export function takeDown(state, service) {
  return stopProcess(state, service.name, service.signals);
}

/** A port can be taken between our look and the service's; what a killed server left can hinder one start. */
async function start(context, service, installed) {
  const runner = service.asOurselves ? { ...context, user: undefined } : context;
  const deadline = Date.now() + STALE_MS;
  let said = '';
  for (let tries = 1; ; tries += 1) {
    await ownFolder(runner, service.name);
    const ports = await portsOf(context, service.name, service.ports, PORT_TAKEN.test(said));
    const address = service.address(context, ports);
    await startProcess(runner, service.name, await service.command(runner, installed, ports));
    if (await isReady(context.state, service, address, installed)) return address;
    said = (await readFile(logOf(context.state, service.name), 'utf8')).slice(-3_000);
    await takeDown(context.state, service);
    const again = PORT_TAKEN.test(said) ? tries < PORT_TRIES : NOT_YET.test(said) && Date.now() < deadline;
    if (again) await delay(300);
    else throw notStarting(context.state, service.name, said);
  }
}

function notStarting(state, name, said) {
  return new ServicesError(
    `${name} does not start; its log (${logOf(state, name)}) ends with:\n${said.trim()}`,
  );
}

async function isReady(state, service, address, installed) {
  const deadline = Date.now() + PATIENCE_MS;
  while (Date.now() < deadline) {
    if (runningPid(state, service.name) === undefined) return false;
    if (await service.answers(address, installed)) return runningPid(state, service.name) !== undefined;
    await delay(100);
  }
  return false;
}
