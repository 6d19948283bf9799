/** Who runs against whom: the commands, and how long a cut of the capture each gets. */
import os from 'node:os';
import path from 'node:path';
import { type Counts, countsOfEnaga, countsOfLines, countsOfNfdump, countsOfReport, countsOfWalk } from './counts.ts';
import { isThere, type Step } from './run.ts';

export type Letter = 'a' | 'b' | 'b′' | 'c' | 'd' | 'e' | 'f' | 'g';

export interface Contestant {
  readonly letter: Letter;
  /** As the table calls it. */
  readonly what: string;
  /** Programs it is made of; Debian's package for each is in deploy/bootstrap.mjs. */
  readonly programs: readonly string[];
  /** The slow ones get the first packets only. */
  readonly packetsMax: number;
  /** What to run on a capture; `out` is an empty folder, and the working directory. */
  steps(capture: string, out: string): Step[];
  /** Reads from `out` what was counted. */
  counts(out: string): Counts;
}

const ROOT = path.resolve(import.meta.dirname, '../..');
const node = process.execPath;
const inRoot = (file: string): string => path.join(ROOT, file);
/** mawk is the faster one, and Debian's default. */
const awk = isThere('mawk') ? 'mawk' : 'awk';
export const cores = os.availableParallelism();

/** The whole capture. */
const ALL = Number.MAX_SAFE_INTEGER;

const REPLAY_JSON = 'replay.json';
const COUNTS = 'counts.txt';

/** `enaga replay` of the captures, into `out`. */
export const replayStep = (captures: readonly string[], out: string, threads: number): Step => {
  const options = ['--threads', String(threads), '--quiet', '--json', path.join(out, REPLAY_JSON)];
  return { pipe: [[node, inRoot('collector/main.ts'), 'replay', ...options, ...captures]] };
};

export const replayCounts = (out: string): Counts => countsOfEnaga(path.join(out, REPLAY_JSON));

const PRINT = 'END { for (p in port) print "port", p, port[p]; for (s in source) print "source", s, source[s] }';

/** From `source protocol tcp-port udp-port`, separated by tabs. */
const COUNT_FIELDS = `{ port[$2 " " $3 $4]++; source[$1]++ } ${PRINT}`;

/** From `IP 192.0.2.1.1234 > 203.0.113.5.23: tcp 0`. */
const COUNT_LINES =
  '{ split($2, a, "."); n = split($4, d, "."); ' +
  `port[$5 " " (n == 5 ? d[5] + 0 : "")]++; source[a[1] "." a[2] "." a[3] "." a[4]]++ } ${PRINT}`;

const ours = (letter: Letter, what: string, threads: number): Contestant => ({
  letter,
  what,
  programs: [],
  packetsMax: ALL,
  steps: (capture, out) => [replayStep([capture], out, threads)],
  counts: replayCounts,
});

/** The four of ours. */
export const OURS: readonly Contestant[] = [
  {
    letter: 'a',
    what: 'walking the packets only',
    programs: [],
    packetsMax: ALL,
    steps: (capture, out) => [
      { pipe: [[node, inRoot('test/bench/walk.ts'), capture]], stdout: path.join(out, COUNTS) },
    ],
    counts: out => countsOfWalk(path.join(out, COUNTS)),
  },
  ours('b', 'enaga replay, 1 thread', 1),
  {
    letter: 'b′',
    what: 'the same without distinct sources',
    programs: [],
    packetsMax: ALL,
    steps: (capture, out) => [
      { pipe: [[node, inRoot('test/bench/counters.ts'), capture, path.join(out, REPLAY_JSON)]] },
    ],
    counts: out => {
      const { packets, ports } = replayCounts(out);
      return { packets, ...(ports !== undefined && { ports }) }; // it knows no sources
    },
  },
  ours('c', `enaga replay, ${cores} threads`, cores),
];

/**
 * The others, each told to do as little as what we compare needs: tcpdump is quiet (`-q`), nobody resolves names, nfdump
 * prints CSV. tracereport can only count one port of each packet, the one it takes for the server's.
 */
export const peers = (quick: boolean): readonly Contestant[] => [
  {
    letter: 'd',
    what: `tshark -T fields | ${awk}: ports, sources`,
    programs: ['tshark', awk],
    packetsMax: quick ? 50_000 : 300_000,
    steps: (capture, out) => {
      const fields = ['ip.src', 'ip.proto', 'tcp.dstport', 'udp.dstport'].flatMap(field => ['-e', field]);
      return [
        {
          pipe: [
            ['tshark', '-n', '-r', capture, '-T', 'fields', ...fields],
            [awk, '-F\t', COUNT_FIELDS],
          ],
          stdout: path.join(out, COUNTS),
        },
      ];
    },
    counts: out => countsOfLines(path.join(out, COUNTS)),
  },
  {
    letter: 'e',
    what: `tcpdump -nnqt | ${awk}: ports, sources`,
    programs: ['tcpdump', awk],
    packetsMax: quick ? 50_000 : 300_000, // ever slower: it looks each address up among all it has met
    steps: (capture, out) => [
      {
        pipe: [
          ['tcpdump', '-nnqt', '-r', capture],
          [awk, COUNT_LINES],
        ],
        stdout: path.join(out, COUNTS),
      },
    ],
    counts: out => countsOfLines(path.join(out, COUNTS)),
  },
  {
    letter: 'f',
    what: 'nfpcapd, then nfdump -s: ports, sources',
    programs: ['nfpcapd', 'nfdump'],
    packetsMax: quick ? 100_000 : 2_000_000,
    steps: (capture, out) => {
      // The CSV stands beside the folder: nfdump reads every file in it.
      const statistics = ['-s', 'dstport:p/packets', '-s', 'srcip/packets', '-n', '0'];
      return [
        { pipe: [['nfpcapd', '-r', capture, '-w', out]] },
        { pipe: [['nfdump', '-R', out, '-q', '-o', 'csv', ...statistics]], stdout: `${out}.csv` },
      ];
    },
    counts: out => countsOfNfdump(`${out}.csv`),
  },
  {
    letter: 'g',
    what: 'tracereport -p: ports alone',
    programs: ['tracereport'],
    packetsMax: ALL,
    steps: capture => [{ pipe: [['tracereport', '-p', `pcapfile:${capture}`]] }], // writes ports.rpt where it stands
    counts: out => countsOfReport(path.join(out, 'ports.rpt')),
  },
];
