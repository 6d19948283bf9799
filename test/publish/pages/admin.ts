/** What an admin does on the pages, in both languages; and what members and the public see of the rest. */
import { describe, expect, test } from 'vitest';
import { filled, type Look, overflow, type Sites, violations } from './look.ts';
import { TODAY } from './support.ts';

const WORDS = {
  en: {
    ...{ enrol: 'Enrol a sensor', name: 'Name', where: 'Where it stands', networks: 'Networks it observes' },
    ...{ make: 'Make its token', look: '3 fields need a look.', economy: 'Two letters that ISO 3166-1 assigns' },
    ...{ observed: '198.51.0.0/24 overlaps with what another sensor observes.', once: 'shown this once' },
    ...{ members: 'Members', add: 'Add it', short: 'Short name', countries: 'Countries whose sources it may read of' },
    ...{ revoke: 'Revoke', yes: 'Yes', no: 'No', revoked: 'revoked', none: 'Give at least one network.' },
  },
  ja: {
    ...{ enrol: 'センサーを登録', name: '名前', where: '設置地域', networks: '観測するネットワーク' },
    ...{ make: 'トークンを発行', look: '3件の項目を確認してください。', economy: 'ISO 3166-1の2文字コード' },
    ...{ observed: '198.51.0.0/24 は他のセンサーの観測範囲と重複しています。', once: '一度だけ表示されます' },
    ...{ members: 'メンバー管理', add: '追加', short: '短い名前', countries: '記録を閲覧できる送信元地域' },
    ...{ revoke: '取り消し', yes: 'はい', no: 'いいえ', revoked: '取り消し済み' },
    none: 'ネットワークを1つ以上入力してください。',
  },
} as const;

const VIEWERS = [
  ['en', { locale: 'en-GB', width: 1400, colorScheme: 'light' }],
  ['ja', { locale: 'ja-JP', width: 360, colorScheme: 'dark' }],
] as const;

