import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Report } from '../../apps/quickstart/src/report.js';
import { root } from './harness.js';

/** The command of the README, in a folder of its own; everything below reads the one report. */
describe('the quickstart', () => {
  let home = '';
  let report: Report;
  let output = '';
  let exitCode: number | null = null;

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'verge-quickstart-'));
    const child = spawn(process.execPath, [join(root, 'apps/quickstart/dist/main.js'), '--exit'], {
      cwd: root,
      env: { ...process.env, VERGE_QUICKSTART_DIR: home },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.on('data', (data: Buffer) => (output += data.toString()));
    child.stderr.on('data', (data: Buffer) => (output += data.toString()));
    exitCode = await new Promise((resolve) => child.on('close', resolve));
    report = Report.parse(JSON.parse(await readFile(join(home, 'report.json'), 'utf8')));
  }, 480_000);

  afterAll(() => rm(home, { recursive: true, force: true }));

  it('takes every step and ends well', () => {
    expect(
      report.steps.filter((s) => !s.ok),
      output,
    ).toEqual([]);
    expect(exitCode, output).toBe(0);
    expect(report.ok).toBe(true);
  });

  it('trains a teacher and a student a quarter its size or less to the promised accuracy', () => {
    const [teacher, distilled, plain] = ['teacher', 'student-distilled', 'student-plain'].map((role) =>
      report.models.find((m) => m.role === role),
    );
    expect(teacher?.accuracy).toBeGreaterThanOrEqual(0.985);
    expect(distilled?.accuracy).toBeGreaterThanOrEqual(0.975);
    expect(plain?.accuracy).toBeGreaterThan(0.9);
    expect(distilled!.parameters * 4).toBeLessThanOrEqual(teacher!.parameters);
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
});
