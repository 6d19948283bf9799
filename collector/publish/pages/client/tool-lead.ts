/** With which tool: which tool's mark rose most in the week that is spoken of, and how much of all traffic has it. */
import { TOOL_NAMES } from '../../names.ts';
import { roughShare } from '../../words.ts';
import { ask, orNone } from './api.ts';
import { h, say } from './dom.ts';
import { changeWords } from './sentences.ts';
import { type ToolRow, toolMoveOf } from './tool-move.ts';
import type { Weeks } from './trends.ts';
import { daysBefore } from './windows.ts';

/** A sentence for the first page's head; undefined where there is no week before, or no tool rose. */
export async function toolLede(weeks: Weeks, lastWhole: string, signal: AbortSignal): Promise<HTMLElement | undefined> {
  const to = [lastWhole, daysBefore(weeks.now, -6)].sort()[0]!;
  if (to < weeks.now) return undefined;
  const answer = ask<ToolRow>(`/v1/days/${weeks.before}:${to}/tools`, {}, { signal });
  const { rows } = await orNone(answer, { rows: [] as readonly ToolRow[] });
  if (!rows.some(({ date }) => date < weeks.now)) return undefined;
  const move = toolMoveOf(rows, weeks);
  if (move === undefined) return undefined;
  const change = changeWords(move);
  const [name, part] = [TOOL_NAMES[move.tool], roughShare(move.share, 1)];
  return h(
    'p',
    { class: 'lede' },
    say({
      en: `Packets with the mark of ${name} ${change.en}, to ${part.en} of all.`,
      ja: `${name}の特徴をもつパケットは${change.ja}し、全体の${part.ja}を占めます。`,
    }),
  );
}
