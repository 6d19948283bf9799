/** Units of time. Days and hours are UTC, which has no others: leap seconds are in no clock that we read. */
export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;
export const HOUR_MICROS = 1000 * HOUR_MS;
export const DAY_MICROS = 1000 * DAY_MS;
