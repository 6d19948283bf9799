/**
 * Members: organisations that read with a token what the public does not, and what they have read. In registry.db, over a
 * connection of its own. A token is made, kept and compared as an enrolment token is (secrets.ts); it is good until it expires,
 * another takes its place, or its member is revoked, by this process or another, up to the moment it is shown.
 */

import { openDatabase, type SqliteDatabase } from '../../common/sqlite/open.ts';
import { DAY_MS } from '../../common/time.ts';
import { canonicalPrefix } from './networks.ts';
import { type AuditEntry, RegistryError } from './registry.ts';
import { MIGRATIONS } from './schema.ts';
import { newToken, tokenLookup, tokenMatches } from './secrets.ts';

export const MEMBER_ROLES = ['member', 'admin'] as const;
export type MemberRole = (typeof MEMBER_ROLES)[number];

/** What sources a member may read raw records of. */
export interface MemberScope {
  /** ISO 3166-1 alpha-2. */
  readonly countries: readonly string[];
  readonly asns: readonly number[];
  /** CIDR. */
  readonly prefixes: readonly string[];
}

export interface Member extends MemberScope {
  /** Name of the organisation. */
  readonly organisation: string;
  readonly role: MemberRole;
  readonly createdMs: number;
  readonly revokedMs: number | null;
  /** When the last of its tokens ends; null if it has none. */
  readonly expiresMs: number | null;
}

export interface NewMember extends Partial<MemberScope> {
  readonly organisation: string;
  readonly role?: MemberRole;
}

export interface AuditQuery {
  /** Only actions that begin so. */
  readonly action?: string;
  readonly actor?: string;
  readonly sinceMs?: number;
  readonly max: number;
}

/** Actions in the audit that are reads of raw records begin with it. */
export const READ_ACTION = 'read ';

const expiresInMsDefault = 365 * DAY_MS;
/** For how long the tokens before are good beside a new one. */
const overlapMsDefault = DAY_MS;
const scopesMax = 256;
const asnMax = 2 ** 32 - 1;

interface MemberRow extends Omit<Member, keyof MemberScope> {
  readonly id: number;
}

const SELECT = `
  SELECT m.id, o.name AS organisation, m.role, m.created_ms AS createdMs, m.revoked_ms AS revokedMs,
         (SELECT max(expires_ms) FROM member_tokens WHERE member = m.id) AS expiresMs
    FROM members m JOIN organisations o ON o.id = m.organisation`;

export class Members {
  readonly #database: SqliteDatabase;
  readonly #actor: string;

  private constructor(database: SqliteDatabase, actor: string) {
    this.#database = database;
    this.#actor = actor;
  }

  /** Of registry.db. Throws `BadDatabase`. */
  static open(file: string, { readonly = false, actor = 'enaga' } = {}): Members {
    return new Members(openDatabase(file, { migrations: MIGRATIONS, readonly }), actor);
  }

