/** Organisations, sensors, their keys, and what an admin decided about them. Any number of processes may have it open. */

import type { KeyObject } from 'node:crypto';
import { randomUUID } from 'node:crypto';
import type { EnrolmentRequest } from '../../common/protocol/messages.ts';
import { openDatabase, type SqliteDatabase } from '../../common/sqlite/open.ts';
import { assertName, assertText, RegistryError } from './checks.ts';
import { type Enrolled, findToken, issueToken, keyTaken, type TokenTimes } from './enrolments.ts';
import { type Exclusion, isExcluded, readExclusions, withdrawExclusions } from './exclusions.ts';
import { canonicalPrefix, findOverlap } from './networks.ts';
import { MIGRATIONS } from './schema.ts';
import { parsePublicKey, publicKeyObject } from './secrets.ts';
import { type KeyRow, prepare, type TokenRow } from './statements.ts';

export { RegistryError };

export interface Organisation {
  readonly name: string;
  readonly title: string;
  readonly createdMs: number;
}

export interface Sensor {
  /** From 0, never reused: names the sensor in log and store. */
  readonly index: number;
  /** UUID. */
  readonly id: string;
  readonly name: string;
  /** Name of the organisation. */
  readonly owner: string;
  /** ISO 3166-1 alpha-2. */
  readonly economy: string;
  /** CIDR prefixes. */
  readonly networks: readonly string[];
  readonly createdMs: number;
  readonly revokedMs: number | null;
}

/** What a sensor was from a time on. */
export interface Placement extends Pick<Sensor, 'index' | 'owner' | 'economy' | 'networks'> {
  readonly fromMs: number;
}

export interface SensorKey {
  readonly keyId: string;
  readonly fromMs: number;
  readonly untilMs: number | null;
}

export interface KeyOwner {
  readonly publicKey: KeyObject;
  readonly sensor: Sensor;
}

export interface AuditEntry {
  readonly atMs: number;
  readonly actor: string;
  readonly action: string;
  /** Its name, where it was done to one and all of them are asked for. */
  readonly sensor?: string | null;
  readonly detail: string;
}

export interface NewSensor {
  readonly name: string;
  readonly owner: string;
  readonly economy: string;
  readonly networks: readonly string[];
}

export interface RegistryOptions {
  readonly readonly?: boolean;
  /** Who acts, for the audit. */
  readonly actor?: string;
  /** An epoch beyond those a sensor (by its index) has used, as the log knows; 1 unless given. */
  readonly nextEpoch?: (sensor: number) => number;
}

interface EnrolledKey extends KeyOwner {
  readonly untilMs: number | null;
}

const hasEnded = ({ sensor, untilMs }: EnrolledKey, nowMs: number): boolean =>
  sensor.revokedMs !== null || (untilMs !== null && nowMs >= untilMs);

const ECONOMY = /^[A-Z]{2}$/;
const networksMax = 256;

export class Registry {
  readonly #database: SqliteDatabase;
  readonly #statements: ReturnType<typeof prepare>;
  readonly #actor: string;
  readonly #nextEpoch: (sensor: number) => number;
  /** By key id, of the database at `#version`; unknown ids are not kept, for anyone can make up any number of them. */
  #owners = new Map<string, EnrolledKey>();
  #version = -1;

  private constructor(database: SqliteDatabase, { actor = 'enaga', nextEpoch = () => 1 }: RegistryOptions) {
    this.#database = database;
    this.#statements = prepare(database);
    this.#actor = actor;
    this.#nextEpoch = nextEpoch;
  }

  /** Makes the file if there is none. Throws `BadDatabase`. */
  static open(file: string, options: RegistryOptions = {}): Registry {
    const { readonly = false } = options;
    return new Registry(openDatabase(file, { migrations: MIGRATIONS, readonly, check: !readonly }), options);
  }

