// A stand-in for the product's processes: what the supervisor sees of them, and no more.
import { appendFileSync } from 'node:fs';
import { createServer } from 'node:http';

const [role] = process.argv.slice(2);
const note = (what) =>
  appendFileSync(`${process.env.CAIRN_DATA}/run/trace`, `${role} ${what} ${process.pid}\n`);
note('begins');
if (role === 'supervised-prepare') {
  process.send({ type: 'prepared', administratorKey: process.env.TEST_KEY || undefined });
  process.disconnect();
} else {
  const server = createServer((request, response) => {
    if (request.url === '/exit') process.exit(7);
    response.end(JSON.stringify({ pid: process.pid, postgres: process.env.CAIRN_POSTGRES_URL }));
  });
  const end = (reason) => {
    note(`ends by ${reason}`);
    process.exit(0);
  };
  process.on('SIGTERM', () => end('SIGTERM'));
  process.on('SIGINT', () => end('SIGINT'));
  process.on('disconnect', () => end('disconnect'));
  server.listen(role === 'api' ? Number(process.env.CAIRN_PORT) : 0, '127.0.0.1', () => {
    process.send({ type: 'ready', url: `http://127.0.0.1:${server.address().port}` });
  });
}
