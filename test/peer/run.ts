/** Commands of `enaga` in this process: as people run them, without the time that a start takes. */
import { Command, CommanderError } from 'commander';
import { vi } from 'vitest';
import { auditCommand } from '../../collector/commands/audit.ts';
import { dshieldCommand } from '../../collector/commands/dshield.ts';
import { importCommand } from '../../collector/commands/import.ts';
import { initCommand } from '../../collector/commands/init.ts';
import { memberCommand } from '../../collector/commands/member.ts';
import { orgCommand } from '../../collector/commands/org.ts';
import { peerCommand } from '../../collector/commands/peer.ts';

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** One at a time: it listens to this process's own output. */
export async function run(data: string, ...args: string[]): Promise<Ran> {
  const said = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map(stream =>
    vi.spyOn(process[stream], 'write').mockImplementation(((text: string | Uint8Array, ...rest: unknown[]) => {
      said[stream] += typeof text === 'string' ? text : Buffer.from(text).toString();
      const done = rest.findLast(one => typeof one === 'function') as (() => void) | undefined;
      done?.();
      return true;
    }) as typeof process.stdout.write),
  );
  const before = process.exitCode;
  process.exitCode = 0;
  try {
    const program = new Command('enaga').exitOverride();
    const makers = [peerCommand, importCommand, dshieldCommand, memberCommand, orgCommand, initCommand, auditCommand];
    for (const make of makers) {
      const command = make().copyInheritedSettings(program);
      for (const child of command.commands) child.copyInheritedSettings(command);
      program.addCommand(command);
    }
    await program.parseAsync([...args, '--data', data], { from: 'user' });
    return { ...said, code: Number(process.exitCode) };
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return { ...said, code: error.exitCode === 0 ? 0 : 2 };
  } finally {
    process.exitCode = before;
    for (const spy of spies) spy.mockRestore();
  }
}
