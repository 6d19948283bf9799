/** What the commands of a sensor tell people, and what they leave to whoever mends the program. */
import type { Command } from 'commander';
import { afterEach, expect, it, vi } from 'vitest';
import { checkCommand } from '../../sensor/commands/check.ts';
import { enrolCommand } from '../../sensor/commands/enrol.ts';
import { interfacesCommand } from '../../sensor/commands/interfaces.ts';
import { Failed, told } from '../../sensor/commands/options.ts';
import { runCommand } from '../../sensor/commands/run.ts';
import { silenceCommand } from '../../sensor/commands/silence.ts';
import { statusCommand } from '../../sensor/commands/status.ts';
import { parseCollector } from '../../sensor/ship/client.ts';

afterEach(() => {
  process.exitCode = undefined;
  vi.restoreAllMocks();
});

it("tells a user's mistake in a line", async () => {
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  await told('run', async () => void parseCollector('ftp://x', { insecureHttp: false }));
  await told('run', async () => {
    throw new Failed('no');
  });
  expect(write.mock.calls.map(([text]) => text)).toEqual([
    expect.stringMatching(/^enaga-sensor run: 'ftp:\/\/x' is no address of a collector/),
    'enaga-sensor run: no\n',
  ]);
  expect(process.exitCode).toBe(1);
});

it('keeps the stack of a bug', async () => {
  const bug = () => told('run', async () => void new Float64Array(-1));
  await expect(bug()).rejects.toThrow(RangeError);
});

it('tells no default of an option that may be repeated: there is none', () => {
  const helpsOf = (command: Command): string[] => [command.helpInformation(), ...command.commands.flatMap(helpsOf)];
  const made = [enrolCommand, runCommand, statusCommand, checkCommand, silenceCommand, interfacesCommand];
  const helps = made.flatMap(make => helpsOf(make()));
  expect(helps.join()).toContain('--service <service...>');
  for (const help of helps) expect(help).not.toContain('default: []');
});
