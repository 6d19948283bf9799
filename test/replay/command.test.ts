/** `enaga replay` as a user meets it: a process with arguments, standard streams and an exit code. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeTraffic } from '../bench/traffic.ts';
import { capture, captures, enaga } from '../support/enaga.ts';

let folder: string;
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'enaga-replay-'));
});
afterAll(() => fs.rmSync(folder, { recursive: true }));

const everyCapture = fs
  .readdirSync(captures)
  .filter(name => !name.endsWith('.json'))
  .map(capture);
const json = async (...args: string[]) => enaga(['replay', '--quiet', '--json', '-', ...args]);

/** SYNs to 192.0.2.1 of as many sources, by turns just before and just after midnight, as raw IPv4 (link type 101). */
function restlessCapture(packets: number): Buffer {
  const midnight = Date.UTC(2026, 2, 2) / 1000;
  const header = Buffer.alloc(24);
  for (const [n, word] of [0xa1b2c3d4, 0x00040002, 0, 0, 65_535, 101].entries()) header.writeUInt32LE(word, 4 * n);
  const frames = Array.from({ length: packets }, (_, n) => {
    const frame = Buffer.alloc(56);
    frame.writeUInt32LE(midnight - (n % 2), 0);
    frame.writeUInt32LE(40, 8);
    frame.writeUInt32LE(40, 12);
    frame.writeUInt32BE(0x45000028, 16);
    frame.writeUInt16BE(0x4006, 24);
    frame.writeUInt32BE(0x01000000 + n, 28);
    frame.writeUInt32BE(0xc0000201, 32);
    frame.writeUInt16BE(n % 100, 38);
    frame.writeUInt16BE(0x5002, 48);
    return frame;
  });
  return Buffer.concat([header, ...frames]);
}

