import { Writable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { bytesText, durationText, progressText, startProgress } from '../../collector/replay/progress.ts';

/** A stream that calls itself a terminal and keeps what it was sent. */
class Terminal extends Writable {
  isTTY = true;
  columns = 100;
  chunks: string[] = [];
  cursorTo = () => true;
  clearLine = () => true;
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.chunks.push(chunk.toString());
    done();
  }
}

test('with a known size: share, bytes, packets, rate, time left', () => {
  const text = progressText(250_000_000, 3_000_000, 1_000_000_000, 2000);
  expect(text).toBe('  25%  250.0 MB of 1.0 GB  3,000,000 packets  1,500,000/s  6 s left');
});

test('without a size: counts and rate alone', () => {
  expect(progressText(250_000_000, 3_000_000, undefined, 2000)).toBe(' 250.0 MB  3,000,000 packets  1,500,000/s');
  expect(progressText(0, 0, undefined, 10)).toBe(' 0 B  0 packets');
});

test('a file that grew while it was read does not pass 100%', () => {
  expect(progressText(1100, 5, 1000, 5000)).toContain('100%');
});

test('sizes and durations are short', () => {
  expect([0, 999, 1000, 12_345_678, 5e15].map(bytesText)).toEqual(['0 B', '999 B', '1.0 kB', '12.3 MB', '5000.0 TB']);
  expect([0, 59.2, 61, 3599.5, 3725].map(durationText)).toEqual(['0 s', '1:00 min', '1:01 min', '1:00 h', '1:02 h']);
});

test('on a terminal it draws at most ten times a second, and leaves nothing behind', async () => {
  const stream = new Terminal();
  const started = performance.now();
  const progress = await startProgress({ total: 1000, stream, quiet: false });
  for (let i = 1; i <= 50; i++) {
    progress.update(i * 20, i * 3);
    await setTimeout(10);
  }
  progress.stop();
  const tenths = Math.floor((performance.now() - started) / 100); // five, and more where timers are late
  const drawn = stream.chunks.filter(chunk => chunk.includes('packets')).length;
  expect(drawn).toBeGreaterThanOrEqual(2);
  expect(drawn).toBeLessThanOrEqual(tenths + 3); // as it begins and ends, too, and a timer may be a little early
  const after = stream.chunks.length;
  await setTimeout(250);
  expect(stream.chunks).toHaveLength(after);
});

test('nothing is written to a pipe, nor when asked to be quiet', async () => {
  for (const [isTTY, quiet] of [
    [false, false],
    [true, true],
  ]) {
    const stream = new Terminal();
    stream.isTTY = isTTY;
    const progress = await startProgress({ total: 10, stream, quiet });
    progress.update(5, 5);
    progress.stop();
    expect(stream.chunks).toEqual([]);
  }
});
