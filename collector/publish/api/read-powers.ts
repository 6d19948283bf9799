/** What the routes are handed, and how a collector's own databases are opened to be it. */
import fs from 'node:fs';
import { LogReader } from '../../log/reader.ts';
import { Members } from '../../registry/members.ts';
import { Registry } from '../../registry/registry.ts';
import { type Geographies, LoggedGeographies } from '../../store/geography.ts';
import { StoreReader } from '../../store/query.ts';
import type { Organisation, Tlp } from '../exports/meta.ts';
import { PUBLIC_RULE, type PublicRule } from '../roles/roles.ts';
import { DayLog } from './day-log.ts';

/** Who sends exports, and how they may be shared. */
export interface Sender {
  readonly organisation: Organisation;
  readonly tlp: Tlp;
}

export interface ReadPowers {
  /** Undefined while nothing was ever counted. */
  store(): StoreReader | undefined;
  readonly reader: LogReader;
  readonly log: DayLog;
  readonly geographies: Geographies;
  readonly registry: Pick<Registry, 'placements' | 'sensors' | 'exclusionChangedMs'>;
  readonly members: Pick<Members, 'reader' | 'noteRead'>;
  readonly rule: PublicRule;
  readonly sender?: Sender;
  now(): number;
  random(): number;
}

export interface ReadSideOptions {
  /** Paths: the log's directory, the store's and the registry's file, the directory of geographies. */
  readonly data: { readonly log: string; readonly store: string; readonly registry: string; readonly geo: string };
  readonly rule?: Partial<PublicRule>;
  readonly sender?: Sender;
}

/** Throws `BadDatabase`. The registry must have been opened for writing before. */
export function openReadSide({ data, rule, sender }: ReadSideOptions): { powers: ReadPowers; close(): void } {
  const registry = Registry.open(data.registry, { readonly: true });
  const members = Members.open(data.registry, { actor: 'serve' });
  const reader = LogReader.open(data.log);
  const log = new DayLog(data.log);
  let store: StoreReader | undefined;
  const powers: ReadPowers = {
    store: () => {
      if (store === undefined && fs.existsSync(data.store)) store = StoreReader.open(data.store);
      return store?.position() === undefined ? undefined : store;
    },
    ...{ reader, log, registry, members },
    geographies: new LoggedGeographies(data.geo, () => reader.geoEntries()),
    rule: { ...PUBLIC_RULE, ...rule },
    ...(sender !== undefined && { sender }),
    now: Date.now,
    random: Math.random,
  };
  const close = () => {
    for (const one of [store, log, reader, members, registry]) one?.close();
  };
  return { powers, close };
}
