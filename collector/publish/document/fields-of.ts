/** What a schema says, as rows for a table: each field with its path, its type and what it is. */
import type { Node } from './document.ts';

export interface FieldRow {
  /** `rows[].packets` */
  readonly path: string;
  readonly type: string;
  readonly isRequired: boolean;
  readonly about: string;
}

const depthMax = 6;

export function fieldsOf(schema: Node, before = '', depth = 0): FieldRow[] {
  if (depth > depthMax) return [];
  const {
    items,
    properties,
    required = [],
  } = schema as {
    items?: Node;
    properties?: Record<string, Node>;
    required?: readonly string[];
  };
  if (items !== undefined) return fieldsOf(items, `${before}[]`, depth + 1);
  return Object.entries(properties ?? {}).flatMap(([name, field]) => {
    const path = before === '' ? name : `${before}.${name}`;
    const about = typeof field.description === 'string' ? field.description : '';
    const row = { path, type: typeOf(field), isRequired: required.includes(name), about };
    return [row, ...fieldsOf(field, path, depth + 1)];
  });
}

/** `string`, `integer | null`, `"hour" | "day"`, `string[]`. */
export function typeOf(schema: Node): string {
  const {
    anyOf,
    enum: values,
    items,
    type,
  } = schema as {
    anyOf?: readonly Node[];
    enum?: readonly unknown[];
    items?: Node;
    type?: string;
  };
  if (anyOf !== undefined) return [...new Set(anyOf.map(typeOf))].join(' | ');
  if (values !== undefined) return values.map(value => JSON.stringify(value)).join(' | ');
  if (items !== undefined) return `${items.anyOf === undefined ? typeOf(items) : `(${typeOf(items)})`}[]`;
  return type ?? 'any';
}
