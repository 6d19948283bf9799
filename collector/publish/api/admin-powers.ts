/**
 * What the routes of admins are handed. The registry is written by `enaga serve` and by the command line at once: each change is
 * made as a command makes it, over connections of its own and in one immediate transaction, so that neither side can tell, and
 * no lock is held between requests.
 */
import type { Heartbeat } from '../../../common/protocol/messages.ts';
import { type Activity, sensorActivity } from '../../log/ledger.ts';
import { Members } from '../../registry/members.ts';
import { Registry } from '../../registry/registry.ts';

/** What a sensor said of itself last. */
export interface Heard {
  /** Milliseconds since 1970. */
  readonly atMs: number;
  /** Its clock less the collector's. */
  readonly clockOffsetMs: number | null;
  /** ISO 8601: its oldest batch that was not acknowledged; null if there is none. */
  readonly oldestUnshipped: string | null;
  readonly spooledRecords: number;
  readonly alarms: readonly string[];
  /** Of its program; null of one that does not say. */
  readonly version: string | null;
}

export const heardOf = ({ status, version }: Heartbeat, receivedMs: number): Heard => ({
  atMs: receivedMs,
  clockOffsetMs: status.clockOffsetMs,
  oldestUnshipped: status.oldestUnshipped,
  spooledRecords: status.spooled.records,
  alarms: status.alarms,
  version: version ?? null,
});

export interface Writers {
  readonly registry: Registry;
  readonly members: Members;
}

export interface Readers {
  readonly registry: Pick<Registry, 'sensors' | 'organisations' | 'keys'>;
  readonly members: Pick<Members, 'list'>;
}

export interface AdminPowers {
  /** As somebody, for the audit. Throws `RegistryError`, as all that changes something. */
  as<T>(actor: string, use: (writers: Writers) => T): T;
  /** Read only: nothing waits for it. */
  look<T>(use: (readers: Readers) => T): T;
  /** What each sensor has sent, by its index. */
  activity(): ReadonlyMap<number, Activity>;
  /** Undefined of one that has said nothing since the collector started. */
  heard(sensor: number): Heard | undefined;
}

export interface AdminPowersOptions {
  readonly data: { readonly log: string; readonly registry: string };
  readonly heard: (sensor: number) => Heard | undefined;
}

/** Over a collector's own databases. */
export const adminPowers = ({ data, heard }: AdminPowersOptions): AdminPowers => ({
  as: (actor, use) => opened(data.registry, { actor }, use),
  look: use => opened(data.registry, { readonly: true }, use),
  activity: () => sensorActivity(data.log),
  heard,
});

function opened<T>(file: string, options: { readonly?: boolean; actor?: string }, use: (both: Writers) => T): T {
  const registry = Registry.open(file, options);
  try {
    const members = Members.open(file, options);
    try {
      return use({ registry, members });
    } finally {
      members.close();
    }
  } finally {
    registry.close();
  }
}
