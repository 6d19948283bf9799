/** What renews open days tries each second, and says once what is wrong. */
import fs from 'node:fs';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openReadSide } from '../../../collector/publish/api/read-powers.ts';
import { SealedLog } from '../../support/sealed-log.ts';

let made: SealedLog;
beforeEach(() => {
  made = new SealedLog([]);
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  made.remove();
});

test('a store that cannot be read is told once, until it is another time', () => {
  const failed = vi.fn();
  const side = openReadSide({ data: made.data, renewal: { file: `${made.data.store}.made`, failed } });
  const after = (seconds: number) => {
    vi.advanceTimersByTime(seconds * 1000);
    return failed.mock.calls.length;
  };
  expect(after(5)).toBe(0);
  fs.writeFileSync(made.data.store, 'no database');
  expect(after(5)).toBe(1);
  fs.rmSync(made.data.store);
  expect(after(5)).toBe(1);
  fs.writeFileSync(made.data.store, 'no database');
  expect(after(5)).toBe(2);
  side.close();
});
