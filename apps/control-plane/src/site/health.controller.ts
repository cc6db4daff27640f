import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { Controller, Get, Inject, Res } from '@nestjs/common';
import { AlarmsService } from '../alarms/alarms.service.js';
import { DatabaseService } from '../database/database.service.js';
import { OpenPath } from '../http/operation.js';
import { JobsService } from '../jobs/jobs.service.js';
import { WorkersService } from '../workers/workers.service.js';
import { isTransient } from '../transient.js';
import { metricsText, type Sample } from './metrics.js';

/** What does not answer by then is down: whoever asks has a limit too. */
const ANSWER_MS = 2_000;

@Controller()
export class HealthController {
  constructor(
    @Inject(DatabaseService) private readonly database: DatabaseService,
    @Inject(JobsService) private readonly jobs: JobsService,
    @Inject(AlarmsService) private readonly alarms: AlarmsService,
    @Inject(WorkersService) private readonly workers: WorkersService,
  ) {}

  /** The process lives. */
  @Get('healthz')
  @OpenPath()
  health() {
    return { status: 'ok' };
  }

  /** What it stands on answers. */
  @Get('readyz')
  @OpenPath()
  async ready(@Res({ passthrough: true }) response: ServerResponse) {
    const answered = async (ask: () => Promise<unknown>): Promise<'ok' | 'down'> =>
      await Promise.race([ask().then(() => 'ok' as const), sleep(ANSWER_MS, 'down' as const, { ref: false })]).catch(
        () => 'down',
      );
    const [database, queue] = await Promise.all([
      answered(() => this.database.$queryRaw`SELECT 1`),
      answered(() => this.jobs.counts()),
    ]);
    const ok = database === 'ok' && queue === 'ok';
    response.statusCode = ok ? 200 : 503;
    return { status: ok ? 'ok' : 'down', database, queue, queueBackend: this.jobs.backend };
  }

  @Get('metrics')
  @OpenPath()
  async metrics(@Res() response: ServerResponse): Promise<void> {
    const [queue, database] = await Promise.all([answerOf(this.queueSamples()), answerOf(this.databaseSamples())]);
    const { rss, heapUsed } = process.memoryUsage();
    const up = (name: string, help: string, samples: readonly Sample[] | null): Sample => [
      name,
      help,
      'gauge',
      {},
      samples === null ? 0 : 1,
    ];
    const samples: Sample[] = [
      up('verge_database_up', 'Whether Postgres answers; without it, what it knows is left out here.', database),
      up('verge_queue_up', 'Whether the queue answers; without it, what it knows is left out here.', queue),
      ...(queue ?? []),
      ...(database ?? []),
      ['process_resident_memory_bytes', 'Resident set.', 'gauge', {}, rss],
      ['nodejs_heap_size_used_bytes', 'Used heap.', 'gauge', {}, heapUsed],
      ['process_uptime_seconds', 'Time since the start.', 'gauge', {}, process.uptime()],
    ];
    response.setHeader('content-type', 'text/plain; version=0.0.4; charset=utf-8');
    response.end(metricsText(samples));
  }

  private async queueSamples(): Promise<Sample[]> {
    const { waiting, active } = await this.jobs.counts();
    return [
      ['verge_queue_jobs', 'Jobs in the queue.', 'gauge', { state: 'waiting' }, waiting],
      ['verge_queue_jobs', 'Jobs in the queue.', 'gauge', { state: 'active' }, active],
    ];
  }

  private async databaseSamples(): Promise<Sample[]> {
    const [states, devices, online, quarantine, spools, pending, expiries, workers] = await Promise.all([
      this.database.job.groupBy({ by: ['kind', 'state'], _count: true }),
      this.database.device.groupBy({ by: ['state'], _count: true }),
      this.database.device.count({ where: { state: 'active', onlineUntil: { gt: new Date() } } }),
      this.database.quarantinedRecord.count(),
      this.database.telemetryCursor.aggregate({ _sum: { quarantined: true } }),
      this.database.telemetryPending.count(),
      this.alarms.samples(),
      this.workers.samples(),
    ]);
    return [
      ...states.map(({ kind, state, _count }): Sample => ['verge_jobs', 'Jobs.', 'gauge', { kind, state }, _count]),
      ...devices.map(({ state, _count }): Sample => ['verge_devices', 'Devices.', 'gauge', { state }, _count]),
      ['verge_devices_online', 'Devices whose stream is open.', 'gauge', {}, online],
      ['verge_telemetry_pending_rows', 'Rows that wait to be added to the sums.', 'gauge', {}, pending],
      ['verge_telemetry_quarantine_records', 'Implausible records in quarantine.', 'gauge', {}, quarantine],
      [
        'verge_telemetry_quarantined_total',
        'Telemetry records set aside as implausible.',
        'counter',
        {},
        Number(spools._sum.quarantined ?? 0),
      ],
      ...workers,
      ...expiries,
    ];
  }
}

/** Null when it does not answer in time, or is away. @throws what is no outage */
async function answerOf(asked: Promise<Sample[]>): Promise<Sample[] | null> {
  const answered = asked.catch((error: unknown) => {
    if (isTransient(error)) return null;
    throw error;
  });
  return await Promise.race([answered, sleep(ANSWER_MS, null, { ref: false })]);
}
