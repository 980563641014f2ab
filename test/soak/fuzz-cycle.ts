import { startPlatform } from '#test/acceptance/platform';
import { type FuzzReport, fuzzPlatform } from '#test/fuzz/fuzz-platform';

interface FuzzCycle {
  readonly seed: number;
  readonly minutes: number;
  readonly say: (line: string) => void;
}

/** Inputs of one cycle: then the log is verified and the next one begins with an empty folder. */
const INPUTS = 20_000;
/** Of the platform's log, when the cycle itself fails. */
const LOG_CHARACTERS = 20_000;

/** Hostile inputs for so many minutes against a platform of its own. */
export async function fuzzCycle({ seed, minutes, say }: FuzzCycle): Promise<FuzzReport> {
  const end = Date.now() + minutes * 60_000;
  await using platform = await startPlatform({
    env: {
      CAIRN_LOG_LEVEL: 'debug',
      CAIRN_SEAL_SECONDS: '2',
      CAIRN_QUERY_COST_PER_MINUTE: '0',
    },
  });
  try {
    return await fuzzPlatform(platform, { seed, inputs: INPUTS, isOver: () => Date.now() > end, say });
  } catch (error) {
    say(platform.output().slice(-LOG_CHARACTERS));
    throw error;
  }
}
