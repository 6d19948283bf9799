/** Memory for what is worked out of a stretch of records before they are folded (stretch.ts). */

/** Records taken at a time: what they touch of the tables fits the second-level cache. */
export const stretchMax = 2048;

const column = () => new Int32Array(stretchMax);

/**
 * The columns of the stretch at hand, one set for all that folds in a thread: a stretch is folded before another is taken. Constants,
 * so that the compiler knows where they lie and how long they are (common/DESIGN.md, "Loops over packets").
 */
export const COLUMNS = {
  /** The source's key; and what a flow names it by: an IPv4 address, or the low word of an IPv6 source's key. */
  low: column(),
  high: column(),
  id: column(),
  /** Target, class and marks (flows.ts). */
  key: column(),
  /** Target and side: the name of the cells of ports. */
  name: column(),
  /** The source's place by the geography: set when the records are counted. */
  place: column(),
  /** For what a pass has to remember between two loops. */
  scratch: column(),
};
