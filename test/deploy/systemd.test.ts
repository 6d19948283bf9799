/** The units, as systemd itself reads them: they parse, and give a service no more than it needs. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { root } from '../support/enaga.ts';

const EXPOSURE_MAX = 2.0;
const folder = path.join(root, 'deploy/systemd');
const SENSOR = 'enaga-sensor.service';
const COLLECTOR = 'enaga-collector.service';
const SILENCE = 'enaga-silence@.service';
const COUNTERS = 'enaga-silence-counters.service';

/** Names of a template need an instance to be read. */
const scratch = mkdtempSync(path.join(os.tmpdir(), 'enaga-units-'));
afterAll(() => rmSync(scratch, { recursive: true }));
const unitFile = (unit: string): string => {
  const file = path.join(scratch, unit.replace('@.', '@eth1.'));
  copyFileSync(path.join(folder, unit), file);
  return file;
};

/** `key=value` lines of a unit, in order, comments left out. */
const settings = (unit: string): [string, string][] =>
  readFileSync(path.join(folder, unit), 'utf8')
    .split('\n')
    .filter(line => /^[A-Za-z]+=/.test(line))
    .map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]);
const valuesOf = (unit: string, key: string) =>
  settings(unit).flatMap(([name, value]) => (name === key ? [value] : []));

const analyze = (...args: string[]) => spawnSync('systemd-analyze', args, { encoding: 'utf8' });
const version = Number(/^systemd (\d+)/.exec(analyze('--version').stdout ?? '')?.[1]);
const reason = version >= 250 ? '' : ' (skipped: there is no systemd-analyze of 250 or later)';

describe.skipIf(reason !== '')(`systemd-analyze${reason}`, () => {
  it.each([SENSOR, COLLECTOR, COUNTERS])('%s: exposed by at most 2.0', unit => {
    const { stdout } = analyze('security', '--offline=true', '--no-pager', unitFile(unit));
    const exposure = Number(/Overall exposure level for .*: ([\d.]+)/.exec(stdout)?.[1]);
    expect(exposure).toBeGreaterThan(0);
    expect(exposure).toBeLessThanOrEqual(EXPOSURE_MAX);
  });

  it.each([SENSOR, COLLECTOR, SILENCE, COUNTERS])(
    '%s: nothing is wrong with it but that nothing is installed here',
    unit => {
      const { stdout, stderr } = analyze('verify', '--man=no', '--recursive-errors=no', unitFile(unit));
      const complaints = `${stdout}${stderr}`.split('\n').filter(line => line !== '' && line.includes('enaga'));
      expect(complaints.filter(line => !/Command \S+ is not executable: No such file/.test(line))).toEqual([]);
    },
  );
});

it('the sensor has CAP_NET_RAW alone, the collector nothing', () => {
  for (const key of ['CapabilityBoundingSet', 'AmbientCapabilities']) {
    expect(valuesOf(SENSOR, key)).toEqual(['CAP_NET_RAW']);
    expect(valuesOf(COLLECTOR, key)).toEqual(['']);
  }
  expect(valuesOf(SILENCE, 'CapabilityBoundingSet')).toEqual(['CAP_NET_ADMIN']);
});

it('no unit forbids memory that is written and run, which V8 needs', () => {
  for (const unit of [SENSOR, COLLECTOR, SILENCE]) expect(valuesOf(unit, 'MemoryDenyWriteExecute')).toEqual([]);
});

it('what both services are refused stands in both', () => {
  const shared = (unit: string) => {
    const text = readFileSync(path.join(folder, unit), 'utf8');
    return text.slice(text.indexOf('# Shared by both units.'));
  };
  expect(shared(SENSOR)).toMatch(/^# Shared by both units\./);
  expect(shared(SENSOR)).toBe(shared(COLLECTOR));
});
