/** What each contestant says it counted, read from its own output, and whether it is what we counted. */
import fs from 'node:fs';
import { count } from '../../collector/publish/words.ts';

/** As far as a contestant counts it. */
export interface Counts {
  readonly packets: number;
  /** Packets by `tcp 23`, `udp 53`, and `icmp` as a whole. */
  readonly ports?: ReadonlyMap<string, number>;
  /** Packets of a source; ours are the busiest only. */
  readonly sources?: ReadonlyMap<string, number>;
  /** Distinct sources; ours are an estimate beyond a few thousand. */
  readonly distinct?: number;
}

/** Four standard errors of the sketch (1%). */
const distinctErrorMax = 0.04;

const SHOWN_PORT = 'tcp 23';

const linesOf = (file: string): string[] => fs.readFileSync(file, 'utf8').trimEnd().split('\n');
const sum = (map: ReadonlyMap<string, number>): number =>
  [...map.values()].reduce((total, packets) => total + packets, 0);

const add = (map: Map<string, number>, key: string, packets: number): void => {
  map.set(key, (map.get(key) ?? 0) + packets);
};

// What each writes

/** One number. */
export const countsOfWalk = (file: string): Counts => ({ packets: Number(fs.readFileSync(file, 'utf8')) });

interface EnagaJson {
  packets: number;
  days: {
    sources: number;
    ports: { protocol: string; port?: number; packets: number }[];
    topSources: { address: string; packets: number }[];
  }[];
}

/** The JSON of `enaga replay`. Sources are of a day: those of several cannot be compared with a whole file's. */
export function countsOfEnaga(file: string): Counts {
  const { packets, days }: EnagaJson = JSON.parse(fs.readFileSync(file, 'utf8'));
  const ports = new Map<string, number>();
  for (const row of days.flatMap(day => day.ports))
    add(ports, row.port === undefined ? row.protocol : `${row.protocol} ${row.port}`, row.packets);
  const [day] = days;
  if (day === undefined || days.length > 1) return { packets, ports };
  const sources = new Map(day.topSources.map(row => [row.address, row.packets]));
  return { packets, ports, sources, distinct: day.sources };
}

const PROTOCOLS: Record<string, string> = { 1: 'icmp', 6: 'tcp', 17: 'udp' };

/** awk's lines: `port 6 23 120`, `port UDP, 53 7`, `port ICMP  9`, `source 192.0.2.1 3`. */
export function countsOfLines(file: string): Counts {
  const ports = new Map<string, number>();
  const sources = new Map<string, number>();
  for (const line of linesOf(file)) {
    const [kind, name = '', ...rest] = line.split(' ');
    const packets = Number(rest.at(-1));
    const protocol = PROTOCOLS[name] ?? name.toLowerCase().replace(',', '');
    if (kind === 'source') add(sources, name, packets);
    else add(ports, protocol === 'icmp' ? protocol : `${protocol} ${rest[0]}`, packets);
  }
  return { packets: sum(ports), ports, sources, distinct: sources.size };
}

/** nfdump's CSV: one table of `...,pr,val,fl,flP,pkt,...` for the ports and one for the sources, which are of any protocol. */
export function countsOfNfdump(file: string): Counts {
  const ports = new Map<string, number>();
  const sources = new Map<string, number>();
  for (const line of linesOf(file)) {
    const [, , , protocol = '', value, , , packets] = line.split(',');
    if (packets === undefined || packets === 'pkt') continue;
    const name = protocol.toLowerCase();
    if (name === 'any') add(sources, value!, Number(packets));
    else add(ports, name === 'icmp' ? name : `${name} ${value}`, Number(packets));
  }
  return { packets: sum(ports), ports, sources, distinct: sources.size };
}

/** tracereport's ports.rpt: the packets stand last; its ports are those it takes for the server's, so only their sum compares. */
export const countsOfReport = (file: string): Counts => ({
  packets: linesOf(file)
    .filter(line => /\t.*\d$/.test(line))
    .reduce((total, line) => total + Number(line.split(/\s+/).at(-1)), 0),
});

// Whether it is the same

/** What both counted, in words, or what differs. */
export function compare(theirs: Counts, ours: Counts): { same: boolean; words: string } {
  const differences: string[] = [];
  const words = [`${count(theirs.packets)} packets`];
  const expect = (what: string, here: number | undefined, there: number | undefined, same = here === there) => {
    if (!same) differences.push(`${what}: ${here ?? 'none'}, ours ${there ?? 'none'}`);
  };
  expect('packets', theirs.packets, ours.packets);
  if (theirs.ports !== undefined && ours.ports !== undefined) {
    const all = new Set([...theirs.ports.keys(), ...ours.ports.keys()]);
    for (const port of all) expect(port, theirs.ports.get(port), ours.ports.get(port));
    words.push(`${count(all.size)} ports (23/tcp: ${count(theirs.ports.get(SHOWN_PORT) ?? 0)} packets)`);
  }
  if (theirs.sources !== undefined && ours.sources !== undefined) {
    for (const [source, packets] of ours.sources) expect(source, theirs.sources.get(source), packets);
    words.push(`the ${ours.sources.size} busiest sources`);
  }
  if (theirs.distinct !== undefined && ours.distinct !== undefined) {
    const error = ours.distinct / theirs.distinct - 1;
    expect('sources', theirs.distinct, ours.distinct, Math.abs(error) <= distinctErrorMax);
    const difference = error === 0 ? '' : ` (ours ${error > 0 ? '+' : '−'}${Math.abs(100 * error).toFixed(1)}%)`;
    words.push(`${count(theirs.distinct)} sources${difference}`);
  }
  const same = differences.length === 0;
  return {
    same,
    words: same
      ? words.join(', ')
      : `${differences.length} ${differences.length === 1 ? 'difference' : 'differences'}: ${differences.slice(0, 3).join('; ')}`,
  };
}
