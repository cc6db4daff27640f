import { Inject, Injectable } from '@nestjs/common';
import type { Rollout, RolloutEventMessage } from '@verge/contracts';
import { Id, isFinal, rolloutLifecycle, RolloutEventMessage as MessageSchema } from '@verge/contracts';
import { AuditService, nameOf } from '../audit/audit.service.js';
import type { Db, Prisma } from '../database/database.service.js';
import { DatabaseService } from '../database/database.service.js';
import { Deletions } from '../deletion/deletions.service.js';
import { EventBus } from '../events/event-bus.js';
import { GroupsService } from '../groups/groups.service.js';
import type { EventStream, InputOf, OutputOf, ProjectCaller } from '../http/index.js';
import { List, ProblemError } from '../http/index.js';
import { ModelsService } from '../models/models.service.js';
import type { ReleaseRow } from '../releases/releases.service.js';
import { ReleasesService } from '../releases/releases.service.js';
import type { DeviceFigures } from './figures.js';
import { RolloutFigures } from './figures.js';
import type { PlannedArtifact } from './plan.js';
import { planRollout } from './plan.js';
import type { RolloutRow } from './present.js';
import { presentRollout, presentRolloutDevice, rolloutDeviceInclude, rolloutInclude } from './present.js';
import { RolloutScheduler } from './scheduler.js';
import type { RolloutCommand } from './snapshot.js';
import { rolloutChangedTopic } from './topics.js';

type CreateInput = InputOf<'rollouts.create'>;
/** One that is reverting has had its last word: a newer rollout takes its devices over. */
const holdsGroup = { in: ['running', 'paused'] } satisfies Prisma.EnumRolloutStateFilter;

const rolloutDeviceList = new List<'rollouts.devices', Prisma.RolloutDeviceWhereInput>({
  search: ['device.name'],
  sorts: {
    wave: [
      { path: 'wave', kind: 'integer' },
      { path: 'device.name', kind: 'text' },
    ],
    name: [{ path: 'device.name', kind: 'text' }],
    updatedAt: [{ path: 'updatedAt', kind: 'time', nullable: true }],
  },
  filters: { state: (states) => ({ state: { in: states } }), wave: (wave) => ({ wave }) },
  key: { path: 'deviceId', kind: 'id' },
});

@Injectable()
export class RolloutsService {
  private readonly rollouts = new List<'rollouts.list', Prisma.RolloutWhereInput>({
    search: ['name'],
    sorts: { createdAt: [], name: [{ path: 'name', kind: 'text' }] },
    filters: {
      state: (states) => ({ state: { in: states } }),
      group: async (value, projectId) => ({ groupId: (await this.groups.find(projectId, value)).id }),
      model: async (value, projectId) => ({ version: { modelId: (await this.models.find(projectId, value)).id } }),
      release: async (value, projectId) => ({ releaseId: (await this.releases.find(projectId, value)).id }),
    },
  });
  private readonly figures: RolloutFigures;

  constructor(
    @Inject(DatabaseService) private readonly database: DatabaseService,
    @Inject(EventBus) private readonly bus: EventBus,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(GroupsService) private readonly groups: GroupsService,
    @Inject(ReleasesService) private readonly releases: ReleasesService,
    @Inject(ModelsService) private readonly models: ModelsService,
    @Inject(RolloutScheduler) private readonly scheduler: RolloutScheduler,
    @Inject(Deletions) private readonly deletions: Deletions,
  ) {
    this.figures = new RolloutFigures(database.pool);
  }

  async list(caller: ProjectCaller, { query }: InputOf<'rollouts.list'>): Promise<OutputOf<'rollouts.list'>> {
    const projectId = caller.project.id;
    return await this.rollouts.read(query, {
      projectId,
      where: { projectId },
      rows: (args) => this.database.rollout.findMany({ ...args, include: rolloutInclude }),
      count: (args) => this.database.rollout.count(args),
      present: async (rows) => {
        const views: Rollout[] = [];
        for (const row of rows) views.push(await this.present(row));
        return views;
      },
    });
  }

  async get(caller: ProjectCaller, rolloutId: string): Promise<Rollout> {
    return this.present(await this.find(caller.project.id, rolloutId));
  }

  async devices(
    caller: ProjectCaller,
    { params, query }: InputOf<'rollouts.devices'>,
  ): Promise<OutputOf<'rollouts.devices'>> {
    const { id } = await this.find(caller.project.id, params.rollout);
    return await rolloutDeviceList.read(query, {
      projectId: caller.project.id,
      where: { rolloutId: id },
      rows: (args) => this.database.rolloutDevice.findMany({ ...args, include: rolloutDeviceInclude }),
      count: (args) => this.database.rolloutDevice.count(args),
      present: async (rows) => {
        const figures = await this.figures.load(id);
        return rows.map((row) => presentRolloutDevice(row, figures.get(row.deviceId)));
      },
    });
  }

