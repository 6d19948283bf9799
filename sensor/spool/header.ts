/** What a spool's file says of itself before SQLite opens it. */
import fs from 'node:fs';
import { BadDatabase } from '../../common/sqlite/open.ts';

/** The format version that who writes must know (sqlite.org/fileformat2.html), and the highest there is. */
const WRITE_VERSION_AT = 18;
const writeVersionMax = 2;

/**
 * Throws `BadDatabase` for a file of a version that SQLite does not know: it would open it for reading alone, without a word. To be
 * called while nobody in this process has the file open, for to close any handle of it takes SQLite's locks (sqlite.org/howtocorrupt.html).
 */
export function checkHeader(file: string): void {
  if (!fs.existsSync(file)) return;
  const header = new Uint8Array(WRITE_VERSION_AT + 1);
  const handle = fs.openSync(file, 'r');
  try {
    fs.readSync(handle, header, 0, header.length, 0);
  } finally {
    fs.closeSync(handle);
  }
  if (header[WRITE_VERSION_AT]! > writeVersionMax) throw new BadDatabase(`${file} is damaged, or of a newer SQLite`);
}
