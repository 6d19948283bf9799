/** Collectors with closed days, and peers that are none. */
import fs from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Log } from '../../collector/log/log.ts';
import { LogReader } from '../../collector/log/reader.ts';
import { startFolding } from '../../collector/store/folding.ts';
import { StoreReader } from '../../collector/store/query.ts';
import { loadGeo } from '../../common/geo/load.ts';
import { parsePrefix } from '../../common/record/address.ts';
import { darknetCapture } from '../../deploy/demo/traffic.ts';
import { HASH_KEY, readCapture, SealedLog } from '../support/sealed-log.ts';

export const DAY_MS = 86_400_000;
/** A day that is over wherever the clock stands, and young enough to be pulled. */
export const FIRST = Math.floor(Date.now() / DAY_MS) - 6;
export const dateOf = (day: number): string => new Date(day * DAY_MS).toISOString().slice(0, 10);

export interface CaptureOptions {
  readonly network: string;
  /** Days since 1970. */
  readonly day: number;
  readonly packets: number;
  readonly seed: number;
}

export function writeCapture(file: string, { network, day, packets, seed }: CaptureOptions): string {
  const options = { geo: loadGeo({ geoFiles: [] }), network: parsePrefix(network), start: (day * DAY_MS) / 1000 };
  fs.writeFileSync(file, darknetCapture({ ...options, seconds: 86_400, packets, wormHours: -100, seed }));
  return file;
}

/** Observed by the one sensor of each collector. */
export const NETWORK = '198.51.0.0/24';

/** A data directory with captures of so many days in its log, from `FIRST` on, counted and closed. */
export async function filled(packets: number, seed: number, days: number): Promise<SealedLog> {
  const made = new SealedLog(['JP']);
  for (let day = 0; day < days; day++) await appendDay(made, { day: FIRST + day, packets, seed: seed + day });
  await closeAll(made);
  made.log.close();
  return made;
}

async function appendDay(made: SealedLog, options: Omit<CaptureOptions, 'network'>): Promise<void> {
  const file = writeCapture(path.join(made.dir, 'day.pcap'), { network: NETWORK, ...options });
  await made.appendCapture(0, file, [NETWORK]);
  fs.rmSync(file);
}

/** What comes late, of a day that was closed. Nothing may serve. */
export async function appendLate(made: SealedLog, options: Omit<CaptureOptions, 'network'>): Promise<void> {
  const log = Log.open(made.data.log);
  const file = writeCapture(path.join(made.dir, 'late.pcap'), { network: NETWORK, ...options });
  const { blocks } = await readCapture(file, [NETWORK]);
  log.append(blocks.map(records => made.sealer.seal({ sensor: 0, records, historic: true })));
  await closeAll(made);
  log.close();
}

/** Counts and closes all that is logged, which takes a day otherwise. */
async function closeAll({ data }: SealedLog): Promise<void> {
  const folding = startFolding({
    ...{ data, hashKey: HASH_KEY, checkpointMs: 20 },
    closing: { graceMs: 0, quietMs: 0, segmentsMs: 1e15 },
  });
  const logged = LogReader.open(data.log);
  const head = logged.head();
  logged.close();
  const isDone = () => {
    if (folding.progress().position < head) return false;
    const reader = StoreReader.open(data.store);
    try {
      return reader.daysWithRecords().every(({ closed, stale }) => closed && !stale);
    } finally {
      reader.close();
    }
  };
  for (const end = Date.now() + 60_000; !isDone(); await sleep(20))
    if (Date.now() > end) throw new Error('it took too long to close');
  await folding.stop();
}

/** A server that answers as it is told, and what it was asked. */
export async function fakePeer(answer: (request: http.IncomingMessage, response: http.ServerResponse) => void) {
  const asked: string[] = [];
  const server = http.createServer((request, response) => {
    asked.push(request.url!);
    answer(request, response);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    asked,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
