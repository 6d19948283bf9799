/**
 * Seeded darknet traffic as a pcap file, for benchmarks: `node test/bench/traffic.ts --packets N --out FILE [--seed S]`.
 *
 * A dark /19 over one UTC day at NICTER's rate (2024: one packet per address per 13 s, 54 million a day): fewer packets are
 * the first part of that day. Four populations with heavy tails (Zipf over the senders' ranks), which is what decides how
 * often a source, a port and their pairing come again:
 *
 * | population | packets | senders | what each sends |
 * | --- | --- | --- | --- |
 * | scanners | 62% | 4,000 | SYNs to its own list of 1 to 65,535 ports, Masscan's, ZMap's or its own way |
 * | bots | 22% | 200,000 | Mirai's SYNs to one to three telnet, web and router ports |
 * | UDP | 10% | 60,000 | payloads of heavy-tailed size to one or two ports |
 * | the rest | 6% | 3,000 | backscatter to random ports, and ICMP |
 */
import fs from 'node:fs';
import { parseArgs } from 'node:util';

const START = Date.UTC(2026, 0, 15) / 1000;
const DARK_NETWORK = 0xcb006000; // 203.0.96.0/19, around a documentation range
const DARK_ADDRESSES = 8192;
const PACKETS_A_DAY = (DARK_ADDRESSES * 86_400) / 13;
const WRITE_BYTES = 1 << 20;
const PAYLOAD_BYTES_MAX = 1400;

const BOT_PORTS = [23, 23, 23, 2323, 80, 8080, 81, 5555, 37215, 52869, 7547, 22, 445, 3389];
const UDP_PORTS = [53, 123, 161, 389, 1900, 5060, 5060, 5683, 11211, 27015, 53413, 137, 500, 3702];

/** A small fast generator of 32-bit numbers (xorshift; Marsaglia 2003). */
function createRandom(seed: number): () => number {
  let x = seed | 1;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return x >>> 0;
  };
}

