/** A port by sensor, over several days: pure, from their rows. */

export interface PortSensorRow {
  readonly date: string;
  /** Null: all sensors that are not this reader's. */
  readonly sensor: string | null;
  readonly owner: string | null;
  readonly economy: string | null;
  readonly sensors: number;
  readonly seenBy: number;
  readonly packets: number;
  readonly all: number;
  /** Part of the packets that the busiest of them had. */
  readonly busiest: number;
}

export interface SensorSum {
  readonly sensor: string | null;
  readonly economy: string | null;
  readonly sensors: number;
  readonly seenBy: number;
  readonly packets: number;
  /** Packets of the busiest of them. */
  readonly busiest: number;
}

/** The days' rows added up, most packets first, of equal ones by name; of those without a name, the most of a day. */
export function sumsOf(rows: readonly PortSensorRow[]): SensorSum[] {
  const groups = Map.groupBy(rows, ({ sensor }) => sensor);
  return [...groups]
    .map(([sensor, list]) => ({
      sensor,
      economy: list.at(-1)!.economy,
      sensors: Math.max(...list.map(one => one.sensors)),
      seenBy: Math.max(...list.map(one => one.seenBy)),
      packets: list.reduce((sum, { packets }) => sum + packets, 0),
      busiest: list.reduce((sum, { packets, busiest }) => sum + packets * busiest, 0),
    }))
    .sort(
      (a, b) =>
        Number(a.sensor === null) - Number(b.sensor === null) ||
        b.packets - a.packets ||
        (a.sensor! < b.sensor! ? -1 : 1),
    );
}

/** Times an equal share: below it nobody had the most that is worth a name. */
const evenMax = 1.2;

/** Whether those that saw it saw about as much each. */
export function isEven(sums: readonly SensorSum[]): boolean {
  const all = sums.reduce((sum, { packets }) => sum + packets, 0);
  const seenBy = sums.reduce((sum, one) => sum + one.seenBy, 0);
  return seenBy > 1 && Math.max(...sums.map(({ busiest }) => busiest)) * seenBy < evenMax * all;
}
