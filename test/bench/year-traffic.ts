/**
 * A darknet's records without its packets: what sensors of a /28 would have decoded of an hour, put into blocks directly. A few
 * thousand scanners, by Zipf's law, and two hundred thousand bots that live for one to sixteen days; ports as in traffic.ts, whose
 * captures take four times as long to make. The same seed gives the same records.
 */
import { mix } from '../../common/record/mix.ts';
import { createRecords, type Records } from '../../common/record/record.ts';

const BOT_PORTS = [23, 2323, 80, 8080, 5555, 37215, 52869, 60023, 81, 7547];
const UDP_PORTS = [53, 123, 161, 389, 1900, 3702, 5060, 5683, 11211, 27015, 19, 137];
const [ICMP, TCP, UDP] = [1, 6, 17];
const [SYN, SYN_ACK] = [0x02, 0x12];
const [MIRAI, ZMAP, MASSCAN] = [1, 2, 4];
const HOUR_MICROS = 3_600_000_000;
/** Networks that senders are of: a few hundred hold most of them. */
const networkCount = 3000;
const drawBits = 20;

/** Senders by rank: a table from which one is drawn with one look, by Zipf's law with exponent `s`. */
function drawTable(count: number, s: number): Uint32Array {
  const weights = Float64Array.from({ length: count }, (_, rank) => (rank + 1) ** -s);
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const table = new Uint32Array(2 ** drawBits);
  let [rank, below] = [0, weights[0]! / sum];
  for (let n = 0; n < table.length; n++) {
    while ((n + 0.5) / table.length > below && rank < count - 1) below += weights[++rank]! / sum;
    table[n] = rank;
  }
  return table;
}

/** `livesDays`: for how long a sender of a rank has its address; by rank, from one day to so many. */
interface Population {
  readonly first: number;
  readonly count: number;
  readonly draw: Uint32Array;
  readonly livesDays: number;
}

export class Darknet {
  readonly #seed: number;
  readonly #networks: Uint32Array;
  readonly #drawNetwork = drawTable(networkCount, 0.9);
  readonly #scanners: Population;
  readonly #bots: Population;
  readonly #udp: Population;
  readonly #rest: Population;
  #addresses: Uint32Array;
  #day = -1;
  #state = 1;

  constructor(seed: number) {
    this.#seed = seed;
    let first = 0;
    const population = (count: number, s: number, livesDays: number): Population => {
      const made = { first, count, draw: drawTable(count, s), livesDays };
      first += count;
      return made;
    };
    this.#scanners = population(4_000, 1.0, 400);
    this.#bots = population(200_000, 0.6, 16);
    this.#udp = population(60_000, 0.8, 60);
    this.#rest = population(3_000, 1.1, 30);
    this.#addresses = new Uint32Array(first);
    this.#networks = Uint32Array.from({ length: networkCount }, (_, n) => {
      const word = mix(mix(n + 1) ^ seed) >>> 0;
      return (((word % 222) + 1) << 24) | (word & 0xff0000);
    });
  }

  /** So many records of one sensor and hour (hours since 1970). */
  hour(sensor: number, hour: number, count: number): Records {
    this.#begin(Math.floor(hour / 24));
    this.#state = mix(mix(hour * 4096 + sensor) ^ this.#seed) | 1;
    const records = createRecords(4, count);
    Object.assign(records, { hour, count });
    records.length.fill(44);
    records.ttl.fill(50);
    for (let i = 0; i < count; i++) this.#fill(records, i, 0xc6120000 + 256 * sensor);
    return records;
  }

  /** Gives every sender the address it has on this day. */
  #begin(day: number): void {
    if (day === this.#day) return;
    this.#day = day;
    for (const { first, count, livesDays } of [this.#scanners, this.#bots, this.#udp, this.#rest])
      for (let n = first; n < first + count; n++) {
        const lives = 1 + ((mix(n + 7) >>> 0) % livesDays);
        const word = mix(mix(n + 1) ^ mix(Math.floor((day + n) / lives)) ^ this.#seed) >>> 0;
        const network = this.#networks[this.#drawNetwork[word >>> (32 - drawBits)]!]!;
        this.#addresses[n] = network | (mix(word) & 0xffff);
      }
  }

  #fill(records: Records, i: number, network: number): void {
    const which = this.#random() % 100;
    records.dst[i] = network | (this.#random() & 15);
    records.time[i] = (this.#random() / 2 ** 32) * HOUR_MICROS;
    records.srcPort[i] = 1024 + (this.#random() % 60_000);
    records.protocol[i] = which < 84 || (which >= 94 && which < 97) ? TCP : which < 94 ? UDP : ICMP;
    if (which < 62) {
      const sender = this.#sender(records, i, this.#scanners);
      const tail = (mix(sender + 3) >>> 0) / 2 ** 32;
      const ports = Math.min(65_535, Math.ceil(0.9 / (tail + 1e-5)));
      records.dstPort[i] = (mix(sender) + (this.#random() % ports) * 7) & 0xffff;
      records.tool[i] = [MASSCAN, ZMAP, 0, 0][sender & 3]!;
      records.flags[i] = SYN;
    } else if (which < 84) {
      const sender = this.#sender(records, i, this.#bots);
      records.dstPort[i] = BOT_PORTS[((mix(sender) >>> 8) + (this.#random() % 3)) % BOT_PORTS.length]!;
      records.tool[i] = MIRAI;
      records.flags[i] = SYN;
    } else if (which < 94) {
      const sender = this.#sender(records, i, this.#udp);
      records.dstPort[i] = UDP_PORTS[((mix(sender) >>> 8) + (this.#random() & 1)) % UDP_PORTS.length]!;
    } else {
      this.#sender(records, i, this.#rest);
      records.flags[i] = which < 97 ? SYN_ACK : 0;
      records.dstPort[i] = which < 97 ? 1024 + (this.#random() % 64_512) : 0;
      if (which >= 97) records.srcPort[i] = 8; // an echo request: type and code
    }
  }

  /** Enters a sender's address; returns its number. */
  #sender(records: Records, i: number, { first, draw }: Population): number {
    const sender = first + draw[this.#random() >>> (32 - drawBits)]!;
    records.src[i] = this.#addresses[sender]!;
    return sender;
  }

  #random(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return x >>> 0;
  }
}
