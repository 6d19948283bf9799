/** A file of peers for a server that is only read: `shown` to everybody, `hidden` to members, both with one day. */
import { type Counts, type DayTables, Peers } from '../../collector/peer/peers.ts';

const counts: Counts = { packets: 120, sources: 9, scanningSources: 8, meanPerSensor: 60 };
const TARGET = (6 << 16) | 23;
const COUNTRY = ('K'.charCodeAt(0) << 8) | 'R'.charCodeAt(0);

/** `day` is since 1970. The secret stands where only the operator may look: in the address and in what went wrong. */
export function plantPeers(file: string, day: number, secret: string): void {
  const peers = Peers.open(file);
  const tables: DayTables = {
    ports: { complete: true, cells: [{ a: TARGET, b: 0, ...counts, share: 1 }] },
    countries: { complete: true, cells: [{ a: COUNTRY, b: 0, ...counts, share: 1 }] },
    portCountries: { complete: true, cells: [{ a: COUNTRY, b: TARGET, ...counts, share: 1 }] },
  };
  const geo = { name: 'some-database', built: '2026-01-01' };
  for (const [name, published] of [
    ['shown', true],
    ['hidden', false],
  ] as const) {
    const tokenFile = published ? {} : { tokenFile: `/etc/${secret}` };
    const source = peers.addPeer({ name, url: `https://${secret}`, published, ...tokenFile }, 0);
    peers.putDay(source, { day, revision: 1, guarded: published, geo, takenMs: 0, ...counts }, tables);
    peers.noteTrouble(source, 'unreachable', `connect ${secret}`, 0);
  }
  peers.close();
}
