/**
 * Hours as CSV (RFC 4180, as enaga replay --csv writes it): `hour,packets,sources,sensors,packetsPerSensor`. `sensors` is how many
 * watched, and `packetsPerSensor` is empty where together they watched less than `meanCoverageMin` of the hour. Packets and sources
 * are empty where they are kept no longer.
 */

import { InvalidArgumentError } from 'commander';
import { protocolName } from '../../../common/record/protocol.ts';
import { HOUR_MS } from '../../../common/time.ts';
import { countryNumber } from '../../reduce/rows.ts';
import type { Choice, DayRange, StoreReader } from '../../store/query.ts';
import { type HourPoint, hourlySeries, meanCoverageMin, type Subject, sensorsWatching } from '../../store/series.ts';

const DIGITS = 6;

export function* hourlyCsv(store: StoreReader, range: DayRange, subject: Subject, choice: Choice): Generator<string> {
  yield 'hour,packets,sources,sensors,packetsPerSensor\r\n';
  const watching = sensorsWatching(store, range, choice);
  for (const point of hourlySeries(store, range, subject, choice)) yield line(point, watching.get(point.hour) ?? 0);
}

function line({ hour, packets, sources }: HourPoint, sensors: number): string {
  const time = `${new Date(hour * HOUR_MS).toISOString().slice(0, 'YYYY-MM-DDTHH:MM'.length)}Z`;
  const mean = packets === null || sensors < meanCoverageMin ? '' : rounded(packets / sensors);
  return `${time},${packets ?? ''},${sources ?? ''},${rounded(sensors)},${mean}\r\n`;
}

const rounded = (value: number): number => Number(value.toPrecision(DIGITS));

/** `23/tcp`, or a protocol without ports `47/ip`; of ICMP type and code as `3:1/icmp`. */
export function parseTarget(text: string): number {
  const [, first, second = '0', name] = /^(\d{1,5})(?::(\d{1,3}))?\/([a-z0-9]+)$/.exec(text) ?? [];
  const bad = new InvalidArgumentError('It takes a port like 23/tcp, or an ICMP type like 8/icmp or 3:1/icmp.');
  if (first === undefined) throw bad;
  if (name === 'ip' && Number(first) < 256) return Number(first) << 16;
  const protocol = Array.from({ length: 256 }, (_, n) => n).find(n => protocolName(n) === name && !/^\d/.test(name));
  if (protocol === undefined) throw bad;
  const isIcmp = name === 'icmp' || name === 'icmpv6';
  const number = isIcmp ? Number(first) * 256 + Number(second) : Number(first);
  if (number > 0xffff || Number(second) > 255 || (!isIcmp && text.includes(':'))) throw bad;
  return (protocol << 16) | number;
}

export const countrySubject = (code: string): Subject => ({ table: 'countries', a: countryNumber(code) });
