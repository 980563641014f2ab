import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, readFile, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join, resolve } from 'node:path';

import { readJson, writePrivate } from './files.mjs';
import { isRoot, ServicesError } from './programs.mjs';

/** `nobody` of every Linux: PostgreSQL and OpenSearch refuse to run as root. */
const NOBODY = { uid: 65_534, gid: 65_534 };

/** Below the ports that systems give to outgoing connections, so that nobody takes a stopped service's port. */
const FIRST_PORT = 20_000;
const LAST_PORT = 32_000;

/** Where everything of one run of the services lies, and who runs them. */
export async function openState(folder, cache) {
  const state = resolve(folder);
  const paths = { state, cache: resolve(cache ?? join(state, 'cache')) };
  const user = isRoot() ? NOBODY : undefined;
  for (const path of Object.values(paths)) {
    await mkdir(path, { recursive: true, mode: 0o755 });
    if (user !== undefined) await letPass(path);
  }
  return { ...paths, user, secrets: await secretsOf(state) };
}

/** The folder itself may have been made closed (mkdtemp); what stands above it is not ours to change. */
async function letPass(folder) {
  const found = await stat(folder);
  if ((found.mode & 0o001) === 0) await chmod(folder, (found.mode & 0o777) | 0o011);
  for (let path = dirname(folder); path !== dirname(path); path = dirname(path)) {
    if (((await stat(path)).mode & 0o001) !== 0) continue;
    throw new ServicesError(
      `${path} is closed to the unprivileged user that runs the servers: give folders that everyone can enter, such as --state /var/tmp/cairn-services.`,
    );
  }
}

/** A service's own folder, which nobody else can look into. */
export async function ownFolder({ state, user }, ...names) {
  const folder = join(state, ...names);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if (user !== undefined) await chown(folder, user.uid, user.gid);
  return folder;
}

/** Random once, then the same for the life of the state folder. */
async function secretsOf(state) {
  const path = join(state, 'secrets.json');
  if (!existsSync(path)) {
    const secret = () => randomBytes(24).toString('hex');
    await writePrivate(path, {
      postgres: secret(),
      redis: secret(),
      s3AccessKey: secret().slice(0, 20),
      s3SecretKey: secret(),
    });
  }
  return JSON.parse(await readFile(path, 'utf8'));
}

/** A service keeps its ports over restarts; clients that wait for it find it again. */
export async function portsOf({ state }, name, count, anew = false) {
  const path = join(state, `${name}.ports.json`);
  const known = anew ? undefined : readJson(path);
  if (known !== undefined) return known;
  const ports = [];
  while (ports.length < count) {
    const port = await freePort();
    if (!ports.includes(port)) ports.push(port);
  }
  await writePrivate(path, ports);
  return ports;
}

async function freePort() {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT));
    if (await canListen(port)) return port;
  }
  throw new ServicesError(`There is no free port from ${FIRST_PORT} to ${LAST_PORT} on 127.0.0.1.`);
}

function canListen(port) {
  return new Promise((answer) => {
    const server = createServer();
    server.once('error', () => answer(false));
    server.listen(port, '127.0.0.1', () => server.close(() => answer(true)));
  });
}
