/** Live updates in a real browser: eight tabs, a control plane that hangs, sessions that end, browsers that lack something. */
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { findChromium, launchChromium } from '../../apps/console/e2e/browser.js';
import * as walk from '../../apps/console/e2e/walk.js';
import { DatabaseService } from '../../apps/control-plane/src/database/database.service.js';
import { EventBus } from '../../apps/control-plane/src/events/event-bus.js';
import { fillProject, ROLLOUT_ID } from '../../apps/control-plane/test/many-rows.js';
import { administrator, until } from '../../apps/control-plane/test/plane.js';
import { buildConsole } from './build-console.js';
import { PlaneProcess } from './plane-process.js';

const executable = findChromium();
const desktop = { language: 'en', scheme: 'light', width: 1440, height: 900 } as const;
const full = Boolean(process.env['VERGE_TEST_FULL']);
const TABS = 8;
const DEVICES = 40;
const project = '/p/plant';

describe.skipIf(!executable)('live updates', () => {
  let plane: PlaneProcess;
  let database: DatabaseService;
  let bus: EventBus;
  let projectId: string;
  let browser: Browser;
  let context: BrowserContext | undefined;
  beforeAll(async () => {
    buildConsole();
    plane = await PlaneProcess.start();
    projectId = (await plane.admin.call('projects.create', { body: { slug: 'plant', name: 'plant' } })).id;
    database = new DatabaseService(plane.own.url);
    await fillProject(database, projectId, DEVICES);
    bus = new EventBus(database, pino({ level: 'silent' }));
    await bus.start();
    browser = await launchChromium(executable ?? '');
  }, 240_000);
  afterEach(async () => {
    await context?.close();
    context = undefined;
    await until(
      'the streams are closed',
      async () => plane.wire.streams.length,
      (n) => n === 0,
    );
  });
  afterAll(async () => {
    await browser?.close();
    await bus?.close();
    await database?.close();
    await plane?.close();
  });

  /** A browser of somebody who is logged in, with a tab at each of the paths. */
  async function tabs(
    paths: readonly string[],
    prepare?: (context: BrowserContext) => Promise<unknown>,
  ): Promise<Page[]> {
    const visitor = await walk.visitor(browser, desktop);
    context = visitor.context;
    await prepare?.(context);
    const pages = [visitor.page];
    await visitor.page.goto(plane.wire.url + project + paths[0]);
    await walk.logIn(visitor.page, { url: plane.wire.url, ...administrator });
    for (const path of paths.slice(1)) {
      const page = await context.newPage();
      page.setDefaultTimeout(15_000);
      await page.goto(plane.wire.url + project + path);
      pages.push(page);
    }
    for (const page of pages) await isLive(page);
    return pages;
  }
  const isLive = (page: Page, timeout = 15_000) =>
    page.locator('[data-feed="live"]').waitFor({ state: 'attached', timeout });
  const streams = (n: number) =>
    until(
      `${n} streams`,
      async () => plane.wire.streams.length,
      (open) => open === n,
    );
  const toDevices = async (page: Page): Promise<void> => {
    await page.locator('nav').getByRole('link', { name: 'Devices', exact: true }).click();
    await page.getByRole('heading', { level: 1, name: 'Devices', exact: true }).waitFor();
  };
  const shows = (page: Page, name: string, timeout = 10_000) =>
    page.getByRole('link', { name, exact: true }).first().waitFor({ timeout });
  /** Renames a device as another control plane would. */
  async function rename(from: string, to: string): Promise<void> {
    const { id } = await database.device.findFirstOrThrow({ where: { projectId, name: from } });
    await database.device.update({ where: { id }, data: { name: to } });
    bus.changed(projectId, 'device', id);
  }

  it.runIf(full)('come to eight tabs over one connection, and each of them works', { timeout: 120_000 }, async () => {
    const paths = ['/overview', '/devices', `/rollouts/${ROLLOUT_ID}`, '/telemetry', '/trainings', '/groups', '/jobs'];
    const pages = await tabs([...paths, '/overview']);
    expect(pages).toHaveLength(TABS);
    await streams(1);
    for (const page of pages) await toDevices(page);
    await rename('device-7', 'seventh');
    for (const page of pages) await shows(page, 'seventh');
    await streams(1);
    // The end of the session in one of them is the end in all, and so is the next login.
    await pages[0]!.locator('header button[aria-haspopup="menu"]').last().click();
    await pages[0]!.getByRole('menuitem', { name: 'Log out' }).click();
    for (const page of pages.slice(1)) await page.getByText('Your session has ended').waitFor();
    await streams(0);
    const [, second, ...others] = pages;
    await walk.logIn(second!, { url: plane.wire.url, ...administrator });
    for (const page of [second!, ...others]) {
      await page.getByText('Your session has ended').waitFor({ state: 'detached' });
      await isLive(page);
    }
    await rename('seventh', 'device-7');
    for (const page of others) await shows(page, 'device-7');
    await streams(1);
  });

  it(
    'are called stale while the control plane hangs, and are taken in again after it',
    { timeout: 90_000 },
    async () => {
      const pages = await tabs(['/devices', '/overview']);
      plane.freeze();
      try {
        const before = Date.now();
        for (const page of pages) {
          const mark = page.locator('[data-feed="stale"]');
          await mark.waitFor({ timeout: 20_000 });
          const [, hours, minutes, seconds] = /Stale since (\d\d):(\d\d):(\d\d)/.exec(
            (await mark.textContent()) ?? '',
          )!;
          const since = new Date().setHours(Number(hours), Number(minutes), Number(seconds), 0);
          expect(Math.abs(since - before)).toBeLessThan(7_000);
        }
        // Of this nobody is told: what reads the device anew is that events were missed.
        await database.device.updateMany({ where: { projectId, name: 'device-9' }, data: { name: 'ninth' } });
      } finally {
        plane.thaw();
      }
      for (const page of pages) await isLive(page, 25_000);
      await shows(pages[0]!, 'ninth');
      await streams(1);
      await rename('ninth', 'device-9');
      await shows(pages[0]!, 'device-9');
    },
  );

  it('of all rows of a list cost a few requests, however many they are', { timeout: 60_000 }, async () => {
    const [page] = await tabs(['/devices']);
    await shows(page!, 'device-3');
    const from = plane.wire.asked.length;
    const devices = await database.device.findMany({ where: { projectId, state: 'active' } });
    await database.$executeRaw`UPDATE devices SET name = replace(name, 'device', 'unit') WHERE project_id = ${projectId}::uuid`;
    for (let i = 0; i < 10; i++) {
      for (const { id } of devices) bus.changed(projectId, 'device', id);
      await page!.waitForTimeout(60);
    }
    for (const i of [3, 20, 39]) await shows(page!, `unit-${i}`);
    expect(plane.wire.reads(from).length).toBeLessThanOrEqual(4);
    await database.$executeRaw`UPDATE devices SET name = replace(name, 'unit', 'device') WHERE project_id = ${projectId}::uuid`;
  });

  it.runIf(full)(
    'come over one connection without shared workers, too, and another tab takes over',
    { timeout: 60_000 },
    async () => {
      const withoutWorkers = (where: BrowserContext) =>
        where.addInitScript(() => Reflect.deleteProperty(window, 'SharedWorker'));
      const pages = await tabs(['/devices', '/devices', '/devices'], withoutWorkers);
      await streams(1);
      await pages[0]!.close();
      await until(
        'another leads',
        async () => plane.wire.streams.length,
        (n) => n === 1,
      );
      await rename('device-5', 'fifth');
      for (const page of pages.slice(1)) await shows(page, 'fifth');
      await streams(1);
      await rename('fifth', 'device-5');
    },
  );

  it.runIf(full)('come where there are no locks either', { timeout: 60_000 }, async () => {
    const bare = (where: BrowserContext) =>
      where.addInitScript(() => {
        Reflect.deleteProperty(window, 'SharedWorker');
        Reflect.deleteProperty(Navigator.prototype, 'locks');
      });
    const pages = await tabs(['/devices', '/devices'], bare);
    await streams(2);
    await rename('device-6', 'sixth');
    for (const page of pages) await shows(page, 'sixth');
    await rename('sixth', 'device-6');
  });
});
