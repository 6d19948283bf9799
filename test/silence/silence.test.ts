/**
 * The promise of silence, for every wiring: a box that would answer probes (as it does without the rules: each test first sees
 * that it does) lets nothing out from an observed address, as tcpdump counts at the other end of the cable, while a capture on
 * the box still gets every probe.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { BOX_INTERFACE, type Capture, Network, OWN, whyNot } from './network.ts';
import { forged, PROBER_MAC, probes4, probes6, probesOfAll } from './probes.ts';

const reason = whyNot();

/** Datagrams whose rest never comes are given up after a second, on a clock of their own; all else is answered at once. */
const answerMsMax = 1800;

const DARK4 = '192.0.2.0/28';
const DARK6 = '2001:db8:d::/124';
const dark = { target4: '192.0.2.5', target6: '2001:db8:d::5', networks: [DARK4, DARK6] };
const own = { target4: OWN.box4, target6: OWN.box6, networks: [OWN.box4, OWN.box6] };
const DISCOVERY = '(arp or (icmp6 and ip6[40] >= 133 and ip6[40] <= 136))';
const ADVERT = '(icmp6 and ip6[40] == 136)';
/** MLD reports carry a hop-by-hop option; the box's own addresses may answer a ping of all nodes. */
const ITS_OWN = `igmp or (ip6 and ip6[6] == 0) or ${DISCOVERY} or (icmp6 and ip6[40] == 129 and src ${OWN.box6})`;
const NOT_ITS_OWN = `not (${ITS_OWN})`;

type Observed = typeof dark;
const from = ({ networks }: Observed) => `(${networks.map(one => `src net ${one}`).join(' or ')})`;
const packetsFrom = (observed: Observed) => `(ip or ip6) and ${from(observed)}`;

const networks: Network[] = [];
afterAll(() => {
  for (const network of networks.splice(0)) network.close();
});

function network(): Network {
  const one = new Network();
  networks.push(one);
  return one;
}

interface Probed {
  /** Frames. */
  sent: number;
  /** At the far end. */
  answers: Capture;
  /** On the box. */
  seen: Capture;
}

async function probe(net: Network, { target4, target6 }: Observed): Promise<Probed> {
  const ends = { from4: OWN.far4, from6: OWN.far6, farMac: net.farMac, boxMac: net.boxMac };
  const frames = [...probes4(target4, ends), ...probes6(target6, ends), ...probesOfAll(ends)];
  const [far, box] = await Promise.all([net.capture('far'), net.capture('box')]);
  expect(net.inject(frames), 'probes refused').toBe(0);
  await sleep(answerMsMax);
  const [answers, seen] = await Promise.all([far.stop(), box.stop()]);
  return { sent: frames.length, answers, seen };
}

/** The same probes with and without the rules, side by side. */
async function both(
  wiring: string,
  observed: Observed,
  silence: (net: Network) => void,
  prepare: (net: Network) => Promise<void> | void,
): Promise<{ loud: Probed; silent: Probed; net: Network }> {
  const [without, net] = [network(), network()];
  await prepare(without);
  silence(net);
  await prepare(net);
  const [loud, silent] = await Promise.all([probe(without, observed), probe(net, observed)]);
  tell(wiring, observed, loud, silent);
  return { loud, silent, net };
}

const giveOwn = (net: Network) => {
  net.box(`ip address replace ${OWN.box4}/24 dev ${BOX_INTERFACE}`);
  net.box(`ip address replace ${OWN.box6}/64 dev ${BOX_INTERFACE} nodad`);
};

/** Observed networks that the box takes for its own, by somebody's mistake: it answers for all of them. */
const takeDark = (net: Network) => {
  net.box(`ip route add local ${DARK4} dev lo`);
  net.box(`ip -6 route add local ${DARK6} dev lo`);
};

const ok = { status: 0, stderr: '' };

function install(net: Network, wiring: string, { networks }: Observed, ...more: string[]): void {
  const args = ['install', '--interface', BOX_INTERFACE, '--wiring', wiring, '--network', ...networks, ...more];
  expect(net.silence(...args)).toMatchObject(ok);
}

type Talk = (line: string) => Promise<string>;
const talker = (net: Network): Promise<Talk> => net.talk('box', 'talker.ts');

interface Counter {
  name: string;
  frames: number;
}

const counts = (net: Network): Record<string, number> => {
  const { stdout } = net.silence('show', '--interface', BOX_INTERFACE, '--json');
  const { counters } = JSON.parse(stdout) as { counters: Counter[] };
  return Object.fromEntries(counters.map(({ name, frames }) => [name, frames]));
};

