/**
 * The name of a log: a random UUID in the file `id` beside it. Positions mean something only together with it: a log that
 * lost entries (a restored backup, a file taken away) gives the same positions to other batches, and so takes a new name.
 */
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Undefined if there is none, or none that is whole. */
export function readIdentity(dir: string): string | undefined {
  try {
    const id = fs.readFileSync(path.join(dir, 'id'), 'utf8').trim();
    return UUID.test(id) ? id : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Names the log anew, durably. */
export function renewIdentity(dir: string): string {
  const id = randomUUID();
  const file = path.join(dir, 'id');
  fs.writeFileSync(`${file}.tmp`, `${id}\n`, { flush: true, mode: 0o600 });
  fs.renameSync(`${file}.tmp`, file);
  syncDirectory(dir);
  return id;
}

/** After this, what was created, renamed or removed in `dir` stays so when the power fails. */
export function syncDirectory(dir: string): void {
  const handle = fs.openSync(dir, 'r');
  try {
    fs.fsyncSync(handle);
  } finally {
    fs.closeSync(handle);
  }
}
