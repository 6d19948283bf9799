/** Every exchange format: what it is called, how it is served and stored, and what makes it. */
import { checked, checkMeta } from './check.ts';
import { intelmq } from './intelmq.ts';
import type { Shape } from './iodef.ts';
import { iodefJson } from './iodef-json.ts';
import { iodefV1 } from './iodef-v1.ts';
import { iodefV2 } from './iodef-v2.ts';
import { type Meta, stemOf } from './meta.ts';
import { misp, type Piece } from './misp.ts';
import type { Rows } from './row.ts';
import { shadowserver, shadowserverName } from './shadowserver.ts';
import { stix } from './stix.ts';

export const SHAPES: readonly Shape[] = ['records', 'csv'];

interface Common {
  readonly name: string;
  /** For people. */
  readonly title: string;
  /** Of the file; of each file but hashes.csv for a folder. */
  readonly mediaType: string;
  /** The first is the default; none for a format that has but one. */
  readonly shapes: readonly Shape[];
}

export interface FileFormat extends Common {
  readonly kind: 'file';
  readonly extension: string;
  readonly fileName: (meta: Meta) => string;
  readonly write: (rows: Rows, meta: Meta, shape: Shape) => AsyncGenerator<string>;
}

/** Several files that belong together. Pieces of them come mixed; those of one file in their order. */
export interface FolderFormat extends Common {
  readonly kind: 'folder';
  readonly write: (rows: Rows, meta: Meta) => AsyncGenerator<Piece>;
}

export type Format = FileFormat | FolderFormat;

const file = (
  [name, extension, mediaType, title]: readonly [string, string, string, string],
  write: FileFormat['write'],
  more: { readonly shapes?: readonly Shape[]; readonly fileName?: (meta: Meta) => string } = {},
): FileFormat => ({
  kind: 'file',
  name,
  extension,
  mediaType,
  title,
  shapes: more.shapes ?? [],
  fileName: more.fileName ?? (meta => `${stemOf(meta)}.${name}.${extension}`),
  write: (rows, meta, shape) => {
    checkMeta(meta);
    return write(checked(rows, meta), meta, shape);
  },
});

/** By name. */
export const FORMATS: ReadonlyMap<string, Format> = new Map(
  [
    file(['iodef-v1', 'xml', 'application/xml', 'IODEF, RFC 5070'], iodefV1, { shapes: SHAPES }),
    file(['iodef-v2', 'xml', 'application/xml', 'IODEF version 2, RFC 7970'], iodefV2, { shapes: SHAPES }),
    file(['iodef-json', 'json', 'application/json', 'IODEF version 2 as JSON, RFC 8727'], iodefJson, {
      shapes: SHAPES,
    }),
    file(['intelmq', 'ndjson', 'application/x-ndjson', 'IntelMQ events, one a line'], intelmq),
    file(['shadowserver', 'csv', 'text/csv; charset=utf-8', "CSV with Shadowserver's columns"], shadowserver, {
      fileName: shadowserverName,
    }),
    {
      kind: 'folder' as const,
      name: 'misp',
      mediaType: 'application/json',
      title: 'a MISP feed of one event (a directory)',
      shapes: [],
      write: (rows: Rows, meta: Meta) => {
        checkMeta(meta);
        return misp(checked(rows, meta), meta);
      },
    },
    file(['stix', 'json', 'application/stix+json;version=2.1', 'a STIX 2.1 bundle'], stix),
  ].map((format): [string, Format] => [format.name, format]),
);