  /** A new member, or one that was revoked, with its first token. Throws `RegistryError`, as all that changes something. */
  add(
    { organisation, role = 'member', countries = [], asns = [], prefixes = [] }: NewMember,
    nowMs: number,
    { expiresInMs = expiresInMsDefault } = {},
  ): { readonly member: Member; readonly token: string } {
    const scope = checkedScope({ countries, asns, prefixes });
    return this.#change(() => {
      const owner = this.#get('SELECT id FROM organisations WHERE name = ?', organisation) as
        | { id: number }
        | undefined;
      if (owner === undefined)
        throw new RegistryError(`there is no organisation ${organisation}: add it with enaga org add`);
      const before = this.#row(organisation);
      if (before !== undefined && before.revokedMs === null)
        throw new RegistryError(`${organisation} is a member already: revoke it first, or rotate its token`);
      this.#run(
        `INSERT INTO members (organisation, role, created_ms) VALUES (?, ?, ?)
         ON CONFLICT DO UPDATE SET role = excluded.role, created_ms = excluded.created_ms, revoked_ms = NULL`,
        owner.id,
        role,
        nowMs,
      );
      const { id } = this.#row(organisation)!;
      this.#run('DELETE FROM member_scopes WHERE member = ?', id);
      for (const [kind, value] of scope)
        this.#run('INSERT OR IGNORE INTO member_scopes VALUES (?, ?, ?)', id, kind, value);
      this.#note(nowMs, this.#actor, 'member add', { organisation, role, scope: scope.map(one => one.join(' ')) });
      const token = this.#issue(id, nowMs, expiresInMs);
      return { member: this.find(organisation)!, token };
    });
  }

  /** Another token; those before are good for a while yet. */
  rotate(
    organisation: string,
    nowMs: number,
    { expiresInMs = expiresInMsDefault, overlapMs = overlapMsDefault } = {},
  ): { readonly member: Member; readonly token: string } {
    return this.#change(() => {
      const { id } = this.#active(organisation);
      this.#run('UPDATE member_tokens SET expires_ms = min(expires_ms, ?) WHERE member = ?', nowMs + overlapMs, id);
      this.#note(nowMs, this.#actor, 'member rotate', { organisation });
      const token = this.#issue(id, nowMs, expiresInMs);
      return { member: this.find(organisation)!, token };
    });
  }

  /** Its tokens are void at once. */
  revoke(organisation: string, nowMs: number): Member {
    return this.#change(() => {
      const { id } = this.#active(organisation);
      this.#run('UPDATE members SET revoked_ms = ? WHERE id = ?', nowMs, id);
      this.#run('DELETE FROM member_tokens WHERE member = ?', id);
      this.#note(nowMs, this.#actor, 'member revoke', { organisation });
      return this.find(organisation)!;
    });
  }

  /** All there ever were, by name. */
  list(): Member[] {
    return (this.#database.prepare(`${SELECT} ORDER BY o.name`).all() as MemberRow[]).map(row => this.#whole(row));
  }

  find(organisation: string): Member | undefined {
    const row = this.#row(organisation);
    return row === undefined ? undefined : this.#whole(row);
  }

  /** Throws `RegistryError`. */
  existing(organisation: string): Member {
    const member = this.find(organisation);
    if (member === undefined) throw new RegistryError(`${organisation} is no member: enaga member list shows all`);
    return member;
  }

  /** Whose token it is; undefined if it is nobody's, or not any more: whoever guesses is not told which. */
  reader(token: string, nowMs: number): Member | undefined {
    const lookup = tokenLookup(token);
    if (lookup === undefined) return undefined;
    const row = this.#get(
      'SELECT sha256, expires_ms AS expiresMs, member FROM member_tokens WHERE lookup = ?',
      lookup,
    ) as { sha256: Uint8Array; expiresMs: number; member: number } | undefined;
    if (row === undefined || !tokenMatches(token, row.sha256) || nowMs >= row.expiresMs) return undefined;
    const member = this.#get(`${SELECT} WHERE m.id = ?`, row.member) as MemberRow;
    return member.revokedMs === null ? this.#whole(member) : undefined;
  }

  /** Raw records were read, by whom and which. To be called before any of them leaves. */
  noteRead(organisation: string, what: string, detail: object, nowMs: number): void {
    this.#note(nowMs, organisation, `${READ_ACTION}${what}`, detail);
  }

  /** Something else of the collector was changed, by whoever this was opened for. */
  noteChange(action: string, detail: object, nowMs: number): void {
    this.#note(nowMs, this.#actor, action, detail);
  }

  /** The newest first. */
  audit({ action = '', actor, sinceMs = 0, max }: AuditQuery): AuditEntry[] {
    return this.#database
      .prepare(
        `SELECT at_ms AS atMs, actor, action, s.name AS sensor, detail FROM audit LEFT JOIN sensors s ON s.id = audit.sensor
         WHERE at_ms >= ? AND (? IS NULL OR actor = ?) AND substr(action, 1, ?) = ? ORDER BY audit.id DESC LIMIT ?`,
      )
      .all(sinceMs, actor ?? null, actor ?? null, action.length, action, max) as AuditEntry[];
  }

  close(): void {
    this.#database.close();
  }

  #change = <T>(change: () => T): T => this.#database.transaction(change).immediate();
  #get = (sql: string, ...values: unknown[]): unknown => this.#database.prepare(sql).get(...values);
  #run = (sql: string, ...values: unknown[]): unknown => this.#database.prepare(sql).run(...values);
  #row = (organisation: string) => this.#get(`${SELECT} WHERE o.name = ?`, organisation) as MemberRow | undefined;

  #active(organisation: string): MemberRow {
    const row = this.#row(organisation);
    if (row === undefined) throw new RegistryError(`${organisation} is no member: enaga member list shows all`);
    if (row.revokedMs !== null) throw new RegistryError(`member ${organisation} is revoked`);
    return row;
  }

  #issue(member: number, nowMs: number, expiresInMs: number): string {
    const { token, lookup, sha256 } = newToken();
    this.#run('INSERT INTO member_tokens VALUES (?, ?, ?, ?, ?)', lookup, sha256, member, nowMs, nowMs + expiresInMs);
    return token;
  }

  #whole({ id, ...row }: MemberRow): Member {
    const scopes = this.#database
      .prepare('SELECT kind, value FROM member_scopes WHERE member = ? ORDER BY kind, value')
      .all(id) as { kind: string; value: string }[];
    const of = (wanted: string) => scopes.filter(({ kind }) => kind === wanted).map(({ value }) => value);
    const asns = of('asn').map(Number);
    return { ...row, countries: of('country'), asns: asns.sort((a, b) => a - b), prefixes: of('prefix') };
  }

  #note(nowMs: number, actor: string, action: string, detail: object): void {
    this.#run(
      'INSERT INTO audit (at_ms, actor, action, sensor, detail) VALUES (?, ?, ?, NULL, ?)',
      nowMs,
      actor,
      action,
      JSON.stringify(detail),
    );
  }
}

/** As they are kept: kind and value. */
function checkedScope({ countries, asns, prefixes }: MemberScope): [kind: string, value: string][] {
  if (countries.length + asns.length + prefixes.length > scopesMax)
    throw new RegistryError(`a member has at most ${scopesMax} countries, AS numbers and prefixes`);
  for (const country of countries)
    if (!/^[A-Z]{2}$/.test(country))
      throw new RegistryError(`'${country}' is no country: two capital letters, like JP`);
  for (const asn of asns)
    if (!Number.isInteger(asn) || asn < 1 || asn > asnMax)
      throw new RegistryError(`'${asn}' is no AS number: 1 to ${asnMax}`);
  return [
    ...countries.map((country): [string, string] => ['country', country]),
    ...asns.map((asn): [string, string] => ['asn', String(asn)]),
    ...prefixes.map((prefix): [string, string] => ['prefix', prefixOf(prefix)]),
  ];
}

function prefixOf(text: string): string {
  try {
    return canonicalPrefix(text);
  } catch (error) {
    throw new RegistryError((error as Error).message);
  }
}
