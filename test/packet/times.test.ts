import { describe, expect, test } from 'vitest';
import { NO_HOUR } from '../../common/packet/packets.ts';
import { at, type ByteOrder, concat, LINK, type Option, pcap, pcapng, zeros } from '../support/capture-writer.ts';
import { walkInChunks } from '../support/captures.ts';

const ORDERS: ByteOrder[] = ['little', 'big'];
const FRAME = zeros(14);
const HOUR_NANOS = 3_600_000_000_000n;

/** The hour and the microseconds in it, floored, of nanoseconds since 1970. */
const timeOf = (nanos: bigint) => ({
  hour: Number(nanos / HOUR_NANOS),
  time: Number((nanos % HOUR_NANOS) / 1000n),
});
const NO_TIME = { hour: NO_HOUR, time: 0 };

const timesIn = (file: Uint8Array) => {
  const { found, damage } = walkInChunks(file, file.length);
  expect(damage).toBeUndefined();
  return found.map(({ hour, time }) => ({ hour, time }));
};

const MOMENTS = [
  '1970-01-01T00:00:00Z',
  '1970-01-01T00:59:59.999999999Z',
  '2026-03-01T12:00:00Z',
  '2026-03-01T12:59:59.999999Z',
  '2026-03-01T12:30:00.000001999Z',
  '2026-03-01T13:00:00Z',
  '2026-02-28T23:59:59.999999999Z',
  '2026-03-01T11:59:59.123456789Z',
  '2038-01-19T03:14:08Z',
  '2106-02-07T06:28:15.999999Z',
].map(at);

describe.each(ORDERS)('pcap, %s endian', order => {
  test.each([
    ['microseconds', false],
    ['nanoseconds', true],
  ])('in %s has times to the microsecond, floored', (_, nanoseconds) => {
    const file = pcap(
      MOMENTS.map(time => ({ time, data: FRAME })),
      { order, nanoseconds },
    );
    expect(timesIn(file)).toEqual(MOMENTS.map(timeOf));
  });

  test.each([
    ['microseconds', false, 1_000_000],
    ['nanoseconds', true, 1_000_000_000],
  ])('with more than a second of %s carries it into the seconds', (_, nanoseconds, perSecond) => {
    const file = pcap([{ time: at('2026-03-01T12:59:59Z'), data: FRAME }], { order, nanoseconds });
    const before = file.slice(24);
    for (const [fraction, time] of [
      [perSecond, 0],
      [2 * perSecond, 1_000_000],
      [3 * perSecond + perSecond / 2, 2_500_000],
    ] as const) {
      new DataView(file.buffer).setUint32(28, fraction, order === 'little');
      const expected = { hour: timeOf(MOMENTS[2]!).hour + 1, time };
      expect(timesIn(file)).toEqual([expected]);
      // And after one of the hour that its seconds alone are of.
      expect(timesIn(concat(file.subarray(0, 24), before, file.subarray(24)))[1]).toEqual(expected);
    }
  });
});

