/**
 * What is told of open days (open-days.ts) as a file beside the store, store.db.made, so that nobody waits after a start: v8's
 * serialized form of `{form, made}`, and after it the CRC-32 of these bytes in four, the lowest first. `form` is another with every
 * change of what is kept. One that cannot be read is no loss, nor what in it is not of the store as it is.
 */
import fs from 'node:fs';
import { deserialize, serialize } from 'node:v8';
import { crc32 } from 'node:zlib';
import { ROW_TABLES } from '../reduce/rows.ts';
import type { Made } from './open-days.ts';

interface MadeFile {
  readonly form: string;
  readonly made: readonly Made[];
}

const FORM = `1 ${ROW_TABLES.length}`;
const sumBytes = 4;

/** In place of what was kept before. No fault of the disk's is worth what was made. */
export async function keepMade(file: string, made: readonly Made[]): Promise<void> {
  const bytes = serialize({ form: FORM, made } satisfies MadeFile);
  const sum = Buffer.alloc(sumBytes);
  sum.writeUInt32LE(crc32(bytes));
  try {
    await fs.promises.writeFile(`${file}.new`, [bytes, sum], { mode: 0o600 });
    await fs.promises.rename(`${file}.new`, file);
  } catch {
    // The next start makes it again.
  }
}

/** None if there is no such file, or one that cannot be read. */
export function keptMade(file: string): readonly Made[] {
  try {
    const all = fs.readFileSync(file);
    const bytes = all.subarray(0, -sumBytes);
    if (crc32(bytes) !== all.readUInt32LE(bytes.length)) return [];
    const { form, made } = deserialize(bytes) as MadeFile;
    return form === FORM ? made : [];
  } catch {
    return [];
  }
}
