import { startCommand } from '#cli/start';
import { loadConfig } from '#platform/config';

/** `cairn start` with stand-ins for the api and worker processes. */
const program = new URL('role.mjs', import.meta.url).pathname;
const [dataDir = '', profileDir = ''] = process.argv.slice(2);
process.exitCode = await startCommand({
  config: loadConfig({ CAIRN_DATA: dataDir, CAIRN_PORT: '0' }),
  client: { profileDir, apiKey: undefined },
  logLevel: 'warn',
  demo: false,
  program,
  say: async (text) => {
    process.stdout.write(`${text}\n`);
  },
});
