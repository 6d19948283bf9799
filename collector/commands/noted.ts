/** Details of the audit, as people read them. */
import { dateOf } from '../reduce/result.ts';

/** A detail, which has days as numbers, with their dates. */
export function dated(detail: string): Record<string, unknown> {
  const { fromDay, toDay, ...rest } = JSON.parse(detail);
  return { ...(fromDay !== undefined && { from: dateOf(fromDay), to: dateOf(toDay) }), ...rest };
}

/** `from 2026-03-01, to 2026-03-02, reason flooded`; what is not said is left out. */
export const detailText = (detail: Record<string, unknown>): string =>
  Object.entries(detail)
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([key, value]) => `${key} ${textOf(value)}`)
    .join(', ');

const textOf = (value: unknown): string =>
  Array.isArray(value)
    ? value.map(textOf).join(' ')
    : typeof value === 'object'
      ? JSON.stringify(value)
      : String(value);
