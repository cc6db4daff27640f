/** What the console says of a large fleet, against the lists that it links to: a real control plane, 2,000 devices. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findChromium, launchChromium } from '../../apps/console/e2e/browser.js';
import * as walk from '../../apps/console/e2e/walk.js';
import { fillProject, ROLLOUT_ID } from '../../apps/control-plane/test/many-rows.js';
import { administrator, Plane } from '../../apps/control-plane/test/plane.js';
import { buildConsole } from './build-console.js';

const executable = findChromium();
const DEVICES = 2_000;

describe.skipIf(!executable)('the console of a large fleet', () => {
  let plane: Plane;
  let browser: Browser;
  let page: Page;
  let errors: string[];
  beforeAll(async () => {
    buildConsole();
    plane = await Plane.start();
    await plane.member('plant');
    const { id } = await plane.admin.call('projects.get', { params: { project: 'plant' } });
    await fillProject(plane.database, id, DEVICES);
    browser = await launchChromium(executable ?? '');
    const visitor = await walk.visitor(browser, { language: 'en', scheme: 'light', width: 1440, height: 900 });
    page = visitor.page;
    errors = visitor.errors;
    await page.goto(`${plane.url}/p/plant/overview`);
    await walk.logIn(page, { url: plane.url, ...administrator });
  }, 240_000);
  afterAll(async () => {
    await browser?.close();
    await plane?.close();
  });

  /** Every number on the page that says it is the length of the list behind its link. */
  const counted = (): Promise<{ href: string; count: number }[]> =>
    page.locator('[data-count]').evaluateAll((links) =>
      links.map((link) => ({
        href: link.getAttribute('href') ?? '',
        count: Number(link.getAttribute('data-count')),
      })),
    );

  /** How many rows the list on the page says there are. */
  async function total(): Promise<number> {
    const foot = page.locator('[data-total]').first();
    const none = page.getByText('Nothing matches these filters');
    await foot.or(none.first()).first().waitFor();
    return (await foot.count()) > 0 ? Number(await foot.getAttribute('data-total')) : 0;
  }

  /** Follows each link of the page to its list, and comes back. @returns how many there are */
  async function expectCountsToHold(): Promise<number> {
    const links = [...new Map((await counted()).map((link) => [link.href, link])).values()];
    const title = (await page.locator('h1').first().textContent()) ?? '';
    const here = page.getByRole('heading', { level: 1, name: title, exact: true });
    const unlike: string[] = [];
    for (const { href, count } of links) {
      await page.locator(`[data-count][href="${href}"]`).first().click();
      await here.waitFor({ state: 'hidden' });
      await walk.settled(page);
      const found = await total();
      if (found !== count) unlike.push(`${href}: the page says ${count}, the list has ${found}`);
      await page.goBack();
      await here.waitFor();
      await walk.settled(page);
    }
    expect(unlike).toEqual([]);
    return links.length;
  }

  it('shows the failing devices, though none of them is on a first page', { timeout: 60_000 }, async () => {
    const panel = page.getByRole('region', { name: 'Needs attention' });
    for (const n of [0, 1, 2, 3]) await panel.getByRole('link', { name: `device-${n}`, exact: true }).waitFor();
    expect(await panel.getByText('No device reports an error').count()).toBe(0);
  });

  it('has a list for each number of the overview, as long as the number says', { timeout: 300_000 }, async () => {
    expect(await expectCountsToHold()).toBeGreaterThan(11);
  });

  it.runIf(process.env['VERGE_TEST_FULL'])(
    'has one for each number of a rollout and of the groups',
    { timeout: 300_000 },
    async () => {
      const target = { url: plane.url, ...administrator };
      await walk.goTo(page, target, `/p/plant/rollouts/${ROLLOUT_ID}`);
      expect(await expectCountsToHold()).toBeGreaterThan(9);
      await walk.goTo(page, target, '/p/plant/groups?q=group-1');
      expect(await expectCountsToHold()).toBeGreaterThan(1);
    },
  );

  it('says of how many rows it shows a part, goes on, and sorts all of them', { timeout: 60_000 }, async () => {
    await walk.goTo(page, { url: plane.url, ...administrator }, '/p/plant/devices');
    await page.getByText('Showing 100 of 1,960').waitFor();
    await page.getByRole('button', { name: 'Load more' }).click();
    await page.getByText('Showing 200 of 1,960').waitFor();
    await page.getByRole('button', { name: 'Name', exact: true }).click();
    await page.locator('tbody tr').first().getByText('device-998', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Name', exact: true }).click();
    await page.locator('tbody tr').first().getByText('device-0', { exact: true }).waitFor();
    expect(errors).toEqual([]);
  });
});
