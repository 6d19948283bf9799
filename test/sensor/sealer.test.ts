/** From captures to sealed batches: every packet in one batch and counter, wherever a run is cut; what was watched is told. */
import fs from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type OpenedBatch, openBatch } from '../../common/batch/open.ts';
import { parsePrefix } from '../../common/record/address.ts';
import { START } from '../../sensor/capture/place.ts';
import { type ReadOptions, readCaptures } from '../../sensor/capture/read.ts';
import { momentOf } from '../../sensor/capture/shift.ts';
import { balances, skippedTotal } from '../../sensor/spool/counters.ts';
import { Sealer } from '../../sensor/spool/sealer.ts';
import type { Spool } from '../../sensor/spool/spool.ts';
import type { Progress } from '../../sensor/spool/types.ts';
import * as w from '../support/capture-writer.ts';
import { capture, captures } from '../support/enaga.ts';
import { decodeCaptures, digestOf, linesOf } from '../support/sensor.ts';
import { newSpool, temporary } from './support.ts';

interface Cut {
  /** Ends the run, as a kill would, at this commit. */
  readonly commits?: number;
  readonly networks?: readonly string[];
  readonly recordsMax?: number;
}

const CUT = 'cut here';

/** Reads from where the spool knows it was, to the end or the cut; returns whether it came to the end. */
async function read(
  spool: Spool,
  files: readonly string[],
  { commits = Number.POSITIVE_INFINITY, networks = [], recordsMax = 8192 }: Cut = {},
  options: Partial<ReadOptions> = {},
): Promise<boolean> {
  let left = commits;
  const places = files
    .map((_, n) => spool.placeOf(String(n)))
    .map(text => (text === undefined ? START : JSON.parse(text)));
  const shift = places.find(place => place.shift !== undefined)?.shift;
  const sealer = new Sealer({
    networks: networks.map(parsePrefix),
    placeOf: input => places[input],
    nameOf: String,
    ...(shift !== undefined && { shift }),
    historic: true,
    recordsMax,
    now: () => 0,
    ready: async () => {},
    commit: (drafts, moved) => {
      if (left-- <= 0) throw new Error(CUT);
      spool.commit(drafts, moved as Progress);
    },
  });
  try {
    await readCaptures(sealer, { captures: files, signal: new AbortController().signal, ...options });
    sealer.seal();
    return true;
  } catch (error) {
    if ((error as Error).message !== CUT) throw error;
    return false;
  }
}

const batchesOf = (spool: Spool): OpenedBatch[] => spool.waiting(100_000).map(id => openBatch(spool.take(id)!.wire));

const linesOfBatches = (batches: readonly OpenedBatch[]) => batches.flatMap(({ records }) => [...linesOf(records)]);

const watched = (batches: readonly OpenedBatch[]) =>
  batches.map(({ header }) => [header.hour % 24, header.from / 6e7, header.to / 6e7]);

const at = (time: string) => w.at(`2026-03-01T${time}Z`);
const syn = w.ipv4({ src: '1.2.3.4', dst: '192.0.2.1', payload: w.tcp({ dstPort: 23 }) });
const frame = w.ethernet(w.ETHERTYPE_IPV4, syn);
const arp = w.ethernet(w.ETHERTYPE_ARP, w.zeros(28));

function written(...packets: [time: string, data?: Uint8Array][]): string {
  const file = path.join(temporary(), 'made.pcap');
  fs.writeFileSync(file, w.pcap(packets.map(([time, data = frame]) => ({ time: at(time), data }))));
  return file;
}

const SUFFIX = '.expected.json';
const expectations = fs.readdirSync(captures).filter(name => name.endsWith(SUFFIX));

it.each(expectations)('%s: the batches hold what tshark found', async expectation => {
  const { options = [], expect: expected } = JSON.parse(fs.readFileSync(capture(expectation), 'utf8'));
  const name = expectation.slice(0, -SUFFIX.length);
  const file = fs.readdirSync(captures).find(one => one !== expectation && one.startsWith(`${name}.pcap`))!;
  const networks = options.filter((option: string) => option !== '--network');
  const spool = newSpool();
  await read(spool, [capture(file)], { networks, recordsMax: 5 });
  const batches = batchesOf(spool);
  const { seen, skipped } = batches.reduce(
    (sum, { header }) => ({
      seen: sum.seen + header.counters.seen,
      skipped: sum.skipped + skippedTotal(header.counters.skipped),
    }),
    { seen: 0, skipped: 0 },
  );
  expect(seen).toBe(expected.packets);
  expect(seen - skipped).toBe(expected.records);
  expect(batches.every(({ header, records }) => balances(header.counters, records.count))).toBe(true);
  expect(digestOf(linesOfBatches(batches))).toBe(digestOf(await decodeCaptures([capture(file)], networks)));
});

