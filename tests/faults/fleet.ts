/** One device and signed releases for it, so that there is always another one to roll out. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Artifact, Compression, Release, Rollout } from '@verge/contracts';
import { until } from '../../apps/quickstart/src/processes.js';
import type { System } from '../loop/harness.js';

const GROUP = 'site';

interface SignedRelease {
  readonly id: string;
  readonly artifact: Artifact;
}

export class Fleet {
  private rollouts = 0;

  private constructor(
    private readonly system: System,
    private readonly releases: readonly SignedRelease[],
    readonly deviceId: string,
  ) {}

  /** Compresses the version once for each name, signs and publishes each, and starts an agent. */
  static async create(system: System, versionId: string, names: readonly string[] = ['one', 'two']): Promise<Fleet> {
    const { verge } = system.commands;
    const at = (name: string): string => join(system.home, name);
    await verge(['releases', 'init', '--keys', at('keys')]);
    const releases: SignedRelease[] = [];
    for (const name of names) {
      const budget = { maxAccuracyDropPoints: 100, maxLatencyRatio: 100, maxSizeRatio: 100 };
      await writeFile(at(`${name}.json`), JSON.stringify({ name, passes: [{ pass: 'fold' }], budget }));
      const compressing = ['--version', versionId, '--recipe', at(`${name}.json`), '--class', 'edge', '--wait'];
      const { artifactId } = await verge<Compression>(['compressions', 'create', ...compressing]);
      const params = { project: system.project, artifact: artifactId! };
      const artifact = await system.client.call('artifacts.get', { params });
      await verge(['releases', 'sign', '--keys', at('keys'), '--artifact', artifactId!, '--out', at(name)]);
      releases.push({ id: (await verge<Release>(['releases', 'publish', at(name), '--name', name])).id, artifact });
    }
    await verge(['groups', 'create', GROUP]);
    const agent = await system.startAgent('edge-1', { deviceClass: 'edge', group: GROUP, keys: at('keys') });
    return new Fleet(system, releases, agent.id);
  }

  /** Begins to roll the other release out. */
  begin(): Promise<{ rollout: Rollout; artifact: Artifact }> {
    return this.rollOut(this.rollouts % this.releases.length);
  }

  /** Begins to roll the release out that has this place among the names. */
  async rollOut(place: number): Promise<{ rollout: Rollout; artifact: Artifact }> {
    const { id, artifact } = this.releases[place]!;
    this.rollouts++;
    const params = { project: this.system.project };
    const gate = {
      maxFailedFraction: 0,
      maxErrorRate: 1,
      maxLatencyRatio: 100,
      minRequests: 0,
      observeSeconds: 5,
      deviceTimeoutSeconds: 3600,
    };
    const body = { name: `rollout-${this.rollouts}`, release: id, group: GROUP, waves: [{ devices: 1 }], gate };
    return { rollout: await this.system.client.call('rollouts.create', { params, body }), artifact };
  }

  /** The rollout when it is over. */
  over({ id }: Rollout): Promise<Rollout> {
    const params = { project: this.system.project, rollout: id };
    return until('the rollout to be over', 240, async () => {
      const now = await this.system.client.call('rollouts.get', { params });
      return ['running', 'paused', 'reverting'].includes(now.state) ? undefined : now;
    });
  }
}
