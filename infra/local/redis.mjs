import { chown } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';

import { debianPackage } from './debian.mjs';
import { writePrivate } from './files.mjs';
import { ownFolder } from './folders.mjs';
import { findProgram } from './programs.mjs';

export const redis = {
  name: 'redis',
  ports: 1,
  signals: ['SIGTERM'],

  async install({ cache }) {
    const found = findProgram('redis-server', ['/usr/local/bin']);
    if (found !== undefined) return { server: found };
    const root = await debianPackage(cache, 'redis-server', 'install Redis 7, or give --redis-url.');
    // Debian's redis-server is a link to redis-check-rdb's sibling, both in redis-tools.
    return { server: join(root, 'usr/bin/redis-server'), libraries: join(root, 'usr/lib') };
  },

  async command(context, { server, libraries }, [port]) {
    const dir = await ownFolder(context, 'redis', 'data');
    const config = join(context.state, 'redis', 'redis.conf');
    const settings = {
      bind: '127.0.0.1',
      port,
      dir,
      requirepass: context.secrets.redis,
      // BullMQ loses jobs under any other policy, and needs what it wrote after a crash.
      'maxmemory-policy': 'noeviction',
      appendonly: 'yes',
      // One for each test that wants its own.
      databases: 4_096,
    };
    const lines = Object.entries(settings).map(([name, value]) => `${name} "${value}"\n`);
    await writePrivate(config, `${lines.join('')}save ""\n`);
    if (context.user !== undefined) await chown(config, context.user.uid, context.user.gid);
    return { program: server, args: [config], env: libraries ? libraryPath(libraries) : {} };
  },

  address({ secrets }, [port]) {
    return { redisUrl: `redis://:${secrets.redis}@127.0.0.1:${port}/0` };
  },

  async answers({ redisUrl }) {
    const { hostname, port, username, password } = new URL(redisUrl);
    const words = ['AUTH', decodeURIComponent(username), decodeURIComponent(password)].filter(Boolean);
    const sign = words.length > 1 ? `${words.join(' ')}\r\n` : '';
    return (await ask(hostname, Number(port || 6_379), `${sign}PING\r\n`)).includes('+PONG');
  },
};

/** Where unpacked Debian packages keep their libraries. */
export function libraryPath(...folders) {
  const triplet = process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu';
  return { LD_LIBRARY_PATH: folders.flatMap((folder) => [folder, join(folder, triplet)]).join(':') };
}

/** What a server says to a line within a second; empty when it cannot be reached. */
function ask(host, port, line) {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect({ host, port }, () => socket.write(line));
    socket.setTimeout(1_000, () => socket.destroy());
    socket.on('data', (chunk) => {
      answer += chunk;
      if (answer.includes('PONG') || answer.includes('-')) socket.end();
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => resolve(answer));
  });
}
