/** From walked packets to days, in one thread: decode, then reduce. */

import type { GeoTable } from '../../common/geo/table.ts';
import { createSkipped, type Decoded, decodePackets } from '../../common/packet/decode.ts';
import { finderOf } from '../../common/packet/link.ts';
import { observe } from '../../common/packet/observed.ts';
import type { Packets } from '../../common/packet/packets.ts';
import type { Share } from '../../common/packet/share.ts';
import type { Chunk } from '../../common/packet/walker.ts';
import type { Prefix } from '../../common/record/address.ts';
import { createRecords } from '../../common/record/record.ts';
import type { Day } from '../reduce/day.ts';
import { REPLAY_KEY } from '../reduce/hash.ts';
import { Reducer } from '../reduce/reducer.ts';

export interface PipelineOptions {
  readonly geo: GeoTable;
  /** Observed networks; none observes every destination. */
  readonly networks: readonly Prefix[];
  /** False leaves out distinct sources: for measuring what they cost. */
  readonly distinct: boolean;
  /** Count only packets of the sources of this share. */
  readonly share?: Share;
}

const recordsMax4 = 8192;
const recordsMax6 = 1024;
/** A capture is one sensor's. */
const SENSOR = 0;

export class Pipeline {
  /** Packets skipped, by `skipIndex`. */
  readonly skipped = createSkipped();
  /** Link types met that we do not read. */
  readonly unknownLinkTypes = new Set<number>();
  readonly #reducer: Reducer;
  readonly #decoded: Decoded;

  constructor({ geo, networks, distinct, share }: PipelineOptions) {
    this.#reducer = new Reducer({ geo, hashKey: REPLAY_KEY, distinct });
    this.#decoded = {
      records4: createRecords(4, recordsMax4),
      records6: createRecords(6, recordsMax6),
      skipped: this.skipped,
      observed: observe(networks),
      ...(share !== undefined && { share }),
    };
  }

  /** Takes packets as they were walked; leaves neither bytes nor columns changed. */
  take(chunk: Chunk, packets: Packets): void {
    this.#noteLinkTypes(packets);
    for (let done = 0; done < packets.count; ) {
      done = decodePackets(chunk, packets, done, this.#decoded);
      if (done < packets.count) this.#reduce();
    }
  }

  /** The days so far, ascending. */
  days(): Day[] {
    this.#reduce();
    return this.#reducer.days();
  }

  #reduce(): void {
    for (const records of [this.#decoded.records4, this.#decoded.records6]) {
      this.#reducer.fold(records, SENSOR);
      records.count = 0;
    }
  }

  #noteLinkTypes({ linkType, count }: Packets): void {
    let before = -1;
    for (let i = 0; i < count; i++) {
      if (linkType[i] === before) continue;
      before = linkType[i]!;
      if (finderOf(before) === undefined) this.unknownLinkTypes.add(before);
    }
  }
}