describe('enaga replay', () => {
  it('prints the same bytes for any number of threads, with more captures than there are blocks in memory', async () => {
    const [one, two, five] = await Promise.all(
      ['1', '2', '5'].map(threads => json('--threads', threads, ...everyCapture)),
    );
    expect(one!.stdout.length).toBeGreaterThan(10_000);
    expect(two!.stdout === one!.stdout && five!.stdout === one!.stdout).toBe(true);
  });

  it('prints the same bytes for any number of threads, of more packets than their blocks hold at once', async () => {
    const big = path.join(folder, 'big.pcap');
    writeTraffic(big, 400_000);
    const [one, two, three] = await Promise.all(
      ['1', '2', '3'].map(threads => json('--threads', threads, big, capture('two-days.pcap'), big)),
    );
    expect(JSON.parse(one!.stdout).packets).toBe(2 * 400_000 + 33);
    expect(two!.stdout === one!.stdout && three!.stdout === one!.stdout).toBe(true);
  });

  it('prints the same bytes for any number of threads, of packets that go to and fro between two days', async () => {
    const restless = path.join(folder, 'restless.pcap');
    fs.writeFileSync(restless, restlessCapture(10_000));
    const [one, two, three] = await Promise.all(['1', '2', '3'].map(threads => json('--threads', threads, restless)));
    expect(JSON.parse(one!.stdout).days.map((day: { packets: number }) => day.packets)).toEqual([5_000, 5_000]);
    expect(two!.stdout === one!.stdout && three!.stdout === one!.stdout).toBe(true);
  });

  it('prints the same bytes for captures in any order', async () => {
    const [forth, back] = await Promise.all([json(...everyCapture), json(...everyCapture.toReversed())]);
    expect(back!.stdout === forth!.stdout).toBe(true);
  });

  it.each(['scanners-dark-24.pcap', 'pcapng-zstd.pcapng.zst', 'gzip-two-members.pcap.gz'])(
    'reads %s from standard input as from a file, in pieces of any size',
    async name => {
      const bytes = fs.readFileSync(capture(name));
      const pieces = Array.from({ length: Math.ceil(bytes.length / 37) }, (_, n) =>
        bytes.subarray(37 * n, 37 * (n + 1)),
      );
      const [piped, named] = await Promise.all([
        enaga(['replay', '--quiet', '--json', '-', '-'], { stdin: Readable.from(pieces) }),
        json(capture(name)),
      ]);
      expect(piped).toMatchObject({ code: 0, stdout: named!.stdout });
    },
  );

  it('fault 19: counts what precedes the damage and every other file, names file and byte, and exits with 3', async () => {
    const { code, stdout, stderr } = await json(
      capture('broken-huge-length.pcap'),
      'no-such-file',
      capture('two-days.pcap'),
    );
    expect(code).toBe(3);
    expect(JSON.parse(stdout).packets).toBe(4 + 33);
    expect(stderr).toMatch(/broken-huge-length\.pcap: damaged at byte 404: .*Everything before it is counted/);
    expect(stderr).toMatch(/no-such-file: cannot be read: there is no such file/);
  });

  it.each([
    ['broken-gzip-cut.pcap.gz', 692], // of 294 bytes
    ['broken-zstd-cut.pcap.zst', 404],
  ])('%s: the byte is one of what it unpacks to, and it is said so in the page, too', async (name, byte) => {
    const page = path.join(folder, `${name}.html`);
    const { stderr } = await enaga(['replay', '--quiet', '--report', page, capture(name)]);
    expect(stderr).toContain(`${name}: damaged at byte ${byte} of what it unpacks to: `);
    const text = fs.readFileSync(page, 'utf8');
    expect(text).toContain(`${name}: damaged at byte ${byte} of what it unpacks to: `);
    expect(text).toContain(`${name}：展開後の${byte}バイト目以降が損傷しています`);
  });

  it('says of standard input named twice that there is no more of it, and ends', async () => {
    const stdin = () => Readable.from([fs.readFileSync(capture('broken-huge-length.pcap'))]);
    const { code, stderr } = await enaga(['replay', '--quiet', '-', '-'], { stdin: stdin() });
    expect(code).toBe(3);
    expect(stderr.match(/-: (damaged at byte 404|nothing of it can be read): /g)).toHaveLength(2);
  });

  it('says in the tables and in the page, too, what was not read to its end', async () => {
    const page = path.join(folder, 'damaged.html');
    const files = [capture('broken-huge-length.pcap'), 'no-such-file', capture('two-days.pcap')];
    const { stdout, stderr } = await enaga(['replay', '--report', page, ...files]);
    expect(stdout).toMatch(/^Not read, or not to the end: .+broken-huge-length\.pcap, no-such-file\n$/m);
    expect(stderr).toMatch(/no-such-file: cannot be read: [^\n]+\n$/); // the last word
    const text = fs.readFileSync(page, 'utf8');
    const [head, body] = [
      text.indexOf('broken-huge-length.pcap: damaged at byte 404'),
      text.indexOf('class="figures"'),
    ];
    expect([head > 0, head < body]).toEqual([true, true]);
    expect(text).toContain('no-such-file: could not be read: there is no such file');
    expect(text).toContain('broken-huge-length.pcap：404バイト目以降が損傷しています');
    expect(text).toContain('Read: broken-huge-length.pcap, no-such-file, two-days.pcap.');
  });

  it.each([[], ['--quiet', '--json', '-']])('says nothing of a reader that has seen enough %s', async (...args) => {
    const { code, stderr } = await enaga(['replay', ...args, capture('scanners-dark-24.pcap')], { stdoutClosed: true });
    expect(code).toBe(0);
    expect(stderr).not.toContain('EPIPE');
  });

  it('names a link type that it does not read once, with the first capture that has it and how many more', async () => {
    const [first, second] = [capture('unknown-link-type.pcap'), path.join(folder, 'second.pcap')];
    fs.copyFileSync(first, second);
    const words = ': link type 147 is not one we read: ';
    const all = await json(capture('two-days.pcap'), first, second, capture('two-days.pcap'));
    expect(all.code).toBe(0);
    expect(JSON.parse(all.stdout).skipped).toEqual({ 'link-type': 24 });
    expect(all.stderr).toContain(`enaga replay: ${first} and 1 more${words}`);
    expect(all.stderr.match(/link type 147/g)).toHaveLength(1);
    expect((await json(second, capture('two-days.pcap'))).stderr).toContain(`enaga replay: ${second}${words}`);
  });

  it('says the error alone where no capture could be read at all, and writes what was asked for', async () => {
    const file = capture('broken-file-header.pcap');
    const errors =
      'enaga replay: no-such-file: cannot be read: there is no such file\n' +
      `enaga replay: ${file}: nothing of it can be read: the file ends 20 bytes into its file header\n`;
    expect(await enaga(['replay', 'no-such-file', file])).toMatchObject({ code: 3, stdout: '', stderr: errors });
    const rows = path.join(folder, 'none.json');
    const written = await enaga(['replay', '--json', rows, 'no-such-file', file]);
    expect(written).toMatchObject({ code: 3, stdout: `JSON: ${rows}\n`, stderr: errors });
    expect(JSON.parse(fs.readFileSync(rows, 'utf8')).packets).toBe(0);
    const empty = await enaga(['replay', capture('no-packets.pcap'), 'no-such-file']);
    expect(empty.stdout).toContain('No records in these captures');
  });

  it('says what is wrong with its arguments, and exits with 2', async () => {
    const wrong = [
      ['replay'],
      ['replay', '--network', '192.0.2.0/33', 'x'],
      ['replay', '--top', 'many', 'x'],
      ['nothing'],
    ];
    for (const { code, stderr } of await Promise.all(wrong.map(args => enaga(args)))) {
      expect(code).toBe(2);
      expect(stderr).toMatch(/error: .+\n\(enaga( replay)? --help says more\)/);
    }
  });

  it('says which database it cannot read, and exits with 1', async () => {
    const { code, stderr } = await json('--geo', capture('two-days.pcap'), capture('two-days.pcap'));
    expect(code).toBe(1);
    expect(stderr).toContain('two-days.pcap');
    expect(stderr).not.toContain('    at '); // no stack
  });

  it('prints tables that name ports, countries and the age of the database, and nothing when quiet', async () => {
    const { code, stdout, stderr } = await enaga(['replay', capture('scanners-dark-24.pcap')]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/443\/tcp +https +296 +28\.5%/);
    expect(stdout).toMatch(/CN +China +157 /);
    expect(stdout).toContain('built 2026-06-17');
    expect(stdout.match(/days old/g)).toHaveLength(1);
    expect(stdout.replace(/\n +/g, ' ')).toMatch(/ is \d+ days old; [^.]+: give a newer one with --geo\.\n/);
    expect(stderr).toBe('');
    const quiet = await enaga(['replay', '--quiet', capture('scanners-dark-24.pcap')]);
    expect(quiet).toMatchObject({ code: 0, stdout: '', stderr: '' });
  });

  it('says how old the database is beside JSON on standard output, and which option gives a newer one', async () => {
    const { stderr } = await enaga(['replay', '--json', '-', capture('two-days.pcap')]);
    expect(stderr).toMatch(
      /^enaga replay: the database \S+ is of 2026-06-17, \d+ days old: give a newer one with --geo\n$/,
    );
  });

  it('writes tables and page where it is told to', async () => {
    const csv = path.join(folder, 'csv');
    const report = path.join(folder, 'report.html');
    const rows = path.join(folder, 'rows.json');
    const { code, stdout } = await enaga([
      'replay',
      '--csv',
      csv,
      '--report',
      report,
      '--json',
      rows,
      capture('two-days.pcap'),
    ]);
    expect(code).toBe(0);
    for (const where of [csv, report, rows]) expect(stdout).toContain(where);
    expect(fs.readFileSync(path.join(csv, 'ports.csv'), 'utf8').split('\r\n')[1]).toBe('2026-03-01,tcp,23,,,14,2,2');
    expect(fs.readFileSync(report, 'utf8')).toMatch(/^<!doctype html>/i);
    expect(JSON.parse(fs.readFileSync(rows, 'utf8')).records).toBe(33);
  });

  it('says before it counts which of its results cannot be written, why, and what to do; and exits with 1', async () => {
    const file = path.join(folder, 'a-file');
    fs.writeFileSync(file, 'kept');
    const wrong: [args: string[], words: string][] = [
      [
        ['--json', '/nowhere/x.json'],
        '/nowhere/x.json: there is no directory /nowhere: make it, or name another place',
      ],
      [['--report', folder], `${folder}: this is a directory: name a file`],
      [['--report', `${file}/x`], `${file}/x: ${file} is a file: name another place`],
      [['--report', `${folder}/new/`], `${folder}/new/: this is no name of a file: name one`],
      [['--csv', file], `${file}: this is a file: name a directory`],
      [['--parquet', file], `${file}: this is a file: name a directory`],
      [['--csv', `${file}/a/b`], `${file}/a/b: ${file} is a file: name another place`],
    ];
    // Standard input never ends: what would count first would not come to it.
    for (const [args, words] of wrong) {
      const { code, stdout, stderr } = await enaga(['replay', ...args, '-'], { stdin: new Readable({ read() {} }) });
      expect([code, stdout, stderr]).toEqual([1, '', `enaga replay: ${args[0]} ${words}\n`]);
    }
    expect(fs.readFileSync(file, 'utf8')).toBe('kept');
  });

  it.skipIf(!fs.existsSync('/dev/full'))('says in words that the disk is full', async () => {
    const { code, stderr } = await enaga(['replay', '--quiet', '--json', '/dev/full', capture('two-days.pcap')]);
    expect([code, stderr]).toEqual([
      1,
      'enaga replay: there is no room for what is to be written: make some, or name another place\n',
    ]);
  });

  it.each([['replay'], ['import'], ['pull'], ['member', 'add']])(
    '%s %s --help: a list that is empty is no default',
    async (...command) => {
      const { code, stdout } = await enaga([...command, '--help']);
      expect(code).toBe(0);
      expect(stdout).toContain('--');
      expect(stdout).not.toMatch(/default:\s+\[\]/);
    },
  );

  it('stops at SIGTERM while it waits for input, and leaves no half-written file', async () => {
    const csv = path.join(folder, 'stopped');
    const endless = new Readable({ read() {} });
    endless.push(fs.readFileSync(capture('two-days.pcap')));
    // Beside JSON on standard output the age of the database is said first.
    const { signal, code } = await enaga(['replay', '--json', '-', '--csv', csv, '-'], {
      stdin: endless,
      signalAfterOutput: 'SIGTERM',
    });
    expect(signal ?? code).toBe('SIGTERM');
    expect(fs.existsSync(csv)).toBe(false);
  });
});
