/** Which economy is the reader's own, as far as the collector knows. */
import type { SensorInfo } from './rows.ts';

/** What /v1/reader tells of who asks. */
interface Asker {
  readonly organisation: string | null;
  readonly countries: readonly string[];
}

/**
 * A CSIRT reads raw records of the one country that it answers for. Who reads of none or of several is at home where most of its
 * sensors stand; of two that have as many, nobody knows. An admin is told of everybody's sensors.
 */
export function homeOf(
  economies: readonly string[],
  { organisation, countries }: Asker,
  sensors: readonly Pick<SensorInfo, 'owner' | 'economy' | 'state'>[],
): string | undefined {
  const [country, ...others] = countries;
  if (country !== undefined && others.length === 0 && economies.includes(country)) return country;
  const own = sensors.filter(({ owner, state }) => owner === organisation && state !== 'revoked');
  const byEconomy = Map.groupBy(own, ({ economy }) => economy);
  const [first, second] = economies
    .map(economy => ({ economy, sensors: byEconomy.get(economy)?.length ?? 0 }))
    .sort((x, y) => y.sensors - x.sensors);
  return first !== undefined && first.sensors > (second?.sensors ?? 0) ? first.economy : undefined;
}
