/** How a command that could not do its work says so: one line on standard error, and exit code 1. */
import Database from 'better-sqlite3';
import { Locked } from '../../common/sqlite/lock.ts';
import { BadDatabase } from '../../common/sqlite/open.ts';
import { LogUnavailable } from '../log/log.ts';
import { RegistryError } from '../registry/registry.ts';
import { BadConfig } from './config.ts';
import { BadData } from './data.ts';
import { troubleText } from './trouble.ts';

const FAILED = 1;

/** Wraps a command's action. What is nobody's doing but the program's goes on as it was thrown. */
export function reporting<Args extends unknown[]>(
  command: string,
  action: (...args: Args) => void | Promise<void>,
): (...args: Args) => Promise<void> {
  return async (...args) => {
    try {
      await action(...args);
    } catch (error) {
      const text = outcomeText(error);
      if (text === undefined) throw error;
      process.stderr.write(`enaga ${command}: ${text}\n`);
      process.exitCode = FAILED;
    }
  };
}

/** What its user can mend, in words; undefined of an error that is the program's own. */
export function outcomeText(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const classes = [BadData, RegistryError, BadDatabase, BadConfig, LogUnavailable, Locked];
  if (classes.some(kind => error instanceof kind)) return error.message;
  const isSystems = error instanceof Database.SqliteError || (error as NodeJS.ErrnoException).syscall !== undefined;
  return isSystems ? troubleText(error) : undefined;
}