  /** Throws `RegistryError`, as all that changes something. */
  addOrganisation(
    { name, title = name }: { readonly name: string; readonly title?: string },
    nowMs: number,
  ): Organisation {
    this.#change(() => {
      assertName('organisation', name);
      assertText('title', title);
      if (this.#statements.organisationId.get(name) !== undefined)
        throw new RegistryError(`there is an organisation ${name} already`);
      this.#statements.addOrganisation.run(name, title, nowMs);
      this.#note(nowMs, 'org add', null, { name, title });
    });
    return { name, title, createdMs: nowMs };
  }

  organisations(): Organisation[] {
    return this.#statements.organisations.all() as Organisation[];
  }

  /** The token enrols it, once. */
  addSensor(
    { name, owner, economy, networks }: NewSensor,
    nowMs: number,
    times: TokenTimes = {},
  ): { readonly sensor: Sensor; readonly token: string } {
    return this.#change(() => {
      assertName('sensor', name);
      const known = this.find(name);
      if (known !== undefined)
        throw new RegistryError(
          `there is a sensor ${name} already${known.revokedMs === null ? '' : ', revoked for good: take another name'}`,
        );
      const id = randomUUID();
      const index = Number(this.#statements.addSensor.run(id, name, nowMs).lastInsertRowid) - 1;
      this.#place(index, { owner, economy, networks }, nowMs);
      this.#note(nowMs, 'sensor add', index, { owner, economy, networks });
      return { sensor: this.#sensorAt(index), token: issueToken(this.#statements, index, nowMs, times) };
    });
  }

  /** From now on it has another owner, economy or networks; what it was before is kept. */
  change(name: string, to: Partial<Omit<NewSensor, 'name'>>, nowMs: number): Sensor {
    return this.#change(() => {
      const sensor = this.#active(name);
      this.#place(sensor.index, { ...sensor, ...to }, nowMs);
      this.#note(nowMs, 'sensor change', sensor.index, to);
      return this.#sensorAt(sensor.index);
    });
  }

  /** A token for a new key of the same sensor; tokens before it are void. */
  rotate(name: string, nowMs: number, times: TokenTimes = {}): { readonly sensor: Sensor; readonly token: string } {
    return this.#change(() => {
      const sensor = this.#active(name);
      this.#statements.voidTokens.run({ nowMs, sensor: sensor.index + 1 });
      this.#note(nowMs, 'sensor rotate', sensor.index, {});
      return { sensor, token: issueToken(this.#statements, sensor.index, nowMs, times) };
    });
  }

  /** For good: its keys and tokens are void at once. */
  revoke(name: string, nowMs: number): Sensor {
    return this.#change(() => {
      const { index } = this.#active(name);
      this.#statements.revoke.run(nowMs, index + 1);
      this.#statements.voidTokens.run({ nowMs, sensor: index + 1 });
      this.#note(nowMs, 'sensor revoke', index, {});
      return this.#sensorAt(index);
    });
  }

  /** Days `fromDay` to `toDay` (since 1970, both included) of this sensor are not to count. */
  exclude(name: string, fromDay: number, toDay: number, reason: string, nowMs: number): Exclusion {
    return this.#change(() => {
      const { index } = this.existing(name);
      if (toDay < fromDay) throw new RegistryError('the last day is before the first');
      assertText('reason', reason);
      if (isExcluded(this.#statements, { sensor: index, from: fromDay, to: toDay }))
        throw new RegistryError(`sensor ${name} is excluded on these days already`);
      this.#statements.exclude.run(index + 1, fromDay, toDay, reason, nowMs);
      this.#note(nowMs, 'sensor exclude', index, { fromDay, toDay, reason });
      return { sensor: index, from: fromDay, to: toDay, reason, createdMs: nowMs };
    });
  }

  /** Takes back what was excluded of these days of this sensor: they count again. Returns how many exclusions that changed. */
  include(name: string, fromDay: number, toDay: number, nowMs: number): number {
    return this.#change(() => {
      const { index } = this.existing(name);
      if (toDay < fromDay) throw new RegistryError('the last day is before the first');
      const changed = withdrawExclusions(this.#statements, { sensor: index, from: fromDay, to: toDay }, nowMs);
      if (changed === 0) throw new RegistryError(`sensor ${name} is not excluded from any of these days`);
      this.#note(nowMs, 'sensor include', index, { fromDay, toDay });
      return changed;
    });
  }

  /** When it was last changed which sensors a day (since 1970) leaves out, milliseconds since 1970; 0 if never. */
  exclusionChangedMs(day: number): number {
    return (this.#statements.exclusionChanged.get(day, day) as number | null) ?? 0;
  }

  exclusions(): Exclusion[] {
    return readExclusions(this.#statements);
  }

  /**
   * Takes a sensor's key for its token. Undefined if the token is unknown, used or expired, or the key is none: whoever
   * guesses is not told which. Keys before it are good for the token's overlap. A token that took this very key is answered again within
   * the hour, and changes nothing.
   */
  enrol({ token, publicKey }: EnrolmentRequest, nowMs: number): Enrolled | undefined {
    const key = parsePublicKey(publicKey);
    // Looked at before as well, so that a guess costs a reading and no write.
    const found = key === undefined ? undefined : findToken(this.#statements, token, nowMs);
    if (key === undefined || found === undefined) return undefined;
    if (found.usedMs !== null) return this.#enrolledBefore(found, key, nowMs);
    return this.#change(() => {
      const good = findToken(this.#statements, token, nowMs);
      if (good?.usedMs !== null) return undefined;
      const { id, index, name, economy, networks } = this.#sensorAt(good.sensor);
      const keyId = randomUUID();
      const epoch = Math.max((this.#statements.epoch.get(index + 1) as number) + 1, this.#nextEpoch(index));
      this.#statements.useToken.run(nowMs, good.lookup);
      this.#statements.endKeys.run({ untilMs: nowMs + good.overlapMs, sensor: index + 1 });
      this.#statements.addKey.run(index + 1, keyId, key, nowMs);
      this.#statements.setEpoch.run(epoch, index + 1);
      this.#note(nowMs, 'enrol', index, { keyId, epoch });
      return { sensor: id, name, economy, keyId, networks, epoch, isAgain: false };
    });
  }

  /** The sensor's last key, so its epoch is the last that was given. */
  #enrolledBefore(used: TokenRow, publicKey: Uint8Array, nowMs: number): Enrolled | undefined {
    const { id, index, name, economy, networks, revokedMs } = this.#sensorAt(used.sensor);
    const keyId = keyTaken(this.#statements, used, publicKey, nowMs);
    if (keyId === undefined || revokedMs !== null) return undefined;
    const epoch = this.#statements.epoch.get(index + 1) as number;
    return { sensor: id, name, economy, keyId, networks, epoch, isAgain: true };
  }

  /** Undefined if the key is unknown, replaced, or its sensor revoked, by this process or another, up to this moment. */
  keyOwner(keyId: string, nowMs: number): KeyOwner | undefined {
    const owner = this.#ownerOf(keyId);
    return owner === undefined || hasEnded(owner, nowMs) ? undefined : owner;
  }

  /** Whose key it was, if it was replaced or its sensor revoked: its signature tells whom to tell so, and is good for nothing else. */
  endedKeyOwner(keyId: string, nowMs: number): KeyOwner | undefined {
    const owner = this.#ownerOf(keyId);
    return owner !== undefined && hasEnded(owner, nowMs) ? owner : undefined;
  }

  #ownerOf(keyId: string): EnrolledKey | undefined {
    const version = this.#statements.dataVersion.get() as number;
    if (version !== this.#version) this.#owners.clear();
    this.#version = version;
    let owner = this.#owners.get(keyId);
    if (owner === undefined) {
      const row = this.#statements.key.get(keyId) as KeyRow | undefined;
      if (row === undefined) return undefined;
      const { publicKey, untilMs } = row;
      owner = { publicKey: publicKeyObject(publicKey), sensor: this.#sensorAt(row.sensor), untilMs };
      this.#owners.set(keyId, owner);
    }
    return owner;
  }

  /** All there ever were, by their index. */
  sensors(): Sensor[] {
    return (this.#statements.sensors.all() as Omit<Sensor, 'networks'>[]).map(row => this.#whole(row));
  }

  find(name: string): Sensor | undefined {
    const row = this.#statements.sensorByName.get(name) as Omit<Sensor, 'networks'> | undefined;
    return row === undefined ? undefined : this.#whole(row);
  }

  /** Throws `RegistryError`. */
  existing(name: string): Sensor {
    const sensor = this.find(name);
    if (sensor === undefined) throw new RegistryError(`there is no sensor ${name}: enaga sensor list shows all`);
    return sensor;
  }

  /** What all sensors were and since when, ascending by sensor and time. */
  placements(): Placement[] {
    const rows = this.#statements.placements.all() as (Omit<Placement, 'networks'> & { id: number })[];
    return rows.map(({ id, ...row }) => ({ ...row, networks: this.#statements.networks.all(id) as string[] }));
  }

  keys(sensor: number): SensorKey[] {
    return this.#statements.keys.all(sensor + 1) as SensorKey[];
  }

  /** What was done to a sensor, the newest first. */
  audit(sensor: number, max: number): AuditEntry[] {
    return this.#statements.audit.all(sensor + 1, max) as AuditEntry[];
  }

  close(): void {
    this.#database.close();
  }

  /** All of it or nothing; what is cached is read again. */
  #change<T>(change: () => T): T {
    this.#owners.clear(); // data_version tells of the others' changes only
    return this.#database.transaction(change).immediate();
  }

  #place(index: number, { owner, economy, networks }: Omit<NewSensor, 'name'>, nowMs: number): void {
    const organisation = this.#statements.organisationId.get(owner) as number | undefined;
    if (organisation === undefined)
      throw new RegistryError(`there is no organisation ${owner}: add it with enaga org add`);
    if (!ECONOMY.test(economy))
      throw new RegistryError(`'${economy}' is no economy: two capital letters of ISO 3166-1, like JP`);
    const prefixes = this.#freeNetworks(index, networks);
    const { lastInsertRowid } = this.#statements.addPlacement.run(index + 1, nowMs, organisation, economy);
    for (const prefix of prefixes) this.#statements.addNetwork.run(lastInsertRowid, prefix);
  }

  /** In their one way to be written. A packet must have one sensor: throws if an active sensor observes any part of them. */
  #freeNetworks(index: number, networks: readonly string[]): string[] {
    if (networks.length === 0 || networks.length > networksMax)
      throw new RegistryError(`a sensor observes 1 to ${networksMax} networks`);
    let prefixes: string[];
    try {
      prefixes = networks.map(canonicalPrefix);
    } catch (error) {
      throw new RegistryError((error as Error).message);
    }
    for (const [n, prefix] of prefixes.entries()) {
      const [twice] = findOverlap(prefixes.slice(n + 1), [prefix]) ?? [];
      if (twice !== undefined) throw new RegistryError(`${prefix} and ${twice} overlap`);
    }
    for (const other of this.sensors()) {
      if (other.index === index || other.revokedMs !== null) continue;
      const [ours, theirs] = findOverlap(prefixes, other.networks) ?? [];
      if (ours !== undefined)
        throw new RegistryError(`${ours} overlaps with ${theirs}, which sensor ${other.name} observes`);
    }
    return prefixes;
  }

  #note(nowMs: number, action: string, sensor: number | null, detail: object): void {
    const id = sensor === null ? null : sensor + 1;
    this.#statements.note.run(nowMs, this.#actor, action, id, JSON.stringify(detail));
  }

  #sensorAt(index: number): Sensor {
    return this.#whole(this.#statements.sensor.get(index + 1) as Omit<Sensor, 'networks'>);
  }

  #whole(row: Omit<Sensor, 'networks'>): Sensor {
    return { ...row, networks: this.#statements.networksNow.all(row.index + 1) as string[] };
  }

  #active(name: string): Sensor {
    const sensor = this.existing(name);
    if (sensor.revokedMs !== null)
      throw new RegistryError(`sensor ${name} is revoked already, for good: add it under another name`);
    return sensor;
  }
}
