/** The Chromium that Debian has, for tests of pages; and what axe finds wrong with a page. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Browser, chromium, type LaunchOptions, type Page } from 'playwright-core';

const FILE = '/usr/bin/chromium';
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

/** For the name of what needs it: why it is skipped. */
export const missing = existsSync(FILE) ? '' : ` (skipped: no ${FILE})`;

/**
 * The first two are pages that Chromium loads into each window for its address bar, which nobody sees here: they took half of
 * what a page of ours takes. The others are of playwright's own list, since of two lists Chromium takes the last.
 */
const OFF = [
  ...['WebUIOmniboxPopup', 'WebUIOmniboxAimPopup'],
  ...['AimEnabled', 'AvoidUnnecessaryBeforeUnloadCheckSync', 'DestroyProfileOnBrowserClose', 'HttpsUpgrades'],
  ...[
    'HttpsFirstBalancedModeAutoEnable',
    'LensOverlay',
    'MediaRouter',
    'NetworkTimeServiceQuerying',
    'OptimizationHints',
  ],
  ...['PaintHolding', 'PreconnectToSearch', 'ThirdPartyStoragePartitioning'],
];

export const launchChromium = (options: LaunchOptions = {}): Promise<Browser> =>
  chromium.launch({
    executablePath: FILE,
    args: [
      ...['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
      ...['--disable-component-update', '--disable-sync', `--disable-features=${OFF.join(',')}`],
    ],
    ...options,
  });

/** What axe finds, a line a rule; the page must have been opened with `bypassCSP`. */
export async function axeFinds(page: Page): Promise<string[]> {
  await page.addScriptTag({ path: AXE });
  // All of what it looked at is many times as much: to bring that out of the page takes longer than to look.
  const found = (await page.evaluate(
    "axe.run({ resultTypes: ['violations'] }).then(results => results.violations)",
  )) as { id: string; nodes: { html: string }[] }[];
  return found.map(({ id, nodes }) => `${id}: ${nodes[0]!.html}`);
}
