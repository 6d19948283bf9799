/**
 * A reader of each format, written from the standard and not from the writer: what a receiver gets of the rows. Each format
 * carries other parts of a row; `carried` names those, in `formats.test.ts`.
 */

// @ts-expect-error jsdom ships no types
import { JSDOM } from 'jsdom';

/** As much of the DOM as is used here. */
interface Element {
  readonly localName: string;
  readonly children: Iterable<Element>;
  readonly textContent: string;
  getAttribute(name: string): string | null;
}

/** The root of a document. Throws if the text is no well-formed XML. */
export const parseXml = (text: string): Element =>
  new JSDOM(text, { contentType: 'application/xml' }).window.document.documentElement;

export const descendant = (element: Element, name: string): Element | undefined => {
  for (const child of element.children) {
    const found = child.localName === name ? child : descendant(child, name);
    if (found !== undefined) return found;
  }
  return undefined;
};

/** What a reader got: parts of a row, those of a format that has them. */
export interface Read {
  time: string;
  source: string;
  protocol: number;
  sourcePort: number | null;
  port: number | null;
  type: number | null;
  code: number | null;
  asn: number;
  class: string;
  tools: string[];
  country?: string;
  economy?: string;
  flags?: number | null;
}

/** What one source sent to one target, for formats that put packets together. */
export interface ReadSum {
  source: string;
  asn: number;
  /** Protocol by name, and port or type and code. */
  target: string;
  packets: number;
  first: string;
  last: string;
}

const numberOf = (text: string | null | undefined): number | null =>
  text == null || text === '' ? null : Number(text);
const labels = (text: string | undefined): { class: string; tools: string[] } => {
  const [kind = 'scan', ...tools] = (text ?? 'scan').split(' ');
  return { class: kind, tools };
};

const csvRow = (line: string): Read => {
  const [time, source, sourcePort, protocol, port, type, code, asn, kind, tools] = line.split(',');
  return {
    time: time!,
    source: source!,
    protocol: Number(protocol),
    sourcePort: numberOf(sourcePort),
    port: numberOf(port),
    type: numberOf(type),
    code: numberOf(code),
    asn: Number(asn),
    class: kind!,
    tools: tools === '' ? [] : tools!.split(' '),
  };
};

/** Of v1 and v2: they differ in the name of an attribute. Throws if the text is no well-formed XML. */
export function readIodef(text: string): Read[] {
  const child = (element: Element, ...names: string[]): Element | undefined =>
    names.reduce<Element | undefined>(
      (at, name) => at && [...at.children].find(one => one.localName === name),
      element,
    );
  const incident = child(parseXml(text), 'Incident')!;
  const events = [...incident.children].filter(one => one.localName === 'EventData');
  return events.flatMap((event): Read[] => {
    const record = child(event, 'Record', 'RecordData');
    if (record !== undefined)
      return [...record.children]
        .filter(one => one.localName === 'RecordItem')
        .flatMap(one => one.textContent.split('\n').map(csvRow));
    const [source, target] = ['source', 'target'].map(category =>
      [...child(event, 'Flow')!.children].find(one => one.getAttribute('category') === category),
    ) as [Element, Element];
    const [address, asn] = [...child(source, 'Node')!.children].map(one => one.textContent);
    const [from, to] = [child(source, 'Service')!, child(target, 'Service')!];
    return [
      {
        time: child(event, 'DetectTime')!.textContent,
        source: address!,
        protocol: Number(to.getAttribute('ip-protocol') ?? to.getAttribute('ip_protocol')),
        sourcePort: numberOf(child(from, 'Port')?.textContent),
        port: numberOf(child(to, 'Port')?.textContent),
        type: numberOf(child(to, 'ProtoType')?.textContent),
        code: numberOf(child(to, 'ProtoCode')?.textContent),
        asn: Number(asn ?? 0),
        ...labels(child(event, 'Description')?.textContent),
      },
    ];
  });
}

// biome-ignore lint/suspicious/noExplicitAny: what a stranger's program reads has no types of ours
type Json = any;

export function readIodefJson(text: string): Read[] {
  const [incident] = JSON.parse(text).Incident;
  return (incident.EventData ?? []).flatMap((event: Json): Read[] => {
    if (event.RecordData !== undefined)
      return event.RecordData[0].RecordItem.flatMap((item: Json) => item.value.split('\n').map(csvRow));
    const [source, target] = event.System;
    const [address, asn] = source.Node.Address;
    const [to] = target.Service;
    return [
      {
        time: event.DetectTime,
        source: address.value,
        protocol: to['ip-protocol'],
        sourcePort: source.Service[0].Port ?? null,
        port: to.Port ?? null,
        type: to.ProtoType ?? null,
        code: to.ProtoCode ?? null,
        asn: Number(asn?.value ?? 0),
        ...labels(event.Description?.[0]),
      },
    ];
  });
}

