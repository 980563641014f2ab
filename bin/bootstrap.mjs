// Plain JavaScript for Node 20 and newer, without dependencies: it runs before there are any.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, existsSync, lstatSync, mkdirSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { rmSync, unlinkSync, writeFileSync, writeSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** MikroORM and @apollo/subgraph want 22, node:sqlite without a flag and zstd in node:zlib want 24. */
const NODE_MAJOR = 24;
const STAMP = join(ROOT, 'dist/.sources');
const LOCK = join(ROOT, '.bootstrap.lock');

/** A reason that people can act on; everything else is a bug and keeps its stack. */
export class BootstrapError extends Error {}

/** Dependencies, then the right Node, then the build. Returns false when another Node has done the work. */
export async function bootstrap(script) {
  checkMachine();
  await exclusively(installWhenChanged);
  const node = rightNode();
  if (node !== process.execPath) {
    process.exitCode = await runInstead(node, script);
    return false;
  }
  await exclusively(buildWhenChanged);
  return true;
}

function say(line) {
  process.stderr.write(`cairn: ${line}\n`);
}

function checkMachine() {
  const { platform, arch } = process;
  const known = ['linux', 'darwin'].includes(platform) && ['x64', 'arm64'].includes(arch);
  if (!known)
    throw new BootstrapError(`Cairn runs on Linux and macOS, x64 and arm64; this is ${platform}-${arch}.`);
  if (platform === 'linux' && process.report.getReport().header.glibcVersionRuntime === undefined) {
    throw new BootstrapError(
      'Cairn needs glibc (Debian, Ubuntu, Fedora ...); this Linux has another C library.',
    );
  }
}

/** npm writes the hidden lockfile last, so that it tells what is really there. */
function installWhenChanged() {
  if (isInstalled()) return;
  if (lstatSync(join(ROOT, 'node_modules'), { throwIfNoEntry: false })?.isSymbolicLink()) {
    // npm ci would empty the folder that it leads to, which is somebody else's.
    say('node_modules is a link and does not match package-lock.json: using what is there.');
    return;
  }
  say('installing the locked dependencies (npm ci, no install scripts) ...');
  const started = Date.now();
  const args = [
    'ci',
    '--ignore-scripts',
    '--include=dev',
    '--include=optional',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ];
  const { npm_execpath: npm } = process.env;
  const [command, ...first] = npm?.endsWith('.js') ? [process.execPath, npm] : ['npm'];
  const done = spawnSync(command, [...first, ...args], { cwd: ROOT, stdio: ['ignore', 2, 2] });
  if (done.error) throw new BootstrapError(`npm could not be run: ${done.error.message}`);
  if (done.status !== 0) throw new BootstrapError('npm ci failed; its message stands above.');
  say(`installed in ${seconds(started)}.`);
}

function isInstalled() {
  const wanted = readJson('package-lock.json')?.packages;
  const present = readJson('node_modules/.package-lock.json')?.packages;
  if (wanted === undefined) throw new BootstrapError('package-lock.json is missing or damaged.');
  if (present === undefined) return false;
  const fits = ([path, { version, optional, os, cpu, libc }]) =>
    path === '' ||
    present[path]?.version === version ||
    (present[path] === undefined && optional && !isForHere(os, cpu, libc));
  return Object.entries(wanted).every(fits) && Object.keys(present).every((path) => path in wanted);
}

/** Optional packages without a platform come along with those that have one, and may be left out with them. */
function isForHere(os, cpu, libc) {
  return (
    os !== undefined &&
    os.includes(process.platform) &&
    (cpu === undefined || cpu.includes(process.arch)) &&
    libcFits(libc)
  );
}

/** checkMachine lets glibc through only. */
function libcFits(libc) {
  return libc === undefined || libc.includes('glibc');
}

