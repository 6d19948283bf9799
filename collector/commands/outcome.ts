/** How a command that could not do its work says so: one line on standard error, and exit code 1. */
import Database from 'better-sqlite3';
import { Locked } from '../../common/sqlite/lock.ts';
import { BadDatabase } from '../../common/sqlite/open.ts';
import { LogUnavailable } from '../log/log.ts';
import { RegistryError } from '../registry/registry.ts';
import { BadConfig } from './config.ts';
import { BadData } from './data.ts';

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
      if (!isOutcome(error)) throw error;
      process.stderr.write(`enaga ${command}: ${error.message}\n`);
      process.exitCode = FAILED;
    }
  };
}

const isOutcome = (error: unknown): error is Error =>
  [BadData, RegistryError, BadDatabase, BadConfig, LogUnavailable, Locked, Database.SqliteError].some(
    kind => error instanceof kind,
  ) || (error as NodeJS.ErrnoException).syscall !== undefined;
