/** Which tool's mark rose most from one week to the next: pure, from days of both. */
import { TOOLS } from '../../names.ts';
import type { Figures } from './rows.ts';

type Tool = (typeof TOOLS)[number];

export interface ToolRow extends Figures {
  readonly date: string;
  readonly tool: Tool;
}

export interface ToolMove {
  readonly tool: Tool;
  /** Mean packets per sensor and day, in each of the weeks. */
  readonly now: number;
  readonly before: number;
  /** Of all packets of this week. */
  readonly share: number;
}

/** A change below this part is the week's noise. */
const partMin = 0.2;
/** A tool with less of all packets is not worth a sentence. */
const shareMin = 0.02;

/** The tool whose mark rose most, by the difference; undefined if none rose to speak of. Weeks are named by their Mondays. */
export function toolMoveOf(
  rows: readonly ToolRow[],
  { now, before }: { readonly now: string; readonly before: string },
): ToolMove | undefined {
  const mean = (list: readonly ToolRow[], pick: (row: ToolRow) => number) =>
    list.length === 0 ? 0 : list.reduce((sum, row) => sum + pick(row), 0) / list.length;
  const moves = TOOLS.map((tool): ToolMove => {
    const ours = rows.filter(row => row.tool === tool);
    const [later, earlier] = [
      ours.filter(({ date }) => date >= now),
      ours.filter(({ date }) => date >= before && date < now),
    ];
    const packets = (row: ToolRow) => row.meanPerSensor ?? 0;
    return { tool, now: mean(later, packets), before: mean(earlier, packets), share: mean(later, row => row.share) };
  });
  return moves
    .filter(move => move.now - move.before >= partMin * move.before && move.share >= shareMin)
    .sort((a, b) => b.now - b.before - (a.now - a.before))[0];
}
