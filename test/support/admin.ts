/** Commands in this process, as `collector/main.ts` runs them, but without the half second a process takes. */
import { Command, CommanderError } from 'commander';
import { vi } from 'vitest';
import { backupCommand } from '../../collector/commands/backup.ts';
import { initCommand } from '../../collector/commands/init.ts';
import { orgCommand } from '../../collector/commands/org.ts';
import { restoreCommand } from '../../collector/commands/restore.ts';
import { sensorCommand } from '../../collector/commands/sensor.ts';

export interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What an admin sets a collector up with. */
export const admin = (...args: string[]): Promise<Said> =>
  runCommand([initCommand, orgCommand, sensorCommand, backupCommand, restoreCommand], args);

/** Runs one of these commands with its arguments, the first of which is its name. */
export async function runCommand(commands: readonly (() => Command)[], args: readonly string[]): Promise<Said> {
  const said = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map(stream =>
    vi.spyOn(process[stream], 'write').mockImplementation(text => {
      said[stream] += text;
      return true;
    }),
  );
  const before = process.exitCode;
  process.exitCode = 0;
  try {
    const program = new Command('enaga').exitOverride();
    for (const make of commands) program.addCommand(make().copyInheritedSettings(program));
    await program.parseAsync(args, { from: 'user' });
    return { ...said, code: Number(process.exitCode) };
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return { ...said, code: error.exitCode === 0 ? 0 : 2 };
  } finally {
    process.exitCode = before;
    for (const spy of spies) spy.mockRestore();
  }
}
