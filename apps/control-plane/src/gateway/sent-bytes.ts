/** What was sent to devices, written down with the rollout that each follows: beside the call, which does not wait for it. */
import type { Pool } from 'pg';
import type { Logger } from 'pino';

export interface Sent {
  /** On the wire. */
  readonly bytes: number;
  /** Of the files that they were. */
  readonly fileBytes: number;
}

export class SentBytes {
  private readonly open = new Set<Promise<void>>();

  constructor(
    private readonly pool: Pool,
    private readonly log: Logger,
  ) {}

  add(deviceId: string, { bytes, fileBytes }: Sent): void {
    if (bytes === 0) return;
    const done: Promise<void> = this.pool
      .query({
        name: 'sent-bytes',
        // One row is locked, and nothing is waited for with it: it cannot be in anybody's circle.
        text: `UPDATE rollout_devices rd SET sent_bytes = rd.sent_bytes + $2, sent_file_bytes = rd.sent_file_bytes + $3
          FROM devices d WHERE d.id = $1 AND rd.device_id = d.id AND rd.rollout_id = d.desired_rollout_id`,
        values: [deviceId, bytes, fileBytes],
      })
      .then(
        () => undefined,
        (err: unknown) => this.log.warn({ err, deviceId, bytes, fileBytes }, 'bytes that were sent are not counted'),
      )
      .finally(() => this.open.delete(done));
    this.open.add(done);
  }

  /** Resolves when all that was added is written down. */
  async settled(): Promise<void> {
    await Promise.all(this.open);
  }
}