/** Ranks drawn by Zipf's law with exponent `s`, from a table of the cumulated weights. */
function createZipf(count: number, s: number, random: () => number): () => number {
  const cumulated = new Float64Array(count);
  let sum = 0;
  for (let rank = 0; rank < count; rank++) {
    sum += (rank + 1) ** -s;
    cumulated[rank] = sum;
  }
  return () => {
    const wanted = (random() / 2 ** 32) * sum;
    let low = 0;
    let high = count - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (cumulated[middle]! < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

interface Sender {
  address: number;
  /** How many ports it visits, from where on, and in what steps. */
  ports: number;
  firstPort: number;
  tool: 'masscan' | 'zmap' | 'own';
}

/** Senders cluster: a few hundred /16 networks hold most of them. */
function createSenders(count: number, random: () => number): Sender[] {
  const networks = Array.from({ length: 3000 }, () => ((random() % 222) + 1) * 256 + (random() & 0xff));
  const network = createZipf(networks.length, 0.9, random);
  return Array.from({ length: count }, () => {
    const tail = random() / 2 ** 32;
    return {
      address: (networks[network()]! * 65_536 + (random() & 0xffff)) >>> 0,
      ports: Math.min(65_535, Math.ceil(0.9 / (tail + 1e-5))),
      firstPort: random() & 0xffff,
      tool: (['masscan', 'zmap', 'own', 'own'] as const)[random() & 3]!,
    };
  });
}

class PcapWriter {
  readonly #fd: number;
  readonly #buffer = Buffer.alloc(WRITE_BYTES + 2048);
  #used = 0;

  constructor(path: string) {
    this.#fd = fs.openSync(path, 'w');
    for (const word of [0xa1b2c3d4, 0x00040002, 0, 0, 65_535, 1])
      this.#used = this.#buffer.writeUInt32LE(word >>> 0, this.#used);
  }

  /** Writes the headers of one IPv4 frame and room for `payload` bytes; returns where its IP header starts in `buffer`. */
  start(micros: number, protocol: number, src: number, dst: number, transportBytes: number, payload: number): number {
    if (this.#used > WRITE_BYTES) this.flush();
    const length = 20 + transportBytes + payload;
    const frame = Math.max(60, 14 + length);
    const b = this.#buffer;
    const at = this.#used;
    b.writeUInt32LE(START + Math.floor(micros / 1e6), at);
    b.writeUInt32LE(micros % 1e6, at + 4);
    b.writeUInt32LE(frame, at + 8);
    b.writeUInt32LE(frame, at + 12);
    const ip = at + 30;
    b.fill(0, at + 16, ip + 60);
    b.writeUInt16BE(0x0800, ip - 2);
    b[ip] = 0x45;
    b.writeUInt16BE(length, ip + 2);
    b[ip + 8] = 50;
    b[ip + 9] = protocol;
    b.writeUInt32BE(src, ip + 12);
    b.writeUInt32BE(dst, ip + 16);
    this.#used = at + 16 + frame;
    return ip;
  }

  get buffer(): Buffer {
    return this.#buffer;
  }

  flush(): void {
    fs.writeSync(this.#fd, this.#buffer, 0, this.#used);
    this.#used = 0;
  }

  close(): void {
    this.flush();
    fs.closeSync(this.#fd);
  }
}

/** One SYN, marked the way the tool marks it; backscatter passes other flags. */
function writeTcp(
  out: PcapWriter,
  micros: number,
  sender: Sender,
  dst: number,
  port: number,
  how: string,
  random: () => number,
) {
  const ip = out.start(micros, 6, sender.address, dst, 20, 0);
  const b = out.buffer;
  const sequence = how === 'mirai' ? dst : random();
  const id = how === 'zmap' ? 54_321 : how === 'masscan' ? (dst ^ port ^ sequence) & 0xffff : random() & 0xffff;
  b.writeUInt16BE(id, ip + 4);
  b.writeUInt16BE(random() & 0xffff, ip + 20);
  b.writeUInt16BE(port, ip + 22);
  b.writeUInt32BE(sequence, ip + 24);
  b[ip + 32] = 0x50;
  b[ip + 33] = how === 'backscatter' ? 0x12 : 0x02;
  b.writeUInt16BE(how === 'masscan' ? 1024 : how === 'zmap' ? 65_535 : 14_600, ip + 34);
}

function writeUdp(out: PcapWriter, micros: number, sender: Sender, dst: number, random: () => number) {
  const payload = Math.min(PAYLOAD_BYTES_MAX, Math.floor(20 / (random() / 2 ** 32 + 0.01)));
  const ip = out.start(micros, 17, sender.address, dst, 8, payload);
  const port = UDP_PORTS[(sender.firstPort + (random() & 1)) % UDP_PORTS.length]!;
  out.buffer.writeUInt16BE(1024 + (random() % 60_000), ip + 20);
  out.buffer.writeUInt16BE(port, ip + 22);
  out.buffer.writeUInt16BE(8 + payload, ip + 24);
}

function writeEcho(out: PcapWriter, micros: number, sender: Sender, dst: number) {
  const ip = out.start(micros, 1, sender.address, dst, 8, 32);
  out.buffer[ip + 20] = 8;
}

/** Writes `packets` packets to `path`. The same seed gives the same file. */
export function writeTraffic(path: string, packets: number, seed = 1): void {
  const random = createRandom(seed * 2_654_435_761);
  const population = (count: number, s: number) => {
    const senders = createSenders(count, random);
    const rank = createZipf(count, s, random);
    return () => senders[rank()]!;
  };
  const scanner = population(4_000, 1.0);
  const bot = population(200_000, 0.6);
  const udp = population(60_000, 0.8);
  const rest = population(3_000, 1.1);
  const out = new PcapWriter(path);
  let micros = 0;
  const meanGap = (86_400e6 / PACKETS_A_DAY) * 2;
  for (let i = 0; i < packets; i++) {
    micros += Math.floor((random() / 2 ** 32) * meanGap);
    const dst = (DARK_NETWORK + (random() % DARK_ADDRESSES)) >>> 0;
    const which = random() % 100;
    if (which < 62) {
      const sender = scanner();
      const port = (sender.firstPort + (random() % sender.ports) * 7) & 0xffff;
      writeTcp(out, micros, sender, dst, port, sender.tool, random);
    } else if (which < 84) {
      const sender = bot();
      const port = BOT_PORTS[(sender.firstPort + (random() % 3)) % BOT_PORTS.length]!;
      writeTcp(out, micros, sender, dst, port, 'mirai', random);
    } else if (which < 94) writeUdp(out, micros, udp(), dst, random);
    else if (which < 97) writeTcp(out, micros, rest(), dst, 1024 + (random() % 64_512), 'backscatter', random);
    else writeEcho(out, micros, rest(), dst);
  }
  out.close();
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { packets: { type: 'string' }, out: { type: 'string' }, seed: { type: 'string', default: '1' } },
  });
  if (!values.packets || !values.out) {
    console.error('usage: traffic.ts --packets N --out FILE.pcap [--seed S]');
    process.exit(2);
  }
  writeTraffic(values.out, Number(values.packets), Number(values.seed));
}
