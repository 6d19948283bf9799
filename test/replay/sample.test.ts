/** A day with more sources than are kept is labelled, wherever its tools are read; a whole day says nothing of samples. */
import { expect, test } from 'vitest';
import { writeJson } from '../../collector/replay/json.ts';
import { renderReport } from '../../collector/replay/report.ts';
import { renderTerminal } from '../../collector/replay/terminal.ts';
import { sampleResults } from '../support/sample-results.ts';

const whole = sampleResults({ days: 2 });
const sampled = { ...whole, days: [whole.days[0]!, { ...whole.days[1]!, sample: 0.25 }] };
const now = new Date('2026-07-10T00:00:00Z');
const terminal = { top: 5, width: 80, color: false, now };

test('JSON has the share of the sampled day, and of no other', () => {
  expect(JSON.parse(writeJson(sampled)).days.map((day: { sample?: number }) => day.sample)).toEqual([undefined, 0.25]);
});

test('the terminal says so below the tools', () => {
  const said = "Tools are scaled up from a sample: one in 4 of the day's sources.";
  expect(renderTerminal(sampled, terminal).split(said)).toHaveLength(2);
  expect(renderTerminal(whole, terminal)).not.toContain('sample');
});

test('the report says so in both languages', () => {
  const report = renderReport(sampled, { top: 5, now });
  expect(report).toContain(`On ${sampled.days[1]!.date} (1/4) there were more sources than are kept`);
  expect(report).toContain(`${sampled.days[1]!.date} (1/4)は送信元が保持できる数を超えたため`);
  expect(renderReport(whole, { top: 5, now })).not.toContain('more sources than are kept');
});
