/** What the log holds: batches as they came, and which geography was in force. */

export interface NewBatch {
  /** The collector's index of the sensor. */
  readonly sensor: number;
  readonly epoch: number;
  readonly sequence: number;
  /** 32 bytes, of the batch's canonical form. */
  readonly sha256: Uint8Array;
  /** The collector's clock, milliseconds since 1970. */
  readonly receivedMs: number;
  /** The time in the request's signature less the receive time, in milliseconds. */
  readonly clockOffsetMs: number;
  readonly historic: boolean;
  /** Days since 1970 of the batch's records. */
  readonly day: number;
  readonly records: number;
  /** As it travelled. */
  readonly bytes: Uint8Array;
}

/** Positions ascend by 1 from 1 over all entries of a log, of either kind. */
export interface LoggedBatch extends NewBatch {
  readonly position: number;
}

/** From here on days that begin are counted with these databases. */
export interface GeoEntry {
  readonly position: number;
  /** Of the table built from the files, in hexadecimal. */
  readonly sha256: string;
  readonly name: string;
  /** ISO date the database was built. */
  readonly built: string;
  /** Names in the data directory's `geo`. */
  readonly files: readonly { readonly file: string; readonly role: 'geo' | 'asn' }[];
}
