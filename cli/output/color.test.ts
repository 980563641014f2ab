import { Command } from 'commander';
import { expect, it } from 'vitest';
import { register } from '#cli/doctor';
import { painter } from '#cli/output/color';
import { loadClientConfig } from '#platform/config';

async function doctor(color: boolean): Promise<string> {
  const printed: string[] = [];
  const program = new Command();
  register(program, {
    connect: () => {
      throw new Error('doctor opens files');
    },
    print: async (text) => void printed.push(text),
    stderr: { write: () => true },
    exitWith: () => undefined,
    color,
  });
  await program.parseAsync(['doctor', '--data', '/nonexistent/cairn'], { from: 'user' });
  return printed.join('');
}

it('is in the text only when it is asked for, and changes nothing else', async () => {
  const [plain, colored] = [await doctor(false), await doctor(true)];
  expect(plain).not.toContain('\u001b');
  expect(colored).toContain('\u001b[32mok     \u001b[0m  platform');
});

it('is off where NO_COLOR is set', () => {
  expect(loadClientConfig({ NO_COLOR: '1' }).color).toBe(false);
  expect(loadClientConfig({}).color).toBe(true);
  expect(painter(false)('red', 'text')).toBe('text');
});
