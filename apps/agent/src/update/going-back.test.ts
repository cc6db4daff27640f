/** Going back to what this device has verified, long after the last release: the agent as a process, real repositories. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AgentProcess, until } from '../../tests/agent-process.js';
import { buildArtifact, type BuiltArtifact } from '../../tests/artifacts.js';
import { Gateway } from '../../tests/gateway.js';

let gateway: Gateway;
let agent: AgentProcess;
let [v1, v2]: BuiltArtifact[] = [];

/** Version 2 serves, version 1 is in the other slot. */
beforeEach(async () => {
  gateway = await Gateway.start();
  agent = await AgentProcess.enrolled(gateway);
  [v1, v2] = [buildArtifact({ version: 1 }), buildArtifact({ version: 2 })];
  gateway.publish(v1, v2);
  gateway.desire(v1);
  await agent.start({ VERGE_AGENT_PROBATION_CRASHES: '1' });
  await agent.serves(1);
  gateway.desire(v2);
  await agent.serves(2);
  await until('the commit', async () => (await agent.state())?.update.state === 'committed');
});
afterEach(async () => {
  await agent.remove();
  gateway.down();
});

const refused = (code: string, artifact: BuiltArtifact) =>
  until(`a report of ${code}`, () =>
    gateway.reports.find((r) => r.errorCode === code && r.targetDigest === artifact.digest),
  );

describe('going back', () => {
  it('needs the director alone 31 days after the last release, and not to what was withdrawn', async () => {
    gateway.ageRelease(31);
    gateway.desire(v1!);
    await agent.serves(1);
    // What is new here still needs both.
    const v3 = buildArtifact({ version: 3 });
    gateway.publish(v3);
    gateway.ageRelease(31);
    gateway.desire(v3);
    await refused('METADATA_REFUSED', v3);
    // The director's own word must be fresh.
    gateway.desire(v2!, { expires: new Date(Date.now() - 1000) });
    await refused('METADATA_REFUSED', v2!);
    // Once the device has seen the withdrawal it counts, also when that metadata has expired meanwhile.
    gateway.withdraw(v2!);
    gateway.desire(v2!);
    await refused('TARGET_WITHDRAWN', v2!);
    gateway.reports.length = 0;
    gateway.ageRelease(400);
    gateway.desire(v2!);
    await refused('TARGET_WITHDRAWN', v2!);
    expect((await agent.status())?.serving?.version).toBe(1);
  });

  const full = Boolean(process.env['VERGE_TEST_FULL']);
  it.runIf(full)(
    'needs nobody after a failed probation, also when both repositories are out of date and nobody answers',
    async () => {
      gateway.ageRelease(400);
      gateway.desire(v2!, { expires: new Date(Date.now() - 1000) });
      const { inferencePid } = await agent.serves(2);
      gateway.down();
      process.kill(inferencePid!, 'SIGKILL');
      await agent.serves(1);
    },
  );

  it('does not happen by itself to what the device knows to be withdrawn', async () => {
    gateway.withdraw(v2!);
    const v3 = buildArtifact({ version: 3 });
    gateway.publish(v3);
    gateway.desire(v3);
    const { inferencePid } = await agent.serves(3);
    process.kill(inferencePid!, 'SIGKILL');
    await until('a device that serves nothing', async () => (await agent.status())?.serving === null);
    await until(
      'its report',
      () => gateway.last?.errorCode === 'ACTIVATION_FAILED' && gateway.last.activeDigest === '',
    );
  });
});