export function adminTests(look: Look, sites: Sites): void {
  describe.each(VIEWERS)('an admin, in %s', (language, viewer) => {
    const words = WORDS[language];

    test('enrols a sensor: what is wrong is said at its field, and the command is shown once', async () => {
      const { small } = sites();
      const { page, trouble } = await look(small, '/sensors', { ...viewer, token: small.token, bypassCSP: true });
      await page.getByRole('link', { name: words.enrol }).click();
      await page.waitForURL('**/enrol');
      await filled(page);
      await page.getByLabel(words.name, { exact: true }).fill('bad name');
      await page.getByLabel(words.where).fill('zz');
      await page.getByLabel(words.networks).fill('198.51.0.0/24');
      await page.keyboard.press('Tab'); // to the collector's address, from where Enter sends the form
      await page.keyboard.press('Enter');
      await page.getByRole('alert').getByText(words.look).waitFor();
      expect(await page.evaluate('document.activeElement.name')).toBe('name');
      const said = async (field: string) => {
        const control = page.locator(`#field-${field}`);
        expect(await control.getAttribute('aria-invalid')).toBe('true');
        expect(await control.getAttribute('aria-describedby')).toContain(`field-${field}-fault`);
        return page.locator(`#field-${field}-fault`).textContent();
      };
      expect(await said('economy')).toContain(words.economy);
      expect(await said('networks')).toContain(words.observed);
      expect(await violations(page)).toEqual([]);
      await page.getByLabel(words.networks).fill(' ');
      await page.getByRole('button', { name: words.make }).click();
      await page.locator('#field-networks-fault').getByText(words.none).waitFor();

      const name = `new-${language}`;
      await page.getByLabel(words.name, { exact: true }).fill(name);
      await page.getByLabel(words.where).fill('kr');
      await page.getByLabel(words.networks).fill(language === 'en' ? '10.1.0.0/24\n2001:db8::/48' : '10.2.0.0/24');
      await page.getByRole('button', { name: words.make }).click();
      await page.getByText(words.once).waitFor();
      const [command, token] = await page.locator('.secret code').allTextContents();
      expect(command).toBe(`enaga-sensor enrol --collector ${small.url} --token-file -`);
      expect(token).toMatch(/^enaga_[0-9a-f]{8}_[\w-]{43}$/);
      await page.locator('tbody').getByText(name).waitFor(); // it is listed at once, beside its token
      expect(await page.evaluate('document.activeElement.id')).toBe('once');
      expect(await page.locator('[aria-invalid]').count()).toBe(0);
      expect(await overflow(page)).toBe(0);
      expect(await violations(page)).toEqual([]);
      const rows = await small.ask<{ sensor: string; state: string; economy: string }>('/v1/sensors', small.token);
      expect(rows.find(({ sensor }) => sensor === name)).toMatchObject({ state: 'not enrolled', economy: 'KR' });
      expect(trouble.filter(text => !text.includes('422'))).toEqual([]);
      await page.close();
    });

    test('adds an organisation, invites it, and its link signs it in; then shuts it out', async () => {
      const { small } = sites();
      const { page, trouble } = await look(small, '/sensors', { ...viewer, token: small.token, bypassCSP: true });
      await page.getByRole('link', { name: words.members }).click();
      await page.waitForURL('**/members');
      await filled(page);
      const name = `csirt-${language}`;
      await page.getByLabel(words.short).fill(name);
      await page.getByRole('button', { name: words.add }).click();
      await page.getByRole('heading', { name }).waitFor();
      await page.getByLabel(words.countries).fill('jp, kr');
      await page.getByRole('button', { name: words.make }).click();
      await page.getByText(words.once).waitFor();
      expect(await violations(page)).toEqual([]);
      const link = await page.locator('.secret code').nth(1).textContent();
      expect(link).toMatch(new RegExp(`^${small.url}/sign-in#enaga_`));
      const guest = await look(small, link!.slice(small.url.length), viewer);
      await guest.page.waitForURL(`${small.url}/`);
      await guest.page.locator('.whose').waitFor();
      await guest.page.goto(`${small.url}/enrol`);
      await filled(guest.page);
      expect(await guest.page.locator('form').count()).toBe(0); // it is no admin
      await guest.page.close();

      await page.reload();
      await filled(page);
      expect(await page.locator('.secret').count()).toBe(0);
      const row = page.getByRole('row', { name });
      await row.getByRole('button', { name: words.revoke }).click();
      expect(await page.evaluate('document.activeElement.textContent')).toBe(words.no);
      await page.keyboard.press('Enter');
      await row.getByRole('button', { name: words.revoke }).click();
      await row.getByRole('button', { name: words.yes }).click();
      await row.getByText(words.revoked).waitFor();
      const members = await small.ask<{ organisation: string; revoked: string | null; countries: string[] }>(
        '/v1/members',
        small.token,
      );
      const ours = members.find(({ organisation }) => organisation === name);
      expect([ours!.countries, ours!.revoked === null]).toEqual([['JP', 'KR'], false]);
      expect(trouble).toEqual([]);
      await page.close();
    });
  });

  test.each(['/enrol', '/members'])('%s: what is done to a row is in sight in every width', async address => {
    const { site } = sites();
    const { page, trouble } = await look(site, address, { token: site.token });
    const rightOf = (of: string) => `${of}.getBoundingClientRect().right`;
    const beyond = `${rightOf('button')} > Math.min(${rightOf("button.closest('.scroll')")}, innerWidth) + 0.5`;
    const hidden = () =>
      page.evaluate(`[...document.querySelectorAll('.acts button')].filter(button => ${beyond}).length`);
    expect(await page.locator('.acts button').count()).toBeGreaterThan(2);
    for (const width of [1280, 800, 375]) {
      await page.setViewportSize({ width, height: 900 });
      expect(await hidden()).toBe(0);
      expect(await overflow(page)).toBe(0);
    }
    expect(trouble).toEqual([]);
    await page.close();
  });

  test('who is no admin has no way in', async () => {
    const { site } = sites();
    const member = await look(site, '/sensors', { token: site.beta });
    expect(await member.page.getByRole('link', { name: 'Enrol a sensor' }).count()).toBe(0);
    expect(await member.page.locator('.card h2 a').allTextContents()).toEqual(['sensor-2', 'sensor-3']);
    for (const address of ['/enrol', '/members']) {
      await member.page.goto(`${site.url}${address}`);
      await member.page.getByRole('heading', { name: 'Not for this token' }).waitFor();
      const nobody = await look(site, address);
      expect(await nobody.page.locator('h1').textContent()).toBe('For members');
      await nobody.page.close();
    }
    await member.page.close();
  });

  test('what the public sees, for who has signed in: marked, asked for as nobody, kept in links, and back', async () => {
    const { site } = sites();
    const { page, requests, trouble } = await look(site, '/?window=month', { token: site.token });
    await page.getByRole('link', { name: 'What the public sees' }).click();
    await page.waitForURL('**as=public');
    await filled(page);
    expect(new URL(page.url()).searchParams.get('window')).toBe('month');
    expect(await page.locator('.as-public').textContent()).toContain('This is what the public sees.');
    expect(await page.locator('.whose').textContent()).toContain('public view');
    const from = requests.length;
    await page.getByRole('navigation', { name: 'Enaga' }).getByRole('link', { name: 'Days' }).click();
    await page.waitForURL('**/days?as=public');
    await filled(page);
    expect(requests.length).toBeGreaterThan(from);
    expect(requests.slice(from).filter(({ authorization }) => authorization !== undefined)).toEqual([]);
    expect(await page.locator('h1').textContent()).toMatch(/^8 days/);
    await page.getByRole('link', { name: 'Back to what you see' }).click();
    await page.waitForURL(`${site.url}/days`);
    await filled(page);
    expect(await page.locator('h1').textContent()).toMatch(/^11 days/);
    expect(await page.locator('.as-public').count()).toBe(0);
    expect(trouble).toEqual([]);
    await page.close();
  });

  test('one economy against the rest: the figures of /v1, chosen by key, with an address', async () => {
    const { site } = sites();
    const { page, trouble } = await look(site, '/domestic', { token: site.beta });
    expect(await page.locator('h1').textContent()).toBe('Sensors in Japan against all others');
    await page.getByLabel('Sensors in').focus();
    await page.keyboard.type('South K');
    await page.waitForURL('**/domestic?economy=KR');
    await filled(page);
    expect(await page.locator('h1').textContent()).toBe('Sensors in South Korea against all others');
    const span = 'economy=KR&from=2026-03-11&to=2026-03-17';
    const ports = await site.ask<{ side: string; port: number; share: number }>(
      `/v1/domestic/ports?${span}`,
      site.beta,
    );
    for (const side of ['domestic', 'overseas']) {
      const top = ports.find(row => row.side === side)!;
      const cells = await page.locator(`#ports-${side} ~ .scroll tbody tr`).first().locator('th, td').allTextContents();
      expect(cells[1]).toContain(String(top.port));
      expect(cells[3]).toBe(`${(100 * top.share).toFixed(1)}%`);
    }
    expect(await page.locator('#sides .source').textContent()).toContain('2 sensors in South Korea, 5 elsewhere');
    await page.goBack();
    await filled(page);
    expect(await page.locator('h1').textContent()).toContain('Japan');
    expect(trouble).toEqual([]);
    await page.close();
    const open = await look(site, '/domestic');
    expect(await open.page.locator('h1').textContent()).toBe('Too few sensors to publish');
    await open.page.close();
  });

  test('a sensor: what ails it, what it lost by cause, and its ports', async () => {
    const { site } = sites();
    const { page, trouble } = await look(site, '/sensors', { token: site.beta });
    expect(await page.locator('.card .health').allTextContents()).toEqual([
      expect.stringContaining('Lost '),
      expect.stringContaining('Its clock is off by 9.2 seconds'),
    ]);
    await page.getByRole('link', { name: 'sensor-2' }).click();
    await page.waitForURL('**/sensors/sensor-2');
    await filled(page);
    const rows = await site.ask<{ sensor: string; date: string; kernelDrops: number }>(
      '/v1/days/2026-03-17/sensors',
      site.beta,
    );
    const row = page.getByRole('row', { name: '2026-03-17' }).last();
    expect(await row.locator('td').nth(3).textContent()).toBe(
      String(rows.find(({ sensor }) => sensor === 'sensor-2')!.kernelDrops),
    );
    const ports = await site.ask<{ port: number | null; packets: number }>(
      `/v1/days/2026-03-12:${TODAY}/port-sensors?sensor=sensor-2&limit=100`,
      site.beta,
    );
    const telnet = ports.filter(({ port }) => port === 23).reduce((sum, { packets }) => sum + packets, 0);
    const line = page.locator('.sides tr', { has: page.getByRole('link', { name: '23/tcp', exact: true }) });
    expect(await line.locator('td').last().textContent()).toBe(telnet.toLocaleString('en'));
    expect(trouble).toEqual([]);
    await page.goto(`${site.url}/sensors/sensor-0`);
    await page.getByText('Nothing is shown of this').waitFor();
    await page.close();
  });
}
