/** exports.json is followed while it is served from: what is right holds at once, what is wrong changes nothing and is said once. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { followSender } from '../../collector/publish/sender.ts';

let dir: string;
let file: string;
beforeEach(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'enaga-sender-'));
  file = path.join(dir, 'exports.json');
});
afterEach(() => fs.rmSync(dir, { recursive: true, force: true }));

const write = (value: unknown) => {
  // As an editor does: another file in its place.
  fs.writeFileSync(`${file}.new`, typeof value === 'string' ? value : JSON.stringify(value));
  fs.renameSync(`${file}.new`, file);
};
const WHOLE = { organisation: 'Example CSIRT', email: 'scan@csirt.example', feed: 'example-scans' };

test('from no file to one, to another, and back', () => {
  const said: string[] = [];
  const now = followSender(file, text => said.push(text));
  expect(now()).toBeUndefined();
  write({ organisation: 'Example CSIRT' });
  expect(now()).toBeUndefined();
  write(WHOLE);
  expect(now()).toEqual({
    organisation: { name: 'Example CSIRT', email: 'scan@csirt.example', feedCode: 'example-scans' },
    tlp: 'amber',
  });
  write({ ...WHOLE, tlp: 'green' });
  expect(now()?.tlp).toBe('green');
  for (const wrong of ['{', { ...WHOLE, tlp: 'blue' }, []]) {
    write(wrong);
    for (let n = 0; n < 3; n++) expect(now()?.tlp).toBe('green');
  }
  expect(said).toHaveLength(3);
  expect(said[1]).toMatch(/^who sends exchange files stays as it was: .*exports\.json may have organisation/);
  write(WHOLE);
  expect(now()?.tlp).toBe('amber');
  fs.rmSync(file);
  expect([now(), said.length]).toEqual([undefined, 3]);
});

test('one that is wrong from the start is said, and is as none', () => {
  write('{');
  const said: string[] = [];
  expect(followSender(file, text => said.push(text))()).toBeUndefined();
  expect(said).toHaveLength(1);
});
