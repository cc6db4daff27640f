/**
 * The console in a headless Chromium. VERGE_CONSOLE_URL, VERGE_CONSOLE_EMAIL and VERGE_CONSOLE_PASSWORD name a running
 * control plane; without them the built console runs over the invented data of its own fixture server.
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findChromium, launchChromium } from '../../apps/console/e2e/browser.js';
import { startFixture, type Fixture } from '../../apps/console/e2e/fixture/server.js';
import * as walk from '../../apps/console/e2e/walk.js';
import { buildConsole } from './build-console.js';

const executable = findChromium();
const shots = process.env['VERGE_SCREENSHOTS'] ?? mkdtempSync(join(tmpdir(), 'verge-console-'));
const desktop = { width: 1440, height: 900 };
const phone = { width: 390, height: 844 };

let browser: Browser;
let fixture: Fixture | undefined;
let target: walk.Target;

if (!executable)
  console.warn('skipped: no Chromium was found (looked at VERGE_CHROMIUM and /usr/bin); the console is not tested');

describe.skipIf(!executable)('the console', () => {
  beforeAll(async () => {
    const { VERGE_CONSOLE_URL: url, VERGE_CONSOLE_EMAIL: email, VERGE_CONSOLE_PASSWORD: password } = process.env;
    if (url && email && password) target = { url: url.replace(/\/$/, ''), email, password };
    else {
      fixture = await startFixture(buildConsole());
      target = fixture;
    }
    browser = await launchChromium(executable ?? '');
    console.info(`console at ${target.url}; screenshots in ${shots}`);
  }, 180_000);
  afterAll(async () => {
    await browser?.close();
    await fixture?.close();
  });

  /** The full tests have the other language, scheme and width, and what there is between them. */
  const looks: readonly (walk.Look & { name: string; audited: boolean })[] = [
    { name: 'en-light', language: 'en', scheme: 'light', ...desktop, audited: true },
    ...(process.env['VERGE_TEST_FULL'] === undefined
      ? []
      : ([
          { name: 'zh-dark-phone', language: 'zh', scheme: 'dark', ...phone, audited: true },
          { name: 'zh-dark', language: 'zh', scheme: 'dark', ...desktop, audited: true },
          { name: 'en-dark-phone', language: 'en', scheme: 'dark', ...phone, audited: false },
          { name: 'zh-light-phone', language: 'zh', scheme: 'light', ...phone, audited: false },
        ] as const)),
  ];
  it.each(looks)('shows every page: $name', { timeout: 240_000 }, async (look) => {
    const { page, context, errors } = await walk.visitor(browser, look);
    const faults: string[] = [];
    const lookAt = async (name: string): Promise<void> => {
      await walk.screenshot(page, join(shots, look.name), name);
      if (look.audited) faults.push(...(await walk.violations(page)).map((each) => `${name}: ${each}`));
      const wider = await walk.overflow(page);
      if (wider > 0) faults.push(`${name}: ${wider} px wider than the window`);
    };
    await page.goto(target.url + '/');
    await page.locator('input[name="email"]').waitFor();
    await lookAt('login');
    await walk.logIn(page, target);
    for (const name of walk.listNames) {
      await walk.openList(page, name);
      expect(await page.locator('h1').first().textContent()).toBe(walk.lists[name][look.language]);
      await lookAt(name);
      if (name === 'trainings' && (await walk.compareTwo(page))) {
        await lookAt('trainings-compare');
        await walk.openList(page, name);
      }
      if (!walk.detailed.includes(name) || !(await walk.openFirstRow(page))) continue;
      await lookAt(`${name}-one`);
      if (name !== 'models' || !(await walk.openFirstRow(page))) continue;
      // The page that it was opened from may still be there for a moment: the lineage is waited for.
      await page.locator('svg[role="group"] a, svg[role="group"] [tabindex]').first().waitFor();
      await lookAt('version');
    }
    await walk.openAccount(page);
    await lookAt('account');
    await context.close();
    expect(faults).toEqual([]);
    expect(errors).toEqual([]);
  });

  it('is usable by the keyboard alone', { timeout: 60_000 }, async () => {
    const { page, context, errors } = await walk.visitor(browser, { language: 'en', scheme: 'light', ...desktop });
    await page.goto(target.url + '/');
    await walk.logIn(page, target);
    await page.reload();
    await walk.settled(page);
    await page.keyboard.press('Tab');
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Skip to the content');
    await page.keyboard.press('Enter');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('main');
    await page.keyboard.press('g');
    await page.keyboard.press('d');
    await page.getByRole('heading', { level: 1, name: 'Devices' }).waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('no device is called this');
    await page.getByText('Nothing matches these filters').waitFor();
    expect(page.url()).toContain('q=no+device+is+called+this');
    await page.getByRole('button', { name: 'Enrol a device' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    await context.close();
    expect(errors).toEqual([]);
  });

  it('returns to where it was when a session ends', { timeout: 60_000 }, async () => {
    const { page, context } = await walk.visitor(browser, { language: 'en', scheme: 'light', ...desktop });
    await page.goto(target.url + '/');
    await walk.logIn(page, target);
    const project = /^\/p\/[^/]+/.exec(new URL(page.url()).pathname)?.[0] ?? '';
    await walk.goTo(page, target, `${project}/rollouts`);
    await context.clearCookies();
    await page.getByRole('link', { name: 'Audit' }).click();
    await page.getByText('Your session has ended').waitFor();
    await walk.logIn(page, target);
    await page.getByRole('heading', { level: 1, name: 'Audit' }).waitFor();
    await context.close();
  });

  it('names every bad field of a training, and shows an enrolment bundle once', { timeout: 60_000 }, async () => {
    const { page, context, errors } = await walk.visitor(browser, { language: 'en', scheme: 'light', ...desktop });
    await page.goto(target.url + '/');
    await walk.logIn(page, target);
    const project = /^\/p\/[^/]+/.exec(new URL(page.url()).pathname)?.[0] ?? '';
    await walk.goTo(page, target, `${project}/trainings`);
    await page.getByRole('button', { name: 'New training' }).first().click();
    const editor = page.getByRole('textbox', { name: 'Configuration' });
    await editor.fill(
      'model: { architecture: dscnn }\nepochs: 0\nbatchSize: many\noptimizer: { name: adamw }\ncolour: blue\n',
    );
    await page.getByText('3 fields are not as expected:').waitFor();
    const listed = await page.locator('[aria-live="polite"] li').allTextContents();
    expect(listed.map((line) => /line (\d+): (\/\w+)/.exec(line)?.slice(1).join(' '))).toEqual(
      expect.arrayContaining(['2 /epochs', '3 /batchSize', '5 /colour']),
    );
    await walk.screenshot(page, shots, 'training-dialog');
    await page.keyboard.press('Escape');
    await walk.goTo(page, target, `${project}/devices`);
    await page.getByRole('button', { name: 'Enrol a device' }).first().click();
    await page.getByRole('textbox', { name: 'Device class' }).fill('edge-small');
    await page.getByRole('button', { name: 'Create the token' }).click();
    await page.getByText('verge.enrollment/1').waitFor();
    await page.getByText('verge-agent enroll --bundle bundle.json').waitFor();
    expect(await walk.violations(page)).toEqual([]);
    await walk.screenshot(page, shots, 'enrolment-bundle');
    await context.close();
    expect(errors).toEqual([]);
  });

  const searchLooks = looks.length > 1 ? ([desktop, phone] as const) : ([phone] as const);
  it.each(searchLooks)('shows what a search tried at $width px', { timeout: 90_000 }, async (size) => {
    if (!fixture) return;
    const scheme = size === phone ? 'dark' : 'light';
    const { page, context, errors } = await walk.visitor(browser, { language: 'en', scheme, ...size });
    const lookAt = async (name: string): Promise<void> => {
      await walk.screenshot(page, join(shots, `search-${size.width}`), name);
      expect(await walk.violations(page), name).toEqual([]);
      expect(await walk.overflow(page), name).toBe(0);
    };
    await page.goto(`${target.url}/p/demo/compressions`);
    await walk.logIn(page, target);
    const open = async (deviceClass: string): Promise<void> => {
      await walk.goTo(page, target, '/p/demo/compressions');
      await page.getByRole('row').filter({ hasText: deviceClass }).getByRole('link').first().click();
      await page.getByRole('heading', { level: 1, name: `Search · ${deviceClass}` }).waitFor();
      await walk.settled(page);
    };
    await open('edge-found');
    const tried = page.getByRole('table', { name: 'What was tried, and why not' });
    // The best first, with a dot for each variant that has a size and a loss; all 44 on demand.
    expect(await tried.getByRole('row').nth(1).textContent()).toContain('prune-filters 0.5, tuned + fold');
    expect(await page.locator('.recharts-scatter-symbol').count()).toBe(42);
    await page.getByRole('button', { name: 'Load more' }).click();
    await page.getByRole('button', { name: 'Load more' }).click();
    await page.getByText('decompose, tuned: 2 already loses too much').waitFor();
    await page.getByText('9 of them had been tried by an attempt that was interrupted.').waitFor();
    await page.getByRole('table', { name: 'Part by part: sensitivity and cost' }).getByText('block1.dw').waitFor();
    await page.getByText('clampedWeights: 2').waitFor();
    await lookAt('found');
    await open('edge-looking');
    await page.getByText('17 variants tried so far').waitFor();
    await lookAt('looking');
    await open('edge-tiny');
    await page.getByText('No variant keeps to the budget').first().waitFor();
    await lookAt('none');
    await context.close();
    expect(errors).toEqual([]);
  });

  it('starts a search by a form', { timeout: 60_000 }, async () => {
    if (!fixture) return;
    const { page, context, errors } = await walk.visitor(browser, { language: 'en', scheme: 'light', ...desktop });
    await page.goto(`${target.url}/p/demo/compressions`);
    await walk.logIn(page, target);
    await page.getByRole('button', { name: 'Compress a version' }).first().click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('By a search').click();
    await dialog.getByRole('combobox', { name: 'Version' }).click();
    await page.getByRole('option').first().click();
    await dialog.getByRole('textbox', { name: 'Largest loss' }).fill('0.5');
    await dialog.getByRole('textbox', { name: 'Largest file' }).fill('20');
    await dialog.getByRole('textbox', { name: 'Time for variants' }).fill('2');
    await dialog.getByRole('textbox', { name: 'Device class' }).fill('edge-small');
    expect(await walk.violations(page)).toEqual([]);
    await walk.screenshot(page, shots, 'search-dialog');
    const sent = page.waitForRequest((request) => request.method() === 'POST' && /compressions$/.test(request.url()));
    await dialog.getByRole('button', { name: 'Start the compression' }).click();
    const body = (await sent).postDataJSON() as Record<string, unknown>;
    expect(body['recipe']).toBeUndefined();
    expect(body['search']).toEqual({ budget: { maxDropPoints: 0.5, maxBytes: 20_000, maxSeconds: 120 } });
    await page.getByRole('heading', { level: 1, name: /^Search · / }).waitFor();
    await context.close();
    expect(errors).toEqual([]);
  });

  it('draws epochs as they arrive', { timeout: 60_000 }, async ({ skip }) => {
    if (!fixture) skip('only the fixture server is sure to have a running training');
    const { page, context, errors } = await walk.visitor(browser, { language: 'en', scheme: 'light', ...desktop });
    await page.goto(`${target.url}/p/demo/trainings`);
    await walk.logIn(page, target);
    await walk.openFirstRow(page);
    await page.getByText('17 / 40').waitFor();
    await page.getByText('18 / 40').waitFor();
    await context.close();
    expect(errors).toEqual([]);
  });

  it('says what to do next in an empty project', { timeout: 60_000 }, async ({ skip }) => {
    if (!fixture) skip('only the fixture server has an empty project');
    const { page, context, errors } = await walk.visitor(browser, { language: 'en', scheme: 'light', ...desktop });
    await page.goto(`${target.url}/p/blank/overview`);
    await walk.logIn(page, target);
    await page.getByText('From data to devices').waitFor();
    await walk.screenshot(page, join(shots, 'empty'), 'overview');
    // Somebody is a member of every project, and a user; workers and storage are of no project.
    const never = new Set<string>(['members', 'users', 'workers', 'storage']);
    const fillable = walk.listNames.slice(1).filter((name) => !never.has(name));
    for (const name of fillable) {
      await walk.openList(page, name);
      await page
        .locator('h2')
        .filter({ hasText: / yet$|in this window$/ })
        .first()
        .waitFor();
      await walk.screenshot(page, join(shots, 'empty'), name);
    }
    await context.close();
    expect(errors).toEqual([]);
  });

  it('says so when there is no such page', { timeout: 60_000 }, async () => {
    const { page, context } = await walk.visitor(browser, { language: 'zh', scheme: 'light', ...desktop });
    await page.goto(target.url + '/');
    await walk.logIn(page, target);
    const project = /^\/p\/[^/]+/.exec(new URL(page.url()).pathname)?.[0] ?? '';
    await page.goto(`${target.url}${project}/no-such-page`);
    await page.getByText('页面不存在').waitFor();
    await walk.screenshot(page, shots, 'not-found');
    await context.close();
  });
});