/** What a box that holds the target says to the probes; IPv6 tells some errors from another address of its own. */
function expectEveryAnswer({ answers }: Probed, observed: Observed): void {
  const kinds = {
    ARP: 'arp',
    'ping, IPv4': 'icmp[0] == 0',
    'ping, IPv6': 'icmp6 and ip6[40] == 129',
    'SYN+ACK, IPv4': 'tcp[tcpflags] == tcp-syn|tcp-ack',
    'SYN+ACK, IPv6': 'ip6 and tcp and ip6[53] == 0x12',
    'RST, IPv4': 'tcp[tcpflags] & tcp-rst != 0',
    'RST, IPv6': 'ip6 and tcp and ip6[53] & 4 != 0',
    'UDP, IPv4': 'ip and udp src port 7',
    'UDP, IPv6': 'ip6 and udp src port 7',
    'port unreachable': 'icmp[0] == 3 and icmp[1] == 3',
    'port unreachable, IPv6': 'icmp6 and ip6[40] == 1 and ip6[41] == 4',
    'protocol unreachable': 'icmp[0] == 3 and icmp[1] == 2',
    'next header or option unknown': 'icmp6 and ip6[40] == 4',
    timestamp: 'icmp[0] == 14',
    'fragments given up': 'icmp[0] == 11 and icmp[1] == 1',
    'fragments given up, IPv6': 'icmp6 and ip6[40] == 3 and ip6[41] == 1',
  };
  const absent = Object.entries(kinds).filter(([, filter]) => answers.count(filter) === 0);
  expect(
    absent.map(([kind]) => kind),
    'answers without the rules',
  ).toEqual([]);
  expect(answers.count(from(observed)), 'frames from observed addresses without the rules').toBeGreaterThan(15);
}

function expectSeen({ seen, sent }: Probed): void {
  expect(seen.count(`ether src ${PROBER_MAC}`), 'probes that a capture on the box sees').toBe(sent);
}

/** `ENAGA_SHOW_SILENCE=1` prints the figures. */
function tell(wiring: string, observed: Observed, loud: Probed, silent: Probed): void {
  if (process.env.ENAGA_SHOW_SILENCE === undefined) return;
  const of = ({ answers }: Probed) => `${answers.count()} frames, ${answers.count(from(observed))} from observed`;
  process.stdout.write(`${wiring}: ${loud.sent} probes; without rules ${of(loud)}; with them ${of(silent)}\n`);
  for (const line of silent.answers.lines()) process.stdout.write(`  ${line}\n`);
}

