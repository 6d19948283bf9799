/** The benchmark's capture is what it says, seen by tcpdump; and the benchmark compares what counted the same. */
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isThere } from './run.ts';
import { spreadOf } from './table.ts';
import { writeTraffic } from './traffic.ts';

const packets = 50_000;
/** Of a population of a few per cent of that many packets: four standard deviations. */
const shareErrorMax = 0.009;

const MIRAI = '(tcp[4:4] == ip[16:4])'; // the sequence number is the destination
const POPULATIONS = [
  { name: 'scanners', share: 0.62, senders: 4_000, filter: `tcp[tcpflags] == tcp-syn and not ${MIRAI}` },
  { name: 'bots', share: 0.22, senders: 200_000, filter: `tcp[tcpflags] == tcp-syn and ${MIRAI}` },
  { name: 'udp', share: 0.1, senders: 60_000, filter: 'udp' },
  { name: 'rest', share: 0.06, senders: 3_000, filter: 'icmp or tcp[tcpflags] == (tcp-syn|tcp-ack)' },
];

let folder: string;
let capture: string;
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'enaga-test-'));
  capture = path.join(folder, 'traffic.pcap');
  writeTraffic(capture, packets);
});
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

const sha256 = (file: string) => createHash('sha256').update(fs.readFileSync(file)).digest('hex');

const tcpdump = (filter: string): string[] =>
  execFileSync('tcpdump', ['-nnqtt', '-r', capture, filter], {
    stdio: ['ignore', 'pipe', 'ignore'],
    maxBuffer: 1 << 28,
  })
    .toString()
    .split('\n')
    .slice(0, -1);

/** How many lines have each value of a field, most first. */
function tally(lines: readonly string[], field: (line: string) => string): number[] {
  const counts = new Map<string, number>();
  for (const line of lines) counts.set(field(line), (counts.get(field(line)) ?? 0) + 1);
  return [...counts.values()].sort((a, b) => b - a);
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
const sourceOf = (line: string) => line.split(' ')[2]!.split('.').slice(0, 4).join('.');
const portOf = (line: string) => line.split(' ')[4]!.split('.')[4]!;

describe('the generated capture', () => {
  it('is the same for a seed, another for another, and a short one begins a long one', () => {
    const again = path.join(folder, 'again.pcap');
    writeTraffic(again, packets);
    expect(sha256(again)).toBe(sha256(capture));
    writeTraffic(again, packets, 2);
    expect(sha256(again)).not.toBe(sha256(capture));
    writeTraffic(again, 1000);
    const short = fs.readFileSync(again);
    expect(short.equals(fs.readFileSync(capture).subarray(0, short.length))).toBe(true);
  });

  describe.skipIf(!isThere('tcpdump'))('as tcpdump reads it', () => {
    it.each(POPULATIONS)('has its share of $name, from no more senders than said', ({ share, senders, filter }) => {
      const lines = tcpdump(filter);
      expect(lines.length / packets).toBeGreaterThan(share - shareErrorMax);
      expect(lines.length / packets).toBeLessThan(share + shareErrorMax);
      expect(tally(lines, sourceOf).length).toBeLessThanOrEqual(senders);
    });

    it('has every packet in one of these, to the dark /19, at the rate of a day', () => {
      const all = tcpdump('dst net 203.0.96.0/19');
      expect(all.length).toBe(packets);
      expect(sum(POPULATIONS.map(({ filter }) => tcpdump(filter).length))).toBe(packets);
      const [first, last] = [all[0]!, all.at(-1)!].map(line => Number(line.split(' ')[0]));
      expect((last! - first!) / packets).toBeCloseTo(13 / 8192, 4);
    });

    it('has few busy senders and many of one packet, few busy ports and many others, long payloads and mostly short', () => {
      const all = tcpdump('');
      const sources = tally(all, sourceOf);
      expect(sum(sources.slice(0, 10)) / packets).toBeGreaterThan(0.15);
      expect(sources.filter(count => count === 1).length / sources.length).toBeGreaterThan(0.5);
      const ports = tally(tcpdump('tcp[tcpflags] == tcp-syn'), portOf);
      expect(sum(ports.slice(0, 10)) / packets).toBeGreaterThan(0.15);
      expect(ports.length).toBeGreaterThan(5_000);
      const payloads = tcpdump('udp').map(line => Number(/length (\d+)$/.exec(line)![1]));
      const { median, max } = spreadOf(payloads);
      expect(median).toBeLessThan(50);
      expect(max).toBeGreaterThan(1000);
    });
  });
});

describe('the benchmark', () => {
  const start = (temporary: string, ...args: string[]) => {
    const main = path.join(import.meta.dirname, 'main.ts');
    fs.mkdirSync(temporary);
    const env = { ...process.env, TMPDIR: temporary };
    const child = spawn(process.execPath, [main, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const said = { stdout: '', stderr: '' };
    child.stdout.on('data', data => (said.stdout += data));
    child.stderr.on('data', data => (said.stderr += data));
    return { child, said, ended: once(child, 'close') };
  };

  it('compares what counted the same, and leaves nothing behind', async () => {
    const temporary = path.join(folder, 'whole');
    const { said, ended } = start(temporary, '--quick', '--packets', '5000', '--markdown');
    expect([await ended, said.stderr]).toEqual([[0, null], expect.stringContaining('round 1 of 1')]);
    const { stdout } = said;
    expect(stdout).toMatch(/^`npm run bench -- --quick --packets 5000 --markdown` on /);
    expect(stdout.split('\n').filter(line => line.startsWith('|')).length).toBeGreaterThanOrEqual(6);
    for (const letter of ['a', 'b', 'b′', 'c'])
      expect(stdout).toContain(`- (${letter}) counted the same as replay: 5,000 `);
    for (const [letter, tool] of [
      ['d', 'tshark'],
      ['e', 'tcpdump'],
      ['f', 'nfpcapd'],
      ['g', 'tracereport'],
    ] as const)
      expect(stdout).toContain(
        isThere(tool) ? `- (${letter}) counted the same as replay: 5,000 ` : `- (${letter}) left out`,
      );
    expect(stdout).toMatch(/^\| Enaga's batches: records \| 1\d\.\d \|/m);
    expect(stdout.match(/^- (met|missed|not measured): /gm)?.length).toBe(11);
    expect(fs.readdirSync(temporary)).toEqual([]);
  });

  it('leaves nothing behind when it is interrupted', async () => {
    const temporary = path.join(folder, 'interrupted');
    const { child, said, ended } = start(temporary, '--quick', '--packets', '300000');
    while (!said.stderr.includes('to compare with')) await once(child.stderr, 'data');
    child.kill('SIGINT');
    expect(await ended).toEqual([130, null]);
    expect(fs.readdirSync(temporary)).toEqual([]);
  });

  it('says what is wrong with its command line', async () => {
    const { said, ended } = start(path.join(folder, 'usage'), '--packets', 'many');
    expect(await ended).toEqual([2, null]);
    expect(said.stderr).toContain('--packets takes a whole number from 1,000 to 100,000,000');
  });
});
