/** `enaga batch show`, as a user gives it. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Command } from 'commander';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { batchCommand } from '../../collector/commands/batch.ts';
import { sealBatch } from '../../common/batch/seal.ts';
import { batchWireBytesMax } from '../../common/limits.ts';
import { createRecords } from '../../common/record/record.ts';
import { HOUR, header, someRecords } from './support.ts';

let folder: string;
const file = (name: string, bytes: Uint8Array): string => {
  const where = path.join(folder, name);
  fs.writeFileSync(where, bytes);
  return where;
};
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'enaga-test-'));
});
afterEach(() => void vi.restoreAllMocks());
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

async function show(...args: string[]) {
  const said = { stdout: '', stderr: '', code: 0 };
  for (const name of ['stdout', 'stderr'] as const)
    vi.spyOn(process[name], 'write').mockImplementation(text => {
      said[name] += text;
      return true;
    });
  const before = process.exitCode;
  const program = new Command('enaga').exitOverride();
  program.addCommand(batchCommand().copyInheritedSettings(program));
  for (const command of program.commands.flatMap(one => [one, ...one.commands])) command.exitOverride();
  try {
    await program.parseAsync(['batch', 'show', ...args], { from: 'user' });
    said.code = Number(process.exitCode ?? 0);
  } catch (error) {
    said.code = (error as { exitCode: number }).exitCode;
  }
  process.exitCode = before;
  return said;
}

const two = createRecords(4, 2);
Object.assign(two, { count: 2, hour: HOUR });
two.src.set([0x01020304, 0xc8000001]);
two.dst.set([0xc0000201, 0xc0000202]);
two.time.set([1_000_000, 3_599_999_999]);
two.protocol.set([6, 47]);
two.srcPort.set([4096, 0]);
two.dstPort.set([23, 0]);
two.flags.set([2, 0]);
two.ttl.set([50, 255]);
two.length.set([40, 1500]);
two.window.set([1024, 0]);
two.seqFold.set([48_879, 0]);
two.tool.set([4, 0]);
const sealed = sealBatch({ header, records: two });

describe('enaga batch show', () => {
  it('prints the head, the counters, the sizes and the records', async () => {
    const { stdout, stderr, code } = await show(file('two.batch', sealed.bytes));
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout.split('\n')).toEqual([
      'sensor              0197a0b1-c2d3-74e5-86f7-0819a2b3c4d5',
      'batch               epoch 3, sequence 17',
      'watched             2026-05-10T08:00:01.000000Z to 2026-05-10T08:00:11.000000Z',
      'records             2 of IPv4',
      'seen                1,042',
      'kernel drops        2',
      'interrupted         0',
      'skipped, arp        30',
      'skipped, truncated  7',
      'lost                epoch 2, 5 to 6: 16,384 records',
      expect.stringMatching(/^bytes {15}\d+, 244 in memory, [\d.]+ a record$/),
      `SHA-256             ${sealed.sha256}`,
      '',
      'time                         src        srcPort  dst        dstPort  protocol  flags  ttl  length  window  seqFold  tool',
      '2026-05-10T08:00:01.000000Z  1.2.3.4       4096  192.0.2.1       23  tcp           2   50      40    1024    48879     4',
      '2026-05-10T08:59:59.999999Z  200.0.0.1        0  192.0.2.2        0  47            0  255    1500       0        0     0',
      '',
    ]);
  });

  it('prints the first records only, and says how many more there are', async () => {
    const many = file('many.batch', sealBatch({ header, records: someRecords(6, 1200) }).bytes);
    const { stdout } = await show('--records', '3', many);
    expect(stdout.split('\n\n')[1]!.split('\n').length).toBe(6); // names, three records, the rest, the end
    expect(stdout).toContain('and 1,197 more (--records)');
    expect((await show('--records', '0', many)).stdout).toMatch(/^SHA-256 +[0-9a-f]{64}\n$/m);
  });

  it('prints JSON', async () => {
    const { stdout } = await show('--json', '--records', '1', file('json.batch', sealed.bytes));
    const shown = JSON.parse(stdout);
    expect(shown).toMatchObject({
      version: 1,
      sensor: header.sensor,
      epoch: 3,
      sequence: 17,
      hour: '2026-05-10T08:00:00.000000Z',
      historic: false,
      family: 4,
      count: 2,
      counters: header.counters,
      bytes: { wire: sealed.bytes.length, canonical: 244 },
      sha256: sealed.sha256,
      records: [{ src: '1.2.3.4', dst: '192.0.2.1', dstPort: 23, protocol: 'tcp', window: 1024 }],
    });
  });

  it('shows a batch without records', async () => {
    const { stdout, code } = await show(file('none.batch', sealBatch({ header, records: someRecords(4, 0) }).bytes));
    expect(code).toBe(0);
    expect(stdout).toContain('records             0 of IPv4');
  });

  it('says what is wrong with a file, and prints nothing', async () => {
    const cut = file('cut.batch', sealed.bytes.subarray(0, -1));
    const tried: [string, string][] = [
      [cut, 'no good batch: records that cannot be decompressed'],
      [file('text.batch', Buffer.from('hello '.repeat(40))), 'no good batch: no batch: it begins with something else'],
      [file('empty.batch', new Uint8Array()), 'no good batch: shorter than its head'],
      [file('large.batch', new Uint8Array(batchWireBytesMax + 2)), 'no good batch: larger than a batch may be'],
      [path.join(folder, 'absent'), 'absent: no such file or directory: check the path'],
      [folder, 'this is a directory: name a file'],
    ];
    for (const [where, words] of tried) {
      const { stdout, stderr, code } = await show(where);
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr).toMatch(/^enaga batch show: /);
      expect(stderr).toContain(words);
      vi.restoreAllMocks();
    }
  });

  it('refuses a wrong command line', async () => {
    const { code, stderr } = await show('--records', 'all', 'x');
    expect(code).toBe(1);
    expect(stderr).toContain('It takes a whole number from 0 to 65536.');
  });
});
