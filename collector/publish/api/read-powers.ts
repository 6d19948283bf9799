/** What the routes are handed, and how a collector's own databases are opened to be it. */
import fs from 'node:fs';
import type { LogPast } from '../../log/past.ts';
import { LogReader } from '../../log/reader.ts';
import { openPeers, type Peers } from '../../peer/peers.ts';
import { Members } from '../../registry/members.ts';
import { Registry } from '../../registry/registry.ts';
import { type Geographies, LoggedGeographies } from '../../store/geography.ts';
import { StoreReader } from '../../store/query.ts';
import type { Sender } from '../exports/meta.ts';
import { PUBLIC_RULE, type PublicRule } from '../roles/roles.ts';
import { DayLog } from './day-log.ts';
import { Digests } from './digests.ts';

export interface ReadPowers {
  /** Undefined while nothing was ever counted. */
  store(): StoreReader | undefined;
  /** Undefined while there is neither a peer nor an import. */
  peers(): Peers | undefined;
  readonly reader: LogReader;
  readonly log: DayLog;
  readonly geographies: Geographies;
  readonly registry: Pick<Registry, 'placements' | 'sensors' | 'exclusionChangedMs'>;
  readonly members: Pick<Members, 'reader' | 'find' | 'noteRead'>;
  readonly digests: Digests;
  readonly rule: PublicRule;
  readonly sender?: Sender;
  now(): number;
  random(): number;
}

export interface ReadSideOptions {
  /** Paths: the log's directory, the store's and the registry's file, the directory of geographies, the peers' file. */
  readonly data: {
    readonly log: string;
    readonly store: string;
    readonly registry: string;
    readonly geo: string;
    readonly peers?: string;
    /** Of what is known of files (digests.ts); in memory unless given. */
    readonly files?: string;
  };
  readonly rule?: Partial<PublicRule>;
  readonly sender?: Sender;
  /** Where what the log no longer has is asked for. */
  readonly past?: LogPast;
  /** For how long an open day that took long to read is told again at the most (store/query.ts); not at all unless given. */
  readonly againMsMax?: number;
}

/** Throws `BadDatabase`. The registry must have been opened for writing before. */
export function openReadSide({ data, rule, sender, past, againMsMax = 0 }: ReadSideOptions): {
  powers: ReadPowers;
  close(): void;
} {
  const registry = Registry.open(data.registry, { readonly: true });
  const members = Members.open(data.registry, { actor: 'serve' });
  const reader = LogReader.open(data.log, past);
  const log = new DayLog(reader);
  const digests = Digests.open(data.files);
  let store: StoreReader | undefined;
  let peers: Peers | undefined;
  const powers: ReadPowers = {
    store: () => {
      if (store === undefined && fs.existsSync(data.store)) store = StoreReader.open(data.store, { againMsMax });
      return store?.position() === undefined ? undefined : store;
    },
    peers: () => {
      peers ??= openPeers(data.peers);
      return peers;
    },
    ...{ reader, log, registry, members, digests },
    geographies: new LoggedGeographies(data.geo, () => reader.geoEntries()),
    rule: { ...PUBLIC_RULE, ...rule },
    ...(sender !== undefined && { sender }),
    now: Date.now,
    random: Math.random,
  };
  const close = () => {
    for (const one of [store, peers, reader, members, registry, digests]) one?.close();
  };
  return { powers, close };
}
