/** What an open overview asks of the control plane, over a fleet that reports and over one that is idle. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findChromium, launchChromium } from '../../apps/console/e2e/browser.js';
import * as walk from '../../apps/console/e2e/walk.js';
import { makeArtifacts } from '../../apps/control-plane/test/fleet/artifacts.js';
import { TestControlPlane } from '../../apps/control-plane/test/fleet/control-plane.js';
import { SimulatedDevice } from '../../apps/control-plane/test/fleet/device.js';
import { administrator } from '../../apps/control-plane/test/plane.js';
import { buildConsole } from './build-console.js';
import { Wire } from './wire.js';

const executable = findChromium();
const DEVICES = 40;
/** As agents do by default. */
const REPORT_MS = 10_000;

describe.skipIf(!executable)('the traffic of an open overview', () => {
  let plane: TestControlPlane;
  let wire: Wire;
  let browser: Browser;
  let page: Page;
  const devices: SimulatedDevice[] = [];
  beforeAll(async () => {
    buildConsole();
    plane = await TestControlPlane.start();
    const api = await plane.project('plant');
    const [artifact] = await makeArtifacts(plane, { project: 'plant' });
    const params = { project: 'plant' };
    const { bundle } = await api.call('enrollment.create', { params, body: { deviceClass: 'x64', maxUses: DEVICES } });
    for (let i = 0; i < DEVICES; i++) {
      const device = (await SimulatedDevice.enroll(bundle, `press-${i}`)).watch();
      device.active = artifact!.manifestDigest;
      devices.push(device);
    }
    wire = await Wire.to(plane.api.baseUrl);
    browser = await launchChromium(executable ?? '');
    const look = { language: 'en', scheme: 'light', width: 1440, height: 900 } as const;
    page = (await walk.visitor(browser, look)).page;
    await page.goto(`${wire.url}/p/plant/overview`);
    await walk.logIn(page, { url: wire.url, ...administrator });
  }, 240_000);
  afterAll(async () => {
    await browser?.close();
    for (const device of devices) device.stop();
    await wire?.close();
    await plane?.close();
  });

  const reportAll = async (): Promise<void> => {
    for (const [i, device] of devices.entries()) {
      await sleep(REPORT_MS / DEVICES / 2);
      await device.report('idle', undefined, { rssBytes: 100_000_000 + i });
      await device.serve(20, 3);
    }
  };

  async function minute(active: boolean): Promise<{ requests: number; kB: number }> {
    await sleep(5_000);
    const [from, bytes] = [wire.asked.length, wire.bytesDown];
    const ends = Date.now() + 60_000;
    for (let next = Date.now(); Date.now() < ends; next += REPORT_MS) {
      if (active) await reportAll();
      await sleep(Math.max(0, Math.min(next + REPORT_MS, ends) - Date.now()));
    }
    const by = new Map<string, number>();
    for (const { path } of wire.reads(from)) {
      const name = path.replace(/\?.*/, '');
      by.set(name, (by.get(name) ?? 0) + 1);
    }
    console.info(Object.fromEntries(by));
    return { requests: wire.asked.length - from, kB: (wire.bytesDown - bytes) / 1000 };
  }

  it.runIf(process.env['VERGE_TEST_FULL'])('is measured', { timeout: 300_000 }, async () => {
    const active = await minute(true);
    console.info('active fleet, a minute:', active);
    await sleep(10_000);
    const idle = await minute(false);
    console.info('idle fleet, a minute:', idle);
    expect(active.requests).toBeLessThanOrEqual(20);
    expect(idle.requests).toBeLessThanOrEqual(8);
    expect(idle.kB).toBeLessThan(10);
  });
});
