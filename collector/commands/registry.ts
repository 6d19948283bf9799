/** What the commands on the registry share: opening it as the person who runs them, and printing. */
import os from 'node:os';
import type { Command } from 'commander';
import { Registry } from '../registry/registry.ts';
import { existingData } from './data.ts';

export function withRegistry<T>(dir: string, use: (registry: Registry) => T): T {
  const registry = Registry.open(existingData(dir).registry, { actor: userName() });
  try {
    return use(registry);
  } finally {
    registry.close();
  }
}

/** For the audit. */
export function userName(): string {
  try {
    return os.userInfo().username;
  } catch {
    return `user ${process.getuid?.()}`; // one without an entry in the system's list, as in many containers
  }
}

export const printLines = (...lines: string[]): void => void process.stdout.write(`${lines.join('\n')}\n`);

export const printJson = (value: unknown): void => printLines(JSON.stringify(value, null, 2));

/** Columns as wide as what is in them. */
export function printTable(heads: readonly string[], rows: readonly (readonly string[])[]): void {
  const all = [heads, ...rows];
  const widths = heads.map((_, n) => Math.max(...all.map(row => row[n]!.length)));
  printLines(
    ...all.map(row =>
      row
        .map((cell, n) => cell.padEnd(widths[n]!))
        .join('  ')
        .trimEnd(),
    ),
  );
}

/** ISO 8601 to the second, as people read it; null stays null. */
export const isoTime = <T extends number | null>(ms: T) =>
  (ms === null ? null : `${new Date(ms).toISOString().slice(0, 'YYYY-MM-DDTHH:MM:SS'.length)}Z`) as T extends number
    ? string
    : null;

/** Examples below the help, each what follows the group's name: of a command its own, of the group all. */
export function addExamples(group: Command, examples: Readonly<Record<string, readonly string[]>>): void {
  const text = (lines: readonly string[]) =>
    `\n${lines.length === 1 ? 'Example' : 'Examples'}:\n${lines.map(line => `  enaga ${group.name()} ${line}`).join('\n')}`;
  group.addHelpText('after', text(Object.values(examples).flat()));
  for (const command of group.commands) {
    const own = examples[command.name()];
    if (own !== undefined) command.addHelpText('after', text(own));
  }
}