describe('a run that is cut anywhere', () => {
  const files = ['scanners-dark-24.pcap', 'two-days.pcap', 'broken-truncated-record.pcap', 'scanners-ipv6.pcap'].map(
    capture,
  );

  it('goes on so that the same batches come out', async () => {
    const whole = newSpool();
    await read(whole, files, { recordsMax: 37 });
    const wanted = batchesOf(whole).map(({ sha256 }) => sha256);
    expect(wanted.length).toBeGreaterThan(40);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 6 }), async cuts => {
        const spool = newSpool();
        for (const commits of cuts) await read(spool, files, { commits, recordsMax: 37 });
        expect(await read(spool, files, { recordsMax: 37 })).toBe(true);
        expect(batchesOf(spool).map(({ sha256 }) => sha256)).toEqual(wanted);
      }),
      { numRuns: 8 },
    );
  });

  it('moves times by the first packet of all, not by the first after the cut', async () => {
    const shiftTo = momentOf(Date.parse('2026-07-01T23:59:59.5Z'));
    const whole = newSpool();
    await read(whole, files, { recordsMax: 37 }, { shiftTo });
    const cut = newSpool();
    await read(cut, files, { recordsMax: 37, commits: 5 }, { shiftTo });
    await read(cut, files, { recordsMax: 37 }, { shiftTo });
    expect(batchesOf(cut).map(({ sha256 }) => sha256)).toEqual(batchesOf(whole).map(({ sha256 }) => sha256));
    const [first] = batchesOf(whole);
    expect(first!.header.hour).toBe(Math.floor(Date.parse('2026-07-01T23:00:00Z') / 3.6e6));
    expect(first!.records.time[0]).toBe(3599.5e6);
  });
});

describe('what was watched', () => {
  it('is from the first packet to the last', async () => {
    const spool = newSpool();
    await read(spool, [written(['10:15:00'], ['10:45:00', arp])]);
    expect(watched(batchesOf(spool))).toEqual([[10, 15, 45]]);
  });

  it('is whole hours between packets, the quiet ones too', async () => {
    const spool = newSpool();
    await read(spool, [written(['10:15:00'], ['12:30:00'])]);
    expect(watched(batchesOf(spool))).toEqual([
      [10, 15, 60],
      [11, 0, 60],
      [12, 0, 30],
    ]);
  });

  it('goes on without a gap from one batch to the next', async () => {
    const spool = newSpool();
    await read(spool, [written(['10:15:00'], ['10:20:00'], ['10:30:00'], ['10:40:00'])], { recordsMax: 2 });
    expect(watched(batchesOf(spool))).toEqual([
      [10, 15, 20],
      [10, 20, 40],
    ]);
  });

  it('leaves out what is between captures, and days without a packet', async () => {
    const spool = newSpool();
    await read(spool, [written(['10:15:00'], ['10:20:00']), written(['10:30:00'])]);
    expect(watched(batchesOf(spool))).toEqual([
      [10, 15, 20],
      [10, 30, 30],
    ]);
    const pause = newSpool();
    const file = path.join(temporary(), 'pause.pcap');
    const times = ['2026-03-01T10:15:00Z', '2026-03-05T12:00:00Z'];
    fs.writeFileSync(file, w.pcap(times.map(time => ({ time: w.at(time), data: frame }))));
    await read(pause, [file]);
    expect(watched(batchesOf(pause))).toEqual([
      [10, 15, 15],
      [12, 0, 0],
    ]);
  });

  it('stays sound when times go back', async () => {
    const spool = newSpool();
    await read(spool, [written(['10:30:00'], ['09:50:00'], ['10:10:00'], ['10:05:00'])]);
    for (const { header } of batchesOf(spool)) expect(header.from).toBeLessThanOrEqual(header.to);
    expect(batchesOf(spool).reduce((sum, { records }) => sum + records.count, 0)).toBe(4);
  });
});

it('tells packets that made no record, though there is none to go with them', async () => {
  const spool = newSpool();
  await read(spool, [written(['10:15:00', arp], ['10:45:00', arp])]);
  const [batch, ...more] = batchesOf(spool);
  expect(more).toEqual([]);
  expect(batch!.records.count).toBe(0);
  expect(batch!.header.counters).toMatchObject({ seen: 2, skipped: { arp: 2 } });
});

it('waits by the times of the packets when it is paced', async () => {
  const spool = newSpool();
  const started = performance.now();
  await read(spool, [written(['10:00:00'], ['10:00:20'], ['10:00:40'], ['09:00:00'])], {}, { pace: 100 });
  expect(performance.now() - started).toBeGreaterThan(395); // and by the hour back it would be 36 s: the test's time is over then
});
