/** Tells a disk without room, which may have some again, from one that fails. */

/** Of SQLite, and of the system for what else is written. */
const FULL: ReadonlySet<unknown> = new Set([
  'SQLITE_FULL',
  'SQLITE_IOERR_SHMSIZE', // met while the index of the write-ahead log grows
  'ENOSPC',
  'EDQUOT',
]);

/** Nothing was written, for there is no room. */
export const isFull = (error: unknown): boolean => FULL.has((error as { code?: unknown } | null | undefined)?.code);
