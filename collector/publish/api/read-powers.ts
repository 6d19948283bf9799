/** What the routes are handed, and how a collector's own databases are opened to be it. */
import fs from 'node:fs';
import type { LogPast } from '../../log/past.ts';
import { LogReader } from '../../log/reader.ts';
import { openPeers, type Peers } from '../../peer/peers.ts';
import { Members } from '../../registry/members.ts';
import { Registry } from '../../registry/registry.ts';
import { type Geographies, LoggedGeographies } from '../../store/geography.ts';
import { keptMade } from '../../store/made-file.ts';
import { StoreReader } from '../../store/query.ts';
import { Renewal, type RenewalOptions } from '../../store/renewal.ts';
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
  /** As exports.json says at this moment. */
  readonly sender?: Sender | undefined;
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
  /** Asked each time (../sender.ts). */
  readonly sender?: () => Sender | undefined;
  /** files.db was found sound by this process: to look through it takes as long as it is large. */
  readonly checked?: boolean;
  /** Where what the log no longer has is asked for. */
  readonly past?: LogPast;
  /** With threads that make what takes long of open days (store/renewal.ts); else whoever asks waits for it. */
  readonly renewal?: RenewalOptions;
}

const renewMs = 1000;

/** Once a second, from when there is a store. What goes wrong each time is told once. */
function renewing(powers: Pick<ReadPowers, 'store'>, options: RenewalOptions): { close(): void } {
  let renewal: Renewal | undefined;
  const turn = () => {
    const store = powers.store();
    if (store === undefined) return;
    renewal ??= new Renewal(store, options);
    renewal.turn();
  };
  let hasFailed = false;
  const tryTurn = () => {
    try {
      turn();
      hasFailed = false;
    } catch (error) {
      if (!hasFailed) options.failed(error); // the store may be put aside at this moment
      hasFailed = true;
    }
  };
  const timer = setInterval(tryTurn, renewMs).unref();
  return {
    close: () => {
      clearInterval(timer);
      renewal?.close();
    },
  };
}

/** Throws `BadDatabase`. The registry must have been opened for writing before. */
export function openReadSide({ data, rule, sender, checked, past, renewal }: ReadSideOptions): {
  powers: ReadPowers;
  close(): void;
} {
  const registry = Registry.open(data.registry, { readonly: true });
  const members = Members.open(data.registry, { actor: 'serve' });
  const reader = LogReader.open(data.log, past);
  const log = new DayLog(reader);
  const digests = Digests.open(data.files, { check: checked !== true });
  let store: StoreReader | undefined;
  let peers: Peers | undefined;
  const powers: ReadPowers = {
    store: () => {
      if (store === undefined && fs.existsSync(data.store))
        store = StoreReader.open(data.store, renewal && { aside: true, before: keptMade(renewal.file) });
      return store?.position() === undefined ? undefined : store;
    },
    peers: () => {
      peers ??= openPeers(data.peers);
      return peers;
    },
    ...{ reader, log, registry, members, digests },
    geographies: new LoggedGeographies(data.geo, () => reader.geoEntries()),
    rule: { ...PUBLIC_RULE, ...rule },
    get sender() {
      return sender?.();
    },
    now: Date.now,
    random: Math.random,
  };
  const renewed = renewal && renewing(powers, renewal);
  const close = () => {
    for (const one of [renewed, store, peers, reader, members, registry, digests]) one?.close();
  };
  return { powers, close };
}