  async create(caller: ProjectCaller, { body }: CreateInput): Promise<OutputOf<'rollouts.create'>> {
    const projectId = caller.project.id;
    const release = await this.releases.find(projectId, body.release);
    const group = await this.groups.find(projectId, body.group);
    const { versionId, artifacts } = artifactsToRoll(release, body.version);
    const id = await this.database.$transaction(
      async (db) => {
        // Creating takes turns within a group. Its key is not locked: rows that refer to it are written meanwhile.
        await db.$queryRaw`SELECT id FROM groups WHERE id = ${group.id}::uuid FOR NO KEY UPDATE`;
        const open = await db.rollout.findFirst({ where: { groupId: group.id, state: holdsGroup } });
        if (open !== null) {
          throw new ProblemError('CONFLICT', `the rollout ${open.name} is ${open.state} in the group ${group.name}`);
        }
        const rollout = await db.rollout.create({
          data: {
            projectId,
            name: body.name,
            releaseId: release.id,
            versionId,
            groupId: group.id,
            wavePlan: body.waves,
            gate: body.gate,
            createdBy: nameOf(caller),
          },
        });
        await addDevices(db, rollout.id, group, body.waves, artifacts);
        const subject = { kind: 'rollout', id: rollout.id, name: rollout.name };
        const detail = { release: release.name, group: group.name };
        await this.audit.byCaller(caller, 'rollout.create', subject, detail, db);
        return rollout.id;
      },
      { timeout: 60_000, maxWait: 30_000 },
    );
    await this.scheduler.decide(id);
    return this.get(caller, id);
  }

  /** Its record alone: what its devices were told to run stays. @throws ProblemError STATE_CONFLICT for one that is not over */
  async delete(caller: ProjectCaller, rolloutId: string): Promise<void> {
    const { id, name } = await this.find(caller.project.id, rolloutId);
    const also = async (db: Db): Promise<Prisma.InputJsonObject> => {
      const { state, release } = await db.rollout.findUniqueOrThrow({ where: { id }, include: { release: true } });
      if (!isFinal(rolloutLifecycle, state)) {
        throw new ProblemError('STATE_CONFLICT', `the rollout ${name} is ${state}: cancel it or take it back first`);
      }
      return { state, release: release.name };
    };
    await this.deletions.delete(caller, { kind: 'rollout', id, name, also });
  }

  /** @throws LifecycleError, ProblemError NOT_FOUND */
  async command(
    caller: ProjectCaller,
    rolloutId: string,
    command: RolloutCommand,
  ): Promise<OutputOf<'rollouts.pause'>> {
    const { id, name } = await this.find(caller.project.id, rolloutId);
    await this.scheduler.decide(id, command, (db) =>
      this.audit.byCaller(caller, `rollout.${command}`, { kind: 'rollout', id, name }, {}, db),
    );
    return this.get(caller, id);
  }

  /** Sends the rollout and its devices as they are, then what changes. */
  async follow(caller: ProjectCaller, rolloutId: string, open: () => EventStream): Promise<void> {
    const { id } = await this.find(caller.project.id, rolloutId);
    const stream = open();
    const pending = new Set<string>();
    let all = true;
    let sending: Promise<void> | null = null;
    const send = async (): Promise<void> => {
      while (!stream.closed && (all || pending.size > 0)) {
        const ids = all ? null : [...pending].filter((entry) => entry !== '');
        all = false;
        pending.clear();
        for (const message of await this.messages(caller, id, ids)) stream.send(MessageSchema.parse(message));
      }
    };
    const start = (): void => {
      sending ??= send()
        // The reader connects again and gets everything anew.
        .catch(() => stream.close())
        .finally(() => {
          sending = null;
          if (!stream.closed && pending.size > 0) start();
        });
    };
    const unsubscribe = this.bus.subscribe(rolloutChangedTopic(id), (ids) => {
      for (const deviceId of ['', ...(ids as string[])]) pending.add(deviceId);
      start();
    });
    stream.onClose(unsubscribe);
    start();
  }

