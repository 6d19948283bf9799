/** Bounds that sensor and collector both keep to. A batch beyond them is refused, whoever made it. */
import assert from 'node:assert/strict';

/** Records a batch may hold; a sensor seals far earlier (8,192 by default). */
export const batchRecordsMax = 65_536;
/** Bytes of a batch as it travels. */
export const batchWireBytesMax = 4 * 2 ** 20;
/** Bytes of a batch in its canonical form, as it lies in memory: refused before it is decompressed, for its head says so. */
export const batchBytesMax = 4 * 2 ** 20;
/** Ranges of lost batches one header tells; a sensor tells more in the batches that follow. */
export const lostRangesMax = 64;
/** Reasons for skipping that one header tells, and letters of each. */
export const skipReasonsMax = 32;
export const skipReasonLengthMax = 24;
/** Gaps one answer to a heartbeat lists: the next heartbeat asks for the rest. */
export const gapsMax = 256;
/** Bytes of any JSON body. */
export const jsonBytesMax = 64 * 1024;

assert(batchRecordsMax * 50 <= batchBytesMax, 'a full batch of IPv6 records fits');
