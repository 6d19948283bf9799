/** Sources against the addresses that a country has: few of a small country may be more than many of a large one. */

const million = 1_000_000;

/** A source among fewer addresses would make a country the worst of all. */
export const allocatedMin = 10_000;

/** Sources per million IPv4 addresses allocated; undefined where too few are, or nobody knows. */
export const perMillion = (sources: number, addresses: number | undefined): number | undefined =>
  addresses === undefined || addresses < allocatedMin ? undefined : (million * sources) / addresses;