export function readIntelmq(text: string): Read[] {
  return text
    .split('\n')
    .slice(0, -1)
    .map(line => {
      const event = JSON.parse(line);
      return {
        time: event['time.source'],
        source: event['source.ip'],
        protocol: event.extra.ip_protocol,
        sourcePort: event['source.port'] ?? null,
        port: event['destination.port'] ?? null,
        type: event.extra.icmp_type ?? null,
        code: event.extra.icmp_code ?? null,
        asn: event['source.asn'] ?? 0,
        class: event.extra.class,
        tools: event.extra.tools?.split(' ') ?? [],
        country: event['source.geolocation.cc'],
        economy: event.extra.sensor_economy ?? '',
        flags: event.extra.tcp_flags ?? null,
      };
    });
}

/** RFC 4180, every field quoted. */
export function readCsv(text: string): Record<string, string>[] {
  const lines = [...text.matchAll(/((?:"(?:[^"]|"")*",)*"(?:[^"]|"")*")\n/g)].map(([, line]) =>
    [...line!.matchAll(/"((?:[^"]|"")*)"/g)].map(([, cell]) => cell!.replaceAll('""', '"')),
  );
  const [header, ...rows] = lines;
  return rows.map(cells => Object.fromEntries(header!.map((name, n) => [name, cells[n]!])));
}

const PROTOCOLS: Record<string, number> = {
  icmp: 1,
  igmp: 2,
  ipv4: 4,
  tcp: 6,
  udp: 17,
  dccp: 33,
  ipv6: 41,
  gre: 47,
  esp: 50,
  ah: 51,
  'ipv6-icmp': 58,
  sctp: 132,
  udplite: 136,
};
export const protocolNumber = (name: string): number => PROTOCOLS[name.toLowerCase()] ?? Number(name);

export function readShadowserver(text: string): Read[] {
  return readCsv(text).map(cells => {
    const [kind, ...tags] = cells.tag!.split(';');
    const [, type, code] = tags.map(tag => /^icmp-(\d+)-(\d+)$/.exec(tag)).find(found => found !== null) ?? [];
    return {
      time: cells.timestamp!,
      source: cells.src_ip!,
      protocol: protocolNumber(cells.protocol!),
      sourcePort: numberOf(cells.src_port),
      port: numberOf(cells.dst_port),
      type: numberOf(type),
      code: numberOf(code),
      asn: Number(cells.src_asn),
      class: kind!,
      tools: tags.filter(tag => !tag.startsWith('icmp-')),
      country: cells.src_geo!,
      economy: cells.dst_geo!,
    };
  });
}

export const targetName = (protocol: number, port: number | null, type: number | null, code: number | null): string =>
  `${protocol}:${port ?? (type === null ? '' : `${type}/${code}`)}`;

export function readStix(text: string): ReadSum[] {
  const { objects } = JSON.parse(text);
  const byId = new Map<string, Json>(objects.map((one: Json) => [one.id, one]));
  const observed = objects.filter((one: Json) => one.type === 'observed-data');
  return observed.flatMap((one: Json): ReadSum[] => {
    const seen: Json[] = one.object_refs.map((id: string) => byId.get(id));
    const system = seen.find(object => object.type === 'autonomous-system');
    return seen
      .filter(object => object.type === 'network-traffic')
      .map(traffic => {
        const icmp = traffic.extensions?.['icmp-ext'];
        const bytes = icmp
          ? [icmp.icmp_type_hex, icmp.icmp_code_hex].map((hex: string) => Number.parseInt(hex, 16))
          : [];
        return {
          source: byId.get(traffic.src_ref).value,
          asn: system?.number ?? 0,
          target: targetName(
            protocolNumber(traffic.protocols.at(-1)),
            traffic.dst_port ?? null,
            bytes[0] ?? null,
            bytes[1] ?? null,
          ),
          packets: traffic.src_packets,
          first: traffic.start,
          last: traffic.end,
        };
      });
  });
}

export function readMisp(text: string): ReadSum[] {
  const { Event } = JSON.parse(text);
  return Event.Object.flatMap((object: Json): ReadSum[] => {
    const of = (relation: string): Json[] => object.Attribute.filter((one: Json) => one.object_relation === relation);
    const [source] = of('ip-src');
    const ports = of('dst-port');
    return (ports.length > 0 ? ports : of('layer3-protocol')).map(target => {
      const [, type, code] = /^type (\d+), code (\d+); /.exec(target.comment) ?? [];
      const name = (ports.length > 0 ? of('layer4-protocol')[0] : target).value;
      return {
        source: source.value,
        asn: Number(/AS(\d+)/.exec(object.comment)?.[1] ?? 0),
        target: targetName(
          protocolNumber(name),
          ports.length > 0 ? Number(target.value) : null,
          numberOf(type),
          numberOf(code),
        ),
        packets: Number(/(\d+) packets$/.exec(target.comment)![1]),
        first: target.first_seen,
        last: target.last_seen,
      };
    });
  });
}
