import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { concat, ethernet, ipv4, pcapHeader, pcapRecord, tcp, udp } from '../support/capture-writer.ts';

/** Which of its two ways a thread takes is known to the module alone: each test gets one that knows nothing yet. */
beforeEach(() => vi.resetModules());

const load = () => import('../../common/memory.ts');
const bufferOf = (...bytes: number[]): ArrayBuffer => Uint8Array.from(bytes).buffer;
const bytesOf = (buffer: ArrayBuffer): number[] => [...new Uint8Array(buffer)];
const zeros = (count: number): number[] => Array.from({ length: count }, () => 0);

describe('in a thread that gave nothing back yet', () => {
  test.each([3, 4, 12, 100])('memory grown to %i bytes is a copy: the old is as it was', async bytes => {
    const { grownMemory } = await load();
    const old = bufferOf(1, 2, 3);
    const grown = grownMemory(old, bytes);
    expect(grown.byteLength).toBeGreaterThanOrEqual(bytes);
    expect(bytesOf(grown)).toEqual([1, 2, 3, ...zeros(grown.byteLength - 3)]);
    new Uint8Array(grown).fill(9);
    expect([old.detached, bytesOf(old)]).toEqual([false, [1, 2, 3]]);
  });

  test('what is let go stays', async () => {
    const { letGo } = await load();
    const old = bufferOf(1, 2);
    letGo(old);
    expect([old.detached, bytesOf(old)]).toEqual([false, [1, 2]]);
  });
});

describe('in a thread that gave memory back', () => {
  test('it is gone at once, and giving it back twice does no harm', async () => {
    const { freeMemory, letGo } = await load();
    const old = bufferOf(1, 2);
    for (const free of [freeMemory, freeMemory, letGo]) {
      free(old);
      expect([old.detached, old.byteLength]).toEqual([true, 0]);
    }
  });

  test.each([3, 4, 12, 100])('memory grown to %i bytes has moved', async bytes => {
    const { freeMemory, grownMemory } = await load();
    freeMemory(new ArrayBuffer(1));
    const old = bufferOf(1, 2, 3);
    const grown = grownMemory(old, bytes);
    expect(grown.byteLength).toBeGreaterThanOrEqual(bytes);
    expect(bytesOf(grown)).toEqual([1, 2, 3, ...zeros(grown.byteLength - 3)]);
    expect(old.detached).toBe(true);
  });

  test('what is let go is gone', async () => {
    const { freeMemory, letGo } = await load();
    freeMemory(new ArrayBuffer(1));
    const old = bufferOf(1, 2);
    letGo(old);
    expect(old.detached).toBe(true);
  });
});

describe('a day', () => {
  /** Of many cells, sources and sets in each of three parts that are merged; as bytes, and how many buffers moved for it. */
  async function encoded(givesBack: boolean): Promise<{ bytes: Buffer; moved: number }> {
    const { freeMemory } = await load();
    const { DAY, manySources, newReducer, foldAll } = await import('../support/records.ts');
    const { decodeDay, encodeDay } = await import('../../collector/reduce/codec.ts');
    const { sourcesMaxDefault } = await import('../../collector/reduce/sources.ts');
    if (givesBack) freeMemory(new ArrayBuffer(1));
    const transfer = vi.spyOn(ArrayBuffer.prototype, 'transfer');
    const whole = newReducer();
    for (let part = 0; part < 3; part++) {
      const reducer = newReducer();
      const base = {
        family: 4,
        time: 1,
        protocol: 6,
        srcPort: 1024,
        flags: 2,
        window: 1024,
        seqFold: 7,
        tool: 0,
      } as const;
      const addresses = { src: [0x01000000 + 100 * part], dst: [0xc0000201 + 256 * part] };
      for (const [dstPort, count] of [20, 300, 5000, 2, 1].entries())
        foldAll(
          reducer,
          manySources({ one: { ...base, ...addresses, dstPort, hour: 24 * DAY + part, sensor: 40 * part }, count }),
        );
      for (let dstPort = 0; dstPort < 3000; dstPort += 5)
        foldAll(reducer, [{ ...base, ...addresses, dstPort, hour: 24 * DAY + part, sensor: part }]);
      for (const day of reducer.takeDays()) whole.merge(decodeDay(encodeDay(day), sourcesMaxDefault));
    }
    const bytes = Buffer.from(encodeDay(whole.days()[0]!));
    const moved = transfer.mock.calls.length;
    transfer.mockRestore();
    return { bytes, moved };
  }

  test('is the same bytes whether its tables moved as they grew or were copied', async () => {
    const copied = await encoded(false);
    vi.resetModules();
    const moved = await encoded(true);
    expect([copied.moved, moved.moved > 50]).toEqual([0, true]);
    expect(copied.bytes.length).toBeGreaterThan(50_000);
    expect(moved.bytes.equals(copied.bytes)).toBe(true);
  });
});

describe('a replay in one thread', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'enaga-memory-'));

  /** 20,000 sources of 5,000 ports: tables, sets and sketches outgrow what they begin with. */
  function writeCapture(): string {
    const frame = (n: number) => {
      const dstPort = n % 3 === 0 ? 23 : n % 5000;
      const payload = n % 2 === 0 ? tcp({ dstPort }) : udp({ dstPort });
      return ethernet(0x0800, ipv4({ src: `1.2.${(n >> 8) & 255}.${n & 255}`, dst: `192.0.${n % 7}.1`, payload }));
    };
    const file = path.join(folder, 'many.pcap');
    const packets = Array.from({ length: 20_000 }, (_, n) => ({ time: BigInt(n) * 1_000_000_000n, data: frame(n) }));
    fs.writeFileSync(file, concat(pcapHeader(), ...packets.map(packet => pcapRecord(packet))));
    return file;
  }

  // From the first buffer that a thread gives back on, it is a tenth slower (common/DESIGN.md, "Loops over packets"); nothing
  // else would tell.
  test('moves no buffer and gives none back', async () => {
    const captures = ['fixtures/captures/scanners-dark-24.pcap', writeCapture()];
    const worker = new Worker(new URL('./replaying-thread.ts', import.meta.url), { workerData: captures });
    const [{ records, whileReplaying, after }] = await once(worker, 'message');
    await worker.terminate();
    fs.rmSync(folder, { recursive: true });
    expect(records).toBeGreaterThan(20_000);
    expect([whileReplaying, after]).toEqual([0, 1]);
  });
});
