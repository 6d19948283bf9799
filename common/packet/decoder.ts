/** From walked packets to blocks of records, with what was skipped on the way. */

import type { Prefix } from '../record/address.ts';
import { createRecords, type Records } from '../record/record.ts';
import { createSkipped, type Decoded, decodePackets } from './decode.ts';
import { observe } from './observed.ts';
import type { Packets } from './packets.ts';
import type { Chunk } from './walker.ts';

/** Records of a block at the most. */
export const recordsMax = 8192;

export class Decoder {
  /** Packets skipped, by `skipIndex`. */
  readonly skipped = createSkipped();
  /** Link types met that we do not read. */
  readonly unknownLinkTypes = new Set<number>();
  readonly #decoded: Decoded;
  readonly #emit: (records: Records) => void;

  /** `emit` is handed each block that is full or at an hour's end, and must be done with it when it returns. */
  constructor(networks: readonly Prefix[], emit: (records: Records) => void) {
    this.#emit = emit;
    this.#decoded = {
      records4: createRecords(4, recordsMax),
      records6: createRecords(6, recordsMax),
      skipped: this.skipped,
      unknownLinkTypes: this.unknownLinkTypes,
      observed: observe(networks),
    };
  }

  take(chunk: Chunk, packets: Packets): void {
    for (let done = 0; done < packets.count; ) {
      done = decodePackets(chunk, packets, done, this.#decoded);
      if (done < packets.count) this.flush();
    }
  }

  /** Hands on what there is. */
  flush(): void {
    for (const records of [this.#decoded.records4, this.#decoded.records6]) {
      if (records.count > 0) this.#emit(records);
      records.count = 0;
    }
  }
}
