import type { Command } from 'commander';

import type { CliContext } from '#cli/cli-context';
import { EXIT } from '#cli/cli-context';
import { layoutOf, locateDataFolder } from '#cli/data-folder';
import { examineData } from '#cli/doctor/data';
import type { Finding } from '#cli/doctor/finding';
import { ok, trouble } from '#cli/doctor/finding';
import { examineMachine } from '#cli/doctor/machine';
import { examineOpenSearch } from '#cli/doctor/opensearch';
import { examineRedis } from '#cli/doctor/redis';
import { examineTls } from '#cli/doctor/tls';
import type { OutputFormat } from '#cli/output/answer';
import { outputOption } from '#cli/output/answer';
import { painter } from '#cli/output/color';
import type { Paint } from '#cli/output/color';
import { printable } from '#cli/output/table';
import type { Environment } from '#platform/config';
import { ConfigError, loadConfig } from '#platform/config';

interface DoctorFlags {
  readonly data?: string;
  readonly output: OutputFormat;
}

const SIGNS = { ok: 'ok', warning: 'WARNING', trouble: 'TROUBLE' } as const;
const COLORS = { ok: 'green', warning: 'yellow', trouble: 'red' } as const;

export function register(program: Command, cli: CliContext): void {
  program
    .command('doctor')
    .description('say what is wrong with this machine or a data folder, and what to do')
    .option('--data <folder>', 'the data folder (CAIRN_DATA, else ./data)')
    .addOption(outputOption())
    .action(async ({ data, output }: DoctorFlags) => {
      const findings = await doctorCommand(data === undefined ? {} : { CAIRN_DATA: data });
      await cli.print(output === 'json' ? asJson(findings) : asText(findings, painter(cli.color)));
      if (findings.some((finding) => finding.state === 'trouble')) cli.exitWith(EXIT.negative);
    });
}

/** Looks at configuration, machine and data folder; changes nothing. */
export async function doctorCommand(flags: Environment, environment?: Environment): Promise<Finding[]> {
  try {
    const config = loadConfig(environment, flags);
    const { root, moved } = await locateDataFolder(config.dataDir, config.postgresUrl === undefined);
    const data = await examineData(config, layoutOf(root, config.anchorDir));
    const machine = await examineMachine(config, root, data.running);
    const place = moved === undefined ? [] : [ok('place', moved)];
    const tls = await examineTls(config);
    const services = [...(await examineRedis(config)), ...(await examineOpenSearch(config))];
    return [ok('configuration', 'no mistakes'), ...machine, ...tls, ...place, ...data.findings, ...services];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.mistakes.map((mistake) =>
      trouble('configuration', mistake, 'Mend the variable; .env.example describes all of them.'),
    );
  }
}

function asJson(findings: readonly Finding[]): string {
  return findings.map((finding) => `${JSON.stringify(finding)}\n`).join('');
}

function asText(findings: readonly Finding[], paint: Paint): string {
  const width = Math.max(...findings.map((finding) => finding.check.length));
  const lines = findings.flatMap(({ state, check, found, advice }) => {
    const sign = paint(COLORS[state], SIGNS[state].padEnd(7));
    const line = `${sign}  ${check.padEnd(width)}  ${printable(found)}`;
    return advice === undefined ? [line] : [line, `${' '.repeat(width + 11)}-> ${printable(advice)}`];
  });
  return `${lines.join('\n')}\n`;
}
