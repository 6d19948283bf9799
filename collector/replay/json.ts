/**
 * Results as one JSON document, a row a line, so that two of them can be compared with `diff`. Keys stand in one fixed
 * order and nothing depends on the clock or the machine: the same results give the same bytes.
 *
 *     {"packets","records","skipped":{reason: packets},"geo":{"name","built"},["asn":{"name","built"},]"days":[
 *       {"date","packets","sources","scanningSources",["sample",]
 *        "ports":[{"protocol","port" | "type","code","packets","sources","scanningSources"}, ...],
 *        "countries":[{"country", ...}], "asns":[{"asn", ...}], "networks":[{"network", ...}],
 *        "classes":{"scan":{"packets","sources"},"backscatter","other"},
 *        "tools":{"mirai":{"packets","sources"},"zmap","masscan","nmap"},
 *        "hours":[{"hour","packets","sources"} x 24],
 *        "topSources":[{"address","country","asn","packets","ports","first","last"}]}]}
 *
 * The finer tables (port x country, hourly) are CSV only: they can have millions of rows.
 */

import { CLASSES, TOOLS } from '../publish/names.ts';
import { skippedRows } from '../publish/totals.ts';
import type { Count, DayResult, GeoSource, Results, ScanCount, Target } from '../reduce/results.ts';

/** Rows joined into one chunk: large enough to write at once, small enough to hold. */
const chunkRows = 4096;

const counted = ({ packets, sources }: Count): string => `"packets":${packets},"sources":${sources}`;
const scanCounted = (row: ScanCount): string => `${counted(row)},"scanningSources":${row.scanningSources}`;
const text = (value: string): string => JSON.stringify(value);

/** A protocol is a name of ours or a number: nothing in it is to be escaped. */
const targetKeys = (target: Target): string =>
  'type' in target
    ? `"protocol":"${target.protocol}","type":${target.type},"code":${target.code}`
    : `"protocol":"${target.protocol}","port":${target.port}`;

const geoText = ({ name, built }: GeoSource): string => JSON.stringify({ name, built });

function* table<Row>(name: string, rows: readonly Row[], keysOf: (row: Row) => string): Generator<string> {
  yield `,\n"${name}":[`;
  for (let from = 0; from < rows.length; from += chunkRows) {
    const lines = rows.slice(from, from + chunkRows).map(row => `\n{${keysOf(row)}}`);
    yield `${from === 0 ? '' : ','}${lines.join(',')}`;
  }
  yield rows.length === 0 ? ']' : '\n]';
}

function* dayChunks(day: DayResult, ofSensors: boolean): Generator<string> {
  const named = <Name extends string>(names: readonly Name[], counts: Record<Name, Count>) =>
    names.map(name => `\n"${name}":{${counted(counts[name])}}`).join(',');
  const sample = day.sample === undefined ? '' : `,"sample":${day.sample}`;
  yield `{"date":${text(day.date)},${scanCounted(day)}${sample}`;
  yield* table('ports', day.ports, row => `${targetKeys(row)},${scanCounted(row)}`);
  yield* table('countries', day.countries, row => `"country":${text(row.country)},${scanCounted(row)}`);
  if (!ofSensors) {
    yield* table('asns', day.asns, row => `"asn":${row.asn},${scanCounted(row)}`);
    yield* table('networks', day.networks, row => `"network":${text(row.network)},${scanCounted(row)}`);
  }
  yield `,\n"classes":{${named(CLASSES, day.classes)}\n}`;
  if (!ofSensors) yield `,\n"tools":{${named(TOOLS, day.tools)}\n}`;
  yield* table('hours', day.hours, row => `"hour":${row.hour},${counted(row)}`);
  if (!ofSensors)
    yield* table(
      'topSources',
      day.topSources,
      row =>
        `"address":${text(row.address)},"country":${text(row.country)},"asn":${row.asn},"packets":${row.packets},` +
        `"ports":${row.ports},"first":${text(row.first)},"last":${text(row.last)}`,
    );
  yield '}';
}

/** The document in pieces, for a stream. Of some sensors alone (`ofSensors`) it is without the tables that are not kept for each. */
export function* jsonChunks(results: Results, { ofSensors = false } = {}): Generator<string> {
  const skipped = skippedRows(results.skipped).map(([reason, packets]) => `${text(reason)}:${packets}`);
  yield `{"packets":${results.packets},\n"records":${results.records},\n"skipped":{${skipped.join(',')}}`;
  yield `,\n"geo":${geoText(results.geo)}`;
  if (results.asn !== undefined) yield `,\n"asn":${geoText(results.asn)}`;
  yield ',\n"days":[';
  for (const [index, day] of results.days.entries()) {
    yield index === 0 ? '\n' : ',\n';
    yield* dayChunks(day, ofSensors);
  }
  yield results.days.length === 0 ? ']}\n' : '\n]}\n';
}

/** The whole document, ending with a newline. */
export const writeJson = (results: Results): string => [...jsonChunks(results)].join('');
