/** Loaded before a program: its clock is off by the milliseconds in CLOCK_OFFSET_MS, as if the system's were. */
const offsetMs = Number(process.env.CLOCK_OFFSET_MS);
const SystemDate = Date;

globalThis.Date = class extends SystemDate {
  constructor(...given: unknown[]) {
    super(...((given.length === 0 ? [SystemDate.now() + offsetMs] : given) as [number]));
  }

  static override now(): number {
    return SystemDate.now() + offsetMs;
  }
} as DateConstructor;