function rightNode() {
  if (Number(process.versions.node.split('.')[0]) >= NODE_MAJOR) return process.execPath;
  const pinned = join(ROOT, `node_modules/node-linux-${process.arch}/bin/node`);
  if (process.platform === 'linux' && existsSync(pinned)) return pinned;
  throw new BootstrapError(
    `Cairn needs Node ${NODE_MAJOR} or newer, this is ${process.version}, and there is no pinned one for ${process.platform}-${process.arch}.`,
  );
}

/** The same command under another Node. It hears of our end by the closed channel, whatever ends us. */
function runInstead(node, script) {
  // Commands run often, and their standard error is read by people.
  if (process.argv[2] === 'start' || !script.endsWith('cairn.mjs'))
    say(`using the pinned Node (${relative(ROOT, node)}): ${process.version} is too old.`);
  const child = spawn(node, [script, ...process.argv.slice(2)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  return waitFor(child);
}

/** Hands signals on and resolves with the exit code, as a shell would give it. */
export function waitFor(child) {
  const handOn = (signal) => child.kill(signal);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, handOn);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.off(name, handOn);
      resolve(code ?? (signal === 'SIGINT' ? 130 : 143));
    });
  });
}

function buildWhenChanged() {
  const sources = hashSources();
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === sources) return;
  say('building (tsc) ...');
  const started = Date.now();
  rmSync(STAMP, { force: true });
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
  const done = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], {
    cwd: ROOT,
    stdio: ['ignore', 2, 2],
  });
  if (done.status !== 0) throw new BootstrapError('the build failed; its message stands above.');
  for (const file of filesBelow('dist', '.js')) {
    if (!existsSync(join(ROOT, relative('dist', file).replace(/\.js$/, '.ts')))) unlinkSync(join(ROOT, file));
  }
  mkdirSync(dirname(STAMP), { recursive: true });
  writeFileSync(STAMP, sources);
  say(`built in ${seconds(started)}.`);
}

/** Of the names and bytes of everything that the build reads. */
function hashSources() {
  const { include } = readJson('tsconfig.build.json');
  const files = include.flatMap((room) =>
    filesBelow(room, '.ts').filter((file) => !/\.(test|contract)\.ts$/.test(file)),
  );
  const hash = createHash('sha256');
  for (const file of [
    ...files.toSorted(),
    'package.json',
    'package-lock.json',
    'tsconfig.json',
    'tsconfig.build.json',
  ]) {
    const bytes = readFileSync(join(ROOT, file));
    hash.update(`${file}\0${bytes.length}\0`).update(bytes);
  }
  return hash.digest('hex');
}

function filesBelow(folder, ending) {
  const path = join(ROOT, folder);
  if (!existsSync(path)) return [];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)));
}

/** Two starts at once must not install or build into each other's way. */
async function exclusively(work) {
  while (!takeLock()) await new Promise((resolve) => setTimeout(resolve, 200));
  try {
    work();
  } finally {
    rmSync(LOCK, { force: true });
  }
}

function takeLock() {
  try {
    const file = openSync(LOCK, 'wx');
    writeSync(file, String(process.pid));
    closeSync(file);
    return true;
  } catch (error) {
    if (error.code === 'EACCES' || error.code === 'EROFS') return true;
    if (error.code !== 'EEXIST') throw error;
    if (!isHeld()) rmSync(LOCK, { force: true });
    return false;
  }
}

function isHeld() {
  try {
    process.kill(Number(readFileSync(LOCK, 'utf8')) || 0x7fffffff, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function readJson(path) {
  try {
    return JSON.parse(readFileSync(join(ROOT, path), 'utf8'));
  } catch {
    return undefined;
  }
}

function seconds(started) {
  return `${((Date.now() - started) / 1000).toFixed(1)} s`;
}

/** Runs an entry point: what people can act on is one line, everything else keeps its stack. */
export async function runMain(main) {
  try {
    await main();
  } catch (error) {
    if (!(error instanceof BootstrapError)) throw error;
    say(error.message);
    process.exitCode = 1;
  }
}