describe.skipIf(reason !== undefined)(
  `in network namespaces${reason === undefined ? '' : ` (skipped: ${reason})`}`,
  { timeout: 60_000 },
  () => {
    it.concurrent('tap: not one frame leaves, even when somebody gives the interface an address', async () => {
      const { loud, silent, net } = await both(
        'tap',
        own,
        net => expect(net.silence('install', '--interface', BOX_INTERFACE, '--wiring', 'tap')).toMatchObject(ok),
        async net => {
          net.sysctl(`ipv6/conf/${BOX_INTERFACE}/disable_ipv6=0`);
          net.box(`ip link set ${BOX_INTERFACE} arp on`);
          giveOwn(net);
          await talker(net);
        },
      );
      expectEveryAnswer(loud, own);
      expect(loud.answers.count(ADVERT)).toBeGreaterThan(0);
      expect(silent.answers.lines()).toEqual([]);
      expectSeen(silent);
      expect(counts(net).stopped, 'what the box tried to send').toBeGreaterThan(0);
    });

    it.concurrent('routed: nothing leaves from the networks, even when the box takes them for its own', async () => {
      const { loud, silent, net } = await both(
        'routed',
        dark,
        net => {
          giveOwn(net);
          install(net, 'routed', dark);
        },
        async net => {
          giveOwn(net);
          takeDark(net);
          net.sysctl(`ipv4/conf/${BOX_INTERFACE}/arp_ignore=0`); // which alone would keep it from answering
          await talker(net);
        },
      );
      expectEveryAnswer(loud, dark);
      expect(silent.answers.lines(from(dark))).toEqual([]);
      expect(silent.answers.lines(NOT_ITS_OWN)).toEqual([]);
      expectSeen(silent);
      expect(counts(net)).toMatchObject({ stopped: 0, stopped_arp: 2, stopped_nd: 0 }); // who-has, broadcast and unicast

      const far = await net.capture('far');
      const ends = { from4: OWN.far4, from6: OWN.far6, farMac: net.farMac, boxMac: net.boxMac };
      expect(net.inject(forged(dark, ends), 'box'), 'frames refused').toBe(4);
      expect((await far.stop()).lines(`ether src ${PROBER_MAC}`), 'past the network stack').toEqual([]);
      expect(counts(net)).toMatchObject({ stopped: 2, stopped_arp: 3, stopped_nd: 1 });
    });

    it.concurrent('routed: a box that forwards neither sends packets back nor tells of errors', async () => {
      const prepare = (net: Network) => {
        net.sysctl('ipv4/ip_forward=1 ipv6/conf/all/forwarding=1');
        giveOwn(net);
        net.box(`ip route replace default via ${OWN.far4}`);
        net.box(`ip -6 route replace default via ${OWN.far6}`);
      };
      const routed = (net: Network) => {
        prepare(net);
        install(net, 'routed', dark);
      };
      const { loud, silent } = await both('routed, forwarding', dark, routed, prepare);
      expect(loud.answers.count(`dst net ${DARK4}`), 'sent back').toBeGreaterThan(0);
      expect(loud.answers.count(`dst net ${DARK6}`), 'sent back').toBeGreaterThan(0);
      expect(loud.answers.count('icmp[0] == 11'), 'time exceeded').toBeGreaterThan(0);
      expect(loud.answers.count('icmp6 and ip6[40] == 3'), 'time exceeded').toBeGreaterThan(0);
      expect(silent.answers.lines(NOT_ITS_OWN)).toEqual([]);
      expectSeen(silent);
    });

    it.concurrent('on-link: ARP and neighbour discovery are answered for the networks, each frame counted, and nothing else', async () => {
      const { loud, silent, net } = await both(
        'on-link',
        dark,
        net => {
          giveOwn(net);
          install(net, 'on-link', dark);
        },
        async net => {
          giveOwn(net);
          net.box(`ip route replace local ${DARK4} dev lo`);
          for (const end of ['5', '6'])
            net.box(`ip address replace 2001:db8:d::${end}/128 dev ${BOX_INTERFACE} nodad preferred_lft 0`);
          await talker(net);
        },
      );
      expectEveryAnswer(loud, dark);
      expect(silent.answers.lines(`${packetsFrom(dark)} and not ${ADVERT}`)).toEqual([]);
      expect(silent.answers.lines(`${NOT_ITS_OWN} and not ${from(dark)}`)).toEqual([]);
      expectSeen(silent);
      const { answered_arp, answered_nd, stopped } = counts(net);
      expect(answered_arp).toBe(2);
      expect(answered_nd).toBeGreaterThanOrEqual(2);
      expect(silent.answers.count(`arp and ${from(dark)}`)).toBe(answered_arp);
      expect(silent.answers.count(`${ADVERT} and ${from(dark)}`)).toBe(answered_nd);
      expect(stopped).toBe(0); // there was nothing to stop: the network stack never saw a probe
      install(net, 'on-link', dark);
      expect(counts(net), 'after it was installed again').toMatchObject({ answered_arp, answered_nd });
    });

    it.concurrent('shared: only flows the box began and its declared services get anything', async () => {
      const talkers: Talk[] = [];
      const { loud, silent, net } = await both(
        'shared',
        own,
        net => {
          giveOwn(net);
          install(net, 'shared', own, '--service', `tcp/22@${OWN.far4}/32`);
        },
        async net => {
          giveOwn(net);
          net.box(`ip address replace 239.1.2.3/32 dev ${BOX_INTERFACE} autojoin`); // for IGMP to have something to report
          talkers.push(await talker(net));
        },
      );
      expectEveryAnswer(loud, own);
      expect(loud.answers.count('igmp')).toBeGreaterThan(0);
      expect(silent.answers.lines(`${packetsFrom(own)} and not ${DISCOVERY}`)).toEqual([]);
      expect(silent.answers.lines('igmp')).toEqual([]);
      expectSeen(silent);
      const { service, stopped_igmp } = counts(net);
      expect(service).toBe(0);
      expect(stopped_igmp).toBeGreaterThan(0);

      const [box, far] = [talkers[1]!, await net.talk('far', 'talker.ts')];
      expect(await box(`connect ${OWN.far4} 80`)).toBe('connected');
      expect(await box(`connect ${OWN.far6} 80`)).toBe('connected');
      expect(await box(`connect ${OWN.far4} 81`)).toBe('ECONNREFUSED');
      expect(await far(`connect ${OWN.box4} 22`)).toBe('connected');
      expect(await far(`connect ${OWN.box6} 22`), 'declared for IPv4 peers only').toBe('nothing');
      expect(await far(`connect ${OWN.box4} 80`)).toBe('nothing');
      expect(counts(net).service).toBeGreaterThan(0);
    });
  },
);
