/** What the commands of a sensor tell people, and what they leave to whoever mends the program. */
import { afterEach, expect, it, vi } from 'vitest';
import { Failed, told } from '../../sensor/commands/options.ts';
import { parseCollector } from '../../sensor/ship/client.ts';

afterEach(() => {
  process.exitCode = undefined;
  vi.restoreAllMocks();
});

it("tells a user's mistake in a line", async () => {
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  await told('run', async () => void parseCollector('ftp://x', { insecureHttp: false }));
  await told('run', async () => {
    throw new Failed('no');
  });
  expect(write.mock.calls.map(([text]) => text)).toEqual([
    expect.stringMatching(/^enaga-sensor run: 'ftp:\/\/x' is no address of a collector/),
    'enaga-sensor run: no\n',
  ]);
  expect(process.exitCode).toBe(1);
});

it('keeps the stack of a bug', async () => {
  const bug = () => told('run', async () => void new Float64Array(-1));
  await expect(bug()).rejects.toThrow(RangeError);
});
