/** What is known of files: looked through when a process begins, not each time; and never in the way when it is damaged. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Digests } from '../../../collector/publish/api/digests.ts';

let dir: string;
let file: string;
beforeEach(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'enaga-digests-'));
  file = path.join(dir, 'files.db');
});
afterEach(() => fs.rmSync(dir, { recursive: true, force: true }));

const keyOf = (day: number) => ({ day, scope: 'whole', name: 'ports.csv', made: '1' });
const FACTS = { size: 1, sha256: '0'.repeat(64) };

/** Some pages, of which one of the last is overwritten. */
function damage(): void {
  const digests = Digests.open(file);
  for (let day = 0; day < 2000; day++) digests.keep(keyOf(day), FACTS);
  digests.close();
  const handle = fs.openSync(file, 'r+');
  fs.writeSync(handle, Buffer.alloc(2048, 0xff), 0, 2048, fs.statSync(file).size - 6000);
  fs.closeSync(handle);
}

test('damage is found when all is looked through, and the file is made anew', () => {
  damage();
  const digests = Digests.open(file);
  expect(digests.get(keyOf(1))).toBeUndefined();
  digests.keep(keyOf(1), FACTS);
  expect(digests.get(keyOf(1))).toEqual(FACTS);
  digests.close();
});

test('without looking through it is opened as it is: what is whole of it is told', () => {
  damage();
  const digests = Digests.open(file, { check: false });
  expect(digests.get(keyOf(0))).toEqual(FACTS);
  digests.close();
});

test('what is no database at all is made anew either way', () => {
  for (const check of [true, false]) {
    fs.writeFileSync(file, 'SQLite format 3\0 but not really, and long enough to be looked at as one'.repeat(100));
    const digests = Digests.open(file, { check });
    digests.keep(keyOf(1), FACTS);
    expect(digests.get(keyOf(1))).toEqual(FACTS);
    digests.close();
  }
});
