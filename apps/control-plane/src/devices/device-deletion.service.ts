/**
 * A device goes: it is refused from its next call on, its streams are cut, rollouts go on without it, and nothing that it could
 * still send is taken. What is kept of it in many rows is deleted afterwards, in the background.
 */
import { Inject, Injectable } from '@nestjs/common';
import { announceAccess } from '../access/holders.js';
import { DatabaseService, type Db, type Prisma } from '../database/database.service.js';
import { Deletions } from '../deletion/deletions.service.js';
import { Removals } from '../deletion/removals.service.js';
import { EventBus } from '../events/event-bus.js';
import { ProblemError, type ProjectCaller } from '../http/index.js';
import { ROLLOUT_TOPIC } from '../rollouts/topics.js';
import { DESIRED_TOPIC } from './desired-state.js';

@Injectable()
export class DeviceDeletion {
  constructor(
    @Inject(DatabaseService) private readonly database: DatabaseService,
    @Inject(EventBus) private readonly bus: EventBus,
    @Inject(Deletions) private readonly deletions: Deletions,
    @Inject(Removals) private readonly removals: Removals,
  ) {}

  /** @throws ProblemError NOT_FOUND */
  async delete(caller: ProjectCaller, id: string): Promise<void> {
    const projectId = caller.project.id;
    const device = await this.database.device.findFirst({ where: { projectId, id } });
    if (device === null) throw ProblemError.notFound('device', id);
    const { name } = device;
    let left: string[] = [];
    const before = async (db: Db): Promise<void> => {
      left = await lockOpenRollouts(db, id);
    };
    const also = async (db: Db): Promise<Prisma.InputJsonObject> => {
      await rememberKeys(db, projectId, id);
      await this.removals.ofDevice(db, caller, { id, name });
      const { deviceClass, facts } = device;
      return { deviceClass, facts: facts as Prisma.InputJsonObject, openRollouts: left };
    };
    await this.deletions.delete(caller, { kind: 'device', id, name, before, also });
    this.bus.publish(DESIRED_TOPIC, [id]);
    announceAccess(this.bus, [`device:${id}`]);
    for (const rollout of left) this.bus.publish(ROLLOUT_TOPIC, rollout);
  }
}

/**
 * A decision about a rollout takes its lock and then those of its devices, so the deletion of a device does too. Its rows in
 * rollouts go with it: an open one goes on as if the device had never been in it.
 */
async function lockOpenRollouts(db: Db, deviceId: string): Promise<string[]> {
  const rows = await db.$queryRaw<{ id: string }[]>`
    SELECT r.id FROM rollouts r WHERE r.state IN ('running', 'paused', 'reverting')
      AND EXISTS (SELECT FROM rollout_devices rd WHERE rd.rollout_id = r.id AND rd.device_id = ${deviceId}::uuid)
    ORDER BY r.id FOR NO KEY UPDATE`;
  return rows.map(({ id }) => id);
}

/** Tokens that were made before do not take these keys again: who deleted the device did not mean it to come back by itself. */
async function rememberKeys(db: Db, projectId: string, deviceId: string): Promise<void> {
  await db.$executeRaw`
    INSERT INTO deleted_device_keys (project_id, key_fingerprint, deleted_at)
    SELECT ${projectId}::uuid, key_fingerprint, clock_timestamp() FROM (
      SELECT key_fingerprint FROM device_certificates WHERE device_id = ${deviceId}::uuid AND key_fingerprint IS NOT NULL
      UNION SELECT key_fingerprint FROM enrollments WHERE device_id = ${deviceId}::uuid) AS keys
    ON CONFLICT (project_id, key_fingerprint) DO UPDATE SET deleted_at = excluded.deleted_at`;
}
