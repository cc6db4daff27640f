/** The command of the README as a person runs it: the report, the console over what it left behind, Ctrl-C. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findChromium, launchChromium } from '../../apps/console/e2e/browser.js';
import * as walk from '../../apps/console/e2e/walk.js';
import { Report } from '../../apps/quickstart/src/report.js';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const chromium = findChromium();

describe('the quickstart', () => {
  let home = '';
  let report: Report;
  let output = '';
  let child: ChildProcess;
  let ended: Promise<number | null>;

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'verge-quickstart-'));
    child = spawn(process.execPath, [join(root, 'apps/quickstart/dist/main.js')], {
      cwd: root,
      env: { ...process.env, VERGE_QUICKSTART_DIR: home },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    ended = new Promise((resolve) => child.on('close', resolve));
    const stays = new Promise<void>((resolve) => {
      const read = (data: Buffer): void => {
        output += data.toString();
        if (output.includes('Ctrl-C ends it')) resolve();
      };
      child.stdout?.on('data', read);
      child.stderr?.on('data', read);
    });
    await Promise.race([stays, ended]);
    report = Report.parse(JSON.parse(await readFile(join(home, 'report.json'), 'utf8')));
  }, 480_000);

  afterAll(async () => {
    child.kill('SIGINT');
    await ended;
    await rm(home, { recursive: true, force: true });
  });

  it('takes every step and ends well', () => {
    expect(
      report.steps.filter((s) => !s.ok),
      output,
    ).toEqual([]);
    expect(report.ok).toBe(true);
  });

  it('trains a teacher and a student a quarter its size or less to the promised accuracy', () => {
    const [teacher, distilled, plain] = ['teacher', 'student-distilled', 'student-plain'].map((role) =>
      report.models.find((m) => m.role === role),
    );
    expect(teacher?.accuracy).toBeGreaterThanOrEqual(0.985);
    expect(distilled?.accuracy).toBeGreaterThanOrEqual(0.975);
    expect(plain?.accuracy).toBeGreaterThanOrEqual(0.975);
    for (const student of [distilled, plain]) expect(student!.parameters * 4).toBeLessThanOrEqual(teacher!.parameters);
  });

  it('gives every agent an artifact that classifies the whole test part', () => {
    expect(report.devices).toHaveLength(3);
    expect(new Set(report.devices.map((d) => d.class)).size).toBe(2);
    for (const device of report.devices) {
      expect(device.served).toBe(359);
      expect(device.correct / device.served).toBeGreaterThanOrEqual(0.96);
    }
  });

  it('counts every inference exactly once', () => {
    expect(report.telemetry.sent).toBeGreaterThan(3 * 359);
    expect(report.telemetry).toEqual({ sent: report.telemetry.sent, received: report.telemetry.sent, duplicates: 0 });
  });

  it('refuses what is tampered and what is too slow, while the old model serves', () => {
    expect(report.refusals.map((r) => r.refused)).toEqual([true, true]);
    for (const refusal of report.refusals) {
      expect(refusal.servingBefore).not.toBe('');
      expect(refusal.servingAfter).toBe(refusal.servingBefore);
    }
  });

  it('names commands for what is next that work as they stand', () => {
    const lines = output.split('\n');
    const from = lines.findIndex((line) => line.startsWith('In another terminal')) + 1;
    const named = lines.slice(
      from,
      lines.findIndex((line, i) => i >= from && !line.startsWith('  ')),
    );
    expect(named).toHaveLength(5);
    const script = [...named, 'rm -f bundle.json'].join('\n');
    const said = execFileSync('sh', ['-ec', script], { cwd: root, encoding: 'utf8' });
    expect(said).toMatch(/sensor-2 .* yes/);
  });

  // Every page over a real control plane: tests/console walks them over less, and lists.test.ts over more, each time.
  it.skipIf(!chromium || !process.env['VERGE_TEST_FULL'])(
    'leaves a console that shows all of it',
    { timeout: 120_000 },
    async () => {
      const [, url = '', email = '', password = ''] =
        /Console: (\S+)\s+login (\S+)\s+password (\S+)/.exec(output) ?? [];
      const browser = await launchChromium(chromium ?? '');
      try {
        const look = { language: 'en', scheme: 'light', width: 1440, height: 900 } as const;
        const { page, errors } = await walk.visitor(browser, look);
        await page.goto(url);
        await walk.logIn(page, { url, email, password });
        for (const name of walk.listNames) {
          await walk.openList(page, name);
          expect(await page.locator('h1').first().textContent()).toBe(walk.lists[name].en);
          if (walk.detailed.includes(name)) expect(await walk.openFirstRow(page), `a first row of ${name}`).toBe(true);
        }
        await walk.openList(page, 'devices');
        for (const name of ['gateway-1', 'sensor-1', 'sensor-2'])
          await page.getByText(name, { exact: true }).first().waitFor();
        expect(errors).toEqual([]);
      } finally {
        await browser.close();
      }
    },
  );

  it('ends everything it started on Ctrl-C', { timeout: 60_000 }, async () => {
    const controlPlane = JSON.parse(await readFile(join(home, 'data', 'control-plane.json'), 'utf8')) as {
      pid: number;
      httpUrl: string;
    };
    const agents = await Promise.all(
      ['gateway-1', 'sensor-1', 'sensor-2'].map(async (name) => {
        const text = await readFile(join(home, 'agents', name, 'agent.json'), 'utf8');
        return (JSON.parse(text) as { pid: number }).pid;
      }),
    );
    child.kill('SIGINT');
    expect(await ended).toBe(0);
    for (const pid of [controlPlane.pid, ...agents])
      expect(() => process.kill(pid, 0), `process ${pid}`).toThrow('ESRCH');
    await expect(fetch(`${controlPlane.httpUrl}/readyz`)).rejects.toThrow();
  });
});