describe.each(ORDERS)('pcapng, %s endian', order => {
  const ng = pcapng(order);
  const timeIn = (options: Option[], ticks: bigint) => {
    const times = [ng.enhanced, ng.packet].map(
      block => timesIn(concat(ng.section(), ng.interface(LINK.ethernet, 0, options), block(0, ticks, FRAME)))[0],
    );
    expect(times[0]).toEqual(times[1]);
    return times[0];
  };
  /** Ticks of a moment, floored, and the moment they mean. */
  const ticksOf = (nanos: bigint, perSecond: bigint) => (nanos * perSecond) / 1_000_000_000n;
  const meant = (ticks: bigint, perSecond: bigint) => ({
    hour: Number(ticks / perSecond / 3600n),
    time: Number(((((ticks / perSecond) % 3600n) * perSecond + (ticks % perSecond)) * 1_000_000n) / perSecond),
  });

  test.each([
    ['10^0', 0, 1n],
    ['10^-3', 3, 10n ** 3n],
    ['10^-6', 6, 10n ** 6n],
    ['10^-9', 9, 10n ** 9n],
    ['2^0', 0x80, 1n],
    ['2^-10', 0x8a, 2n ** 10n],
    ['2^-20', 0x94, 2n ** 20n],
    ['2^-32', 0xa0, 2n ** 32n],
    ['2^-33', 0xa1, 2n ** 33n],
  ])('with a resolution of %s has exact times', (_, value, perSecond) => {
    for (const nanos of MOMENTS) {
      for (const by of [0n, 1n, -1n]) {
        const ticks = ticksOf(nanos, perSecond) + by;
        if (ticks < 0n || ticks >= 2n ** 64n) continue;
        expect(timeIn([ng.tsresol(value)], ticks)).toEqual(meant(ticks, perSecond));
      }
    }
  });

  test.each([
    ['10^-10', 10, 10n ** 10n],
    ['10^-12', 12, 10n ** 12n],
    ['10^-19', 19, 10n ** 19n],
    ['2^-34', 0xa2, 2n ** 34n],
    ['2^-63', 0xbf, 2n ** 63n],
    ['2^-127', 0xff, 2n ** 127n],
  ])('with a resolution of %s, too fine for its 64 bits to reach today, has exact times', (_, value, perSecond) => {
    for (const ticks of [0n, 1n, perSecond - 1n, perSecond, 3600n * perSecond - 1n, 3600n * perSecond, 2n ** 64n - 1n])
      if (ticks < 2n ** 64n) expect(timeIn([ng.tsresol(value)], ticks)).toEqual(meant(ticks, perSecond));
  });

  test('without a resolution counts microseconds', () => {
    for (const nanos of MOMENTS) expect(timeIn([], nanos / 1000n)).toEqual(timeOf(nanos));
  });

  test('adds its offset of seconds, below 0 too', () => {
    const nanos = MOMENTS[4]!;
    for (const offset of [0n, 1n, -1n, 3600n, -3600n, 1_000_000_000n, -1_000_000_000n]) {
      const ticks = nanos - offset * 1_000_000_000n;
      expect(timeIn([ng.tsresol(9), ng.tsoffset(offset)], ticks)).toEqual(timeOf(nanos));
    }
  });

  test('has no time before 1970 or after 9999', () => {
    const year10000 = 253_402_300_800n;
    const seconds = [ng.tsresol(0)];
    expect(timeIn(seconds, year10000 - 1n)).toEqual({ hour: 70_389_527, time: 3_599_000_000 });
    expect(timeIn(seconds, year10000)).toEqual(NO_TIME);
    expect(timeIn(seconds, 2n ** 64n - 1n)).toEqual(NO_TIME);
    expect(timeIn([...seconds, ng.tsoffset(-5n)], 5n)).toEqual({ hour: 0, time: 0 });
    expect(timeIn([...seconds, ng.tsoffset(-5n)], 4n)).toEqual(NO_TIME);
    expect(timeIn([ng.tsoffset(-(2n ** 63n))], 0n)).toEqual(NO_TIME);
    expect(timeIn([ng.tsoffset(2n ** 63n - 1n)], 0n)).toEqual(NO_TIME);
  });

  test('takes its resolution and offset from each interface, and forgets them with the section', () => {
    const file = concat(
      ng.section(),
      ng.interface(LINK.ethernet, 0, [ng.tsresol(0), ng.tsoffset(7200n)]),
      ng.interface(LINK.ethernet, 0, [ng.tsresol(3)]),
      ng.enhanced(0, 1n, FRAME),
      ng.enhanced(1, 1n, FRAME),
      ng.section(),
      ng.interface(LINK.ethernet),
      ng.enhanced(0, 1n, FRAME),
    );
    expect(timesIn(file)).toEqual([
      { hour: 2, time: 1_000_000 },
      { hour: 0, time: 1000 },
      { hour: 0, time: 1 },
    ]);
  });

  test('ignores a resolution or an offset of another length, and options after the end of options', () => {
    const odd = [
      [9, zeros(2)],
      [14, zeros(4)],
      [0, zeros(0)],
      [9, zeros(1)],
    ] as Option[];
    expect(timeIn(odd, 5n)).toEqual({ hour: 0, time: 5 });
  });

  test('gives a simple packet no time', () => {
    const file = concat(ng.section(), ng.interface(LINK.ethernet), ng.simple(FRAME));
    expect(timesIn(file)).toEqual([NO_TIME]);
  });
});
