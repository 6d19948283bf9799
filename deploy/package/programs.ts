/** What the two packages are: what they need, and what lies where. Their scripts and settings are in the folders of their names. */
import { type Bundle, bundleCollector, bundleSensor, COLLECTOR_PAGES, COLLECTOR_PROGRAM } from '../bundle.ts';

export interface Program {
  /** Of the package, of its folder beside this file, and of /usr/lib/NAME. */
  readonly name: string;
  /** The command, /usr/bin/COMMAND. */
  readonly command: string;
  /** One line, then paragraphs. */
  readonly description: readonly [string, ...string[]];
  readonly depends: readonly string[];
  readonly recommends: readonly string[];
  /** Under deploy/systemd. */
  readonly units: readonly string[];
  /** Settings that an upgrade keeps, by their place; the file is CONFFILE in the package's folder. */
  readonly settings: Readonly<Record<string, string>>;
  /** Folders that are there from the start. */
  readonly folders: readonly string[];
  /** Writes the program into a folder. */
  readonly bundle: (folder: string) => Promise<Bundle>;
  /** Packages of npm of which files are read at run time: those files alone. */
  readonly data: Readonly<Record<string, readonly string[]>>;
  /** Where the scripts of the pages go, in the program's folder. */
  readonly pages?: string;
}

/**
 * What Node and the addons are linked against: libpcap's binding is built on this machine, so its C library is the oldest that
 * will do (Debian 12's 2.36 asks for 2.34).
 */
const LIBRARIES = ['libc6 (>= 2.34)', 'libgcc-s1', 'libstdc++6 (>= 11)'];

export const PROGRAMS: readonly Program[] = [
  {
    name: 'enaga-sensor',
    command: 'enaga-sensor',
    description: [
      'sensor of a darknet observatory',
      'Records the unsolicited packets that reach unused addresses, answers none of them, and sends what it saw to a collector.',
      'It runs unprivileged, with the right to open a packet socket and no other. It brings the Node that it runs on.',
    ],
    depends: [...LIBRARIES, 'libpcap0.8', 'adduser', 'iproute2', 'nftables'],
    recommends: ['systemd', 'chrony | time-daemon'],
    units: [
      'enaga-sensor.service',
      'enaga-silence@.service',
      'enaga-silence-counters.service',
      'enaga-silence-counters.timer',
    ],
    settings: { '/etc/default/enaga-sensor': 'settings' },
    folders: ['/etc/enaga-sensor/silence'],
    bundle: folder => bundleSensor(`${folder}/enaga-sensor.mjs`),
    data: {},
  },
  {
    name: 'enaga-collector',
    command: 'enaga',
    description: [
      'collector of a darknet observatory',
      'Takes what sensors on unused addresses send, counts it by port, by source country and by day, and shows it to people.',
      'It runs unprivileged, on one directory of SQLite databases. It brings the Node that it runs on.',
    ],
    depends: [...LIBRARIES, 'adduser'],
    recommends: ['systemd', 'chrony | time-daemon'],
    units: ['enaga-collector.service'],
    settings: { '/etc/enaga/collector.env': 'settings' },
    folders: [],
    bundle: bundleCollector,
    data: {
      '@ip-location-db/geo-whois-asn-country-mmdb': ['geo-whois-asn-country.mmdb', 'package.json', 'NRO_LICENSE'],
    },
    pages: COLLECTOR_PAGES,
  },
];

/** The file that Node is given. */
export const programFile = ({ command }: Program): string =>
  command === 'enaga' ? COLLECTOR_PROGRAM : `${command}.mjs`;