  private async messages(
    caller: ProjectCaller,
    id: string,
    deviceIds: readonly string[] | null,
  ): Promise<RolloutEventMessage[]> {
    const rollout = await this.get(caller, id);
    const rows = await this.database.rolloutDevice.findMany({
      where: { rolloutId: id, ...(deviceIds === null ? {} : { deviceId: { in: [...deviceIds] } }) },
      include: rolloutDeviceInclude,
      orderBy: [{ wave: 'asc' }, { device: { name: 'asc' } }],
    });
    const figures = await this.figures.load(id);
    const devices = rows.map((row) => presentRolloutDevice(row, figures.get(row.deviceId)));
    return [{ type: 'rollout', rollout }, ...devices.map((device) => ({ type: 'device' as const, device }))];
  }

  private async find(projectId: string, id: string): Promise<RolloutRow> {
    const row = await this.database.rollout.findFirst({ where: { projectId, id }, include: rolloutInclude });
    if (row === null) throw ProblemError.notFound('rollout', id);
    return row;
  }

  private async present(row: RolloutRow): Promise<Rollout> {
    const members = await this.database.rolloutDevice.findMany({
      where: { rolloutId: row.id },
      select: { deviceId: true, wave: true, state: true, sentBytes: true, sentFileBytes: true },
    });
    const figures: ReadonlyMap<string, DeviceFigures> = await this.figures.load(row.id);
    return presentRollout(row, members, figures);
  }
}

/** @throws ProblemError VALIDATION_FAILED when it is not clear which version of the release is meant */
function artifactsToRoll(
  release: ReleaseRow,
  wanted: string | undefined,
): { versionId: string; artifacts: PlannedArtifact[] } {
  const artifacts = release.artifacts.map(({ artifact }) => artifact);
  const nameOfVersion = (a: (typeof artifacts)[number]) => `${a.version.model.name}@${a.version.number}`;
  const chosen =
    wanted === undefined
      ? artifacts
      : artifacts.filter((a) => (Id.safeParse(wanted).success ? a.versionId === wanted : nameOfVersion(a) === wanted));
  const versions = [...new Set(chosen.map((a) => a.versionId))];
  const [versionId] = versions;
  if (versions.length !== 1 || versionId === undefined) {
    const names = [...new Set(artifacts.map(nameOfVersion))].join(', ');
    throw ProblemError.invalid([{ field: '/version', detail: `expected one of the release's versions: ${names}` }]);
  }
  const withdrawn = chosen.filter((a) => a.withdrawnAt !== null);
  if (withdrawn.length > 0) {
    const detail = (a: (typeof artifacts)[number]) =>
      `${nameOfVersion(a)} for ${a.deviceClass} was withdrawn: ${a.withdrawReason ?? ''}`;
    throw ProblemError.invalid(withdrawn.map((a) => ({ field: '/release', detail: detail(a) })));
  }
  // Of several for one class, the one that was built last.
  const ordered = [...chosen].sort((a, b) => (a.id < b.id ? -1 : 1));
  return { versionId, artifacts: ordered };
}

async function addDevices(
  db: Db,
  rolloutId: string,
  group: { id: string; name: string },
  waves: CreateInput['body']['waves'],
  artifacts: readonly PlannedArtifact[],
): Promise<void> {
  const rows = await db.device.findMany({ where: { groupId: group.id, state: 'active' }, orderBy: { id: 'asc' } });
  const now = new Date();
  const candidates = rows.map(({ id, name, deviceClass, onlineUntil }) => ({
    id,
    name,
    deviceClass,
    online: onlineUntil !== null && onlineUntil > now,
  }));
  const plan = planRollout(waves, candidates, artifacts);
  if (plan.waves === 0) {
    const classes = [...new Set(artifacts.map((a) => a.deviceClass))].join(', ');
    const detail = `the group ${group.name} has no active device of a class that the release serves (${classes})`;
    throw ProblemError.invalid([{ field: '/group', detail }]);
  }
  const indices = Array.from({ length: plan.waves }, (_, index) => index);
  await db.rolloutWave.createMany({ data: indices.map((index) => ({ rolloutId, index })) });
  await db.rolloutDevice.createMany({
    data: byId(plan.devices).map(({ deviceId, wave, artifact }) => ({
      rolloutId,
      deviceId,
      wave,
      ...(artifact === null
        ? { state: 'skipped', errorCode: 'NO_ARTIFACT', errorMessage: "the release has nothing for the device's class" }
        : { artifactId: artifact.id, manifestDigest: artifact.manifestDigest }),
    })),
  });
}

/** Rows of devices are touched in one order everywhere, so that nobody waits in a circle. */
function byId<D extends { readonly deviceId: string }>(devices: readonly D[]): D[] {
  return [...devices].sort((a, b) => (a.deviceId < b.deviceId ? -1 : 1));
}
