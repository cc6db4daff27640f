/** Code that does not load, deployments while a page is open, and things that are not there. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { findChromium, launchChromium } from '../../apps/console/e2e/browser.js';
import * as walk from '../../apps/console/e2e/walk.js';
import { administrator, Plane } from '../../apps/control-plane/test/plane.js';
import { buildConsole } from './build-console.js';
import { Wire } from './wire.js';

const executable = findChromium();
const desktop = { language: 'en', scheme: 'light', width: 1440, height: 900 } as const;

/** Well formed, and of nothing. */
const nobody = '0193d0f0-0000-7fff-8000-000000000001';

/** Gives every file of a build another name, as a build of other sources would. */
function deployAgain(dist: string, mark: string): void {
  const assets = join(dist, 'assets');
  const named = readdirSync(assets).map((name) => [name, name.replace(/\.(js|css)$/, `${mark}.$1`)]);
  for (const folder of [assets, dist])
    for (const file of readdirSync(folder).filter((name) => /\.(js|css|html)$/.test(name))) {
      const text = readFileSync(join(folder, file), 'utf8');
      writeFileSync(
        join(folder, file),
        named.reduce((before, [old, now]) => before.replaceAll(old!, now!), text),
      );
    }
  for (const [old, now] of named) renameSync(join(assets, old!), join(assets, now!));
}

describe.skipIf(!executable)('a page of the console', () => {
  const dist = mkdtempSync(join(tmpdir(), 'verge-deployed-'));
  let plane: Plane;
  let wire: Wire;
  let browser: Browser;
  let page: Page;
  let loads = 0;
  beforeAll(async () => {
    cpSync(buildConsole(), dist, { recursive: true });
    plane = await Plane.start({ VERGE_CONSOLE_DIR: dist });
    await plane.member('plant');
    wire = await Wire.to(plane.url);
    browser = await launchChromium(executable ?? '');
    page = (await walk.visitor(browser, desktop)).page;
    page.on('load', () => loads++);
    await page.goto(`${wire.url}/p/plant/overview`);
    await walk.logIn(page, { url: wire.url, ...administrator });
  }, 240_000);
  afterAll(async () => {
    await browser?.close();
    await wire?.close();
    await plane?.close();
    rmSync(dist, { recursive: true, force: true });
  });
  afterEach(() => {
    wire.broken = () => false;
  });

  const heading = (name: string) => page.getByRole('heading', { level: 1, name, exact: true });
  const open = (name: string) => page.locator('nav').getByRole('link', { name, exact: true }).click();

  it('is loaded in spite of a blip of the network', async () => {
    let cut = 0;
    wire.broken = (path) => path.includes('/assets/DevicesPage') && cut++ < 2;
    await open('Devices');
    await heading('Devices').waitFor();
    expect(cut).toBeGreaterThan(1);
  });

  it('that could not be loaded says so, and is loaded when it is tried again', async () => {
    wire.broken = (path) => path.includes('/assets/GroupsPage');
    await open('Groups');
    await page.getByRole('heading', { name: 'This page could not be loaded' }).waitFor();
    const again = page.getByRole('button', { name: 'Try again' });
    await again.click();
    await page.getByRole('heading', { name: 'This page could not be loaded' }).waitFor();
    wire.broken = () => false;
    await again.click();
    await heading('Groups').waitFor();
  });

  it('is loaded on another visit, too', async () => {
    wire.broken = (path) => path.includes('/assets/MembersPage');
    await open('Members');
    await page.getByRole('heading', { name: 'This page could not be loaded' }).waitFor();
    wire.broken = () => false;
    await open('Groups');
    await heading('Groups').waitFor();
    await open('Members');
    await heading('Members').waitFor();
  });

  it('comes from the new deployment once the old one is gone, and never loads for ever', async () => {
    const before = loads;
    deployAgain(dist, 'a');
    await open('Audit');
    await heading('Audit').waitFor();
    expect(loads - before).toBe(1);
    // A deployment that lacks what it needs itself.
    deployAgain(dist, 'b');
    const lacking = join(
      dist,
      'assets',
      readdirSync(join(dist, 'assets')).find((name) => /^RecipesPage/.test(name))!,
    );
    renameSync(lacking, `${lacking}.kept`);
    await open('Recipes');
    await page.getByRole('heading', { name: 'This page could not be loaded' }).waitFor();
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByRole('heading', { name: 'This page could not be loaded' }).waitFor();
    expect(loads - before).toBe(2);
    renameSync(`${lacking}.kept`, lacking);
    await page.getByRole('button', { name: 'Try again' }).click();
    await heading('Compression recipes').waitFor();
    expect(loads - before).toBe(2);
  });

  it('of something that is not there says so, with the way to what is', { timeout: 120_000 }, async () => {
    const router = readFileSync(resolve(import.meta.dirname, '../../apps/console/src/app/router.tsx'), 'utf8');
    const details = [...router.matchAll(/path: '([a-z]+\/:\w+)'/g)].map(([, path]) => path!);
    expect(details.length).toBeGreaterThan(8);
    const loaded = process.env['VERGE_TEST_FULL'] ? ['none', 'none@1', '%E0%A4%A'] : [];
    for (const path of details) {
      // The page before is the list that the way back led to.
      await walk.goOn(page, `/p/plant/${path.replace(/:\w+/, nobody)}`);
      await heading('Not found').waitFor();
      for (const name of loaded) {
        await walk.goTo(page, { url: wire.url, ...administrator }, `/p/plant/${path.replace(/:\w+/, name)}`);
        await heading('Not found').waitFor();
      }
      const back = page.getByRole('main').getByRole('link');
      const [label, to] = [await back.textContent(), await back.getAttribute('href')];
      await back.click();
      await heading(label ?? '').waitFor();
      expect(new URL(page.url()).pathname).toBe(to);
    }
    await page.goto(`${wire.url}/p/plant/trainings/compare?ids=${nobody}`);
    await heading('Not found').waitFor();
    await page.goto(`${wire.url}/p/no-such-project/overview`);
    await heading('Not found').waitFor();
    await page.getByText('There is no project no-such-project').waitFor();
    await page.getByRole('link').click();
    await heading('Fleet overview').waitFor();
  });

  it.runIf(process.env['VERGE_TEST_FULL'])('whose subject is deleted meanwhile says that, too', async () => {
    const params = { project: 'plant' };
    const recipe = { name: 'doomed', passes: [{ pass: 'fold' as const }], budget: {} };
    await plane.admin.call('recipes.create', { params, body: recipe as never });
    await walk.goTo(page, { url: wire.url, ...administrator }, '/p/plant/recipes/doomed');
    await heading('doomed').waitFor();
    await plane.database.recipe.deleteMany({ where: { name: 'doomed' } });
    await page.evaluate(() => window.dispatchEvent(new Event('visibilitychange')));
    await page.waitForTimeout(5_200);
    await page.evaluate(() => window.dispatchEvent(new Event('visibilitychange')));
    await heading('Not found').waitFor();
  });
});
