/** What telemetry needs done while the control plane runs: folding what is pending, and deleting what has had its time. */
import type { OnApplicationBootstrap, OnApplicationShutdown } from '@nestjs/common';
import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import { RepeatedTask } from '../background.js';
import type { ControlPlaneConfig } from '../config.js';
import { CONFIG, LOGGER } from '../core.js';
import { DatabaseService } from '../database/database.service.js';
import { fold, rowsAtATime } from './fold.js';
import { deleteBatch, expiries } from './retention.js';

const foldEveryMs = 1000;
const deleteEveryMs = 15 * 60_000;

@Injectable()
export class UpkeepService implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly folding: RepeatedTask;
  private readonly deleting: RepeatedTask;

  constructor(
    @Inject(DatabaseService) private readonly database: DatabaseService,
    @Inject(CONFIG) private readonly config: ControlPlaneConfig,
    @Inject(LOGGER) private readonly log: Logger,
  ) {
    this.folding = new RepeatedTask({
      name: 'folding pending telemetry',
      everyMs: foldEveryMs,
      task: () => this.fold(),
      log,
    });
    this.deleting = new RepeatedTask({
      name: 'deleting expired rows',
      everyMs: deleteEveryMs,
      task: () => this.delete(),
      log,
    });
  }

  onApplicationBootstrap(): void {
    this.folding.start();
    this.deleting.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.folding.stop(), this.deleting.stop()]);
  }

  private async fold(): Promise<void> {
    while (!this.folding.ending && (await fold(this.database.pool)) === rowsAtATime);
  }

  private async delete(): Promise<void> {
    for (const expiry of expiries(this.config.retention, new Date())) {
      let deleted = 0;
      for (let batch = -1; batch !== 0 && !this.deleting.ending; deleted += batch) {
        batch = await deleteBatch(this.database.pool, expiry);
      }
      if (deleted > 0) this.log.info({ what: expiry.what, deleted, before: expiry.before }, 'expired rows deleted');
    }
  }
}
