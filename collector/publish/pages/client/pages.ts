/** All pages, and what their charts are drawn by: most of what is sent, and read while the first figures are on their way. */
import { countriesPage } from './countries.ts';
import { daysPage } from './days.ts';
import { domesticPage } from './domestic.ts';
import { enrolPage } from './enrol.ts';
import { membersPage } from './invite.ts';
import { portsPage } from './lookup.ts';
import { nowPage } from './now.ts';
import { peersPage } from './peers.ts';
import { sensorPage } from './sensor.ts';
import { sensorsPage } from './sensors.ts';
import { signInPage } from './sign-in.ts';
import { noSuchPage } from './states.ts';
import { subjectPage } from './subject.ts';
import type { View } from './view.ts';

export type Page = (view: View, changed: () => void, signal: AbortSignal) => Promise<HTMLElement[]>;

const PAGES: Record<string, Page> = {
  now: nowPage,
  ports: portsPage,
  countries: countriesPage,
  domestic: domesticPage,
  days: daysPage,
  peers: peersPage,
  sensors: sensorsPage,
  enrol: enrolPage,
  members: membersPage,
  'sign-in': signInPage,
};

/** By the name that its frame has (shell.ts), of a port, a country or a sensor. */
export function pageOf(name: string, subject: string): Page {
  if (name === 'sensor') return (_view, _changed, signal) => sensorPage(subject, signal);
  if (name === 'port' || name === 'country') {
    const table = name === 'port' ? 'ports' : 'countries';
    return (view, changed, signal) => subjectPage(table, subject, view, changed, signal);
  }
  return PAGES[name] ?? (async () => [noSuchPage(subject)]);
}
