import { Progress } from '@mantine/core';
import type { Rollout, RolloutDeviceState } from '@verge/contracts';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { rolloutDeviceTones } from '../../components/states.js';

const shown: readonly RolloutDeviceState[] = [
  'updated',
  'updating',
  'offered',
  'stalled',
  'pending',
  'reverting',
  'reverted',
  'failed',
];

export const deviceTotal = (rollout: Rollout): number =>
  Object.values(rollout.counts).reduce((sum, count) => sum + count, 0);

/** How far a rollout is, as a bar of device states. */
export function WaveBar({ rollout, size = 'sm' }: { rollout: Rollout; size?: 'sm' | 'lg' }): ReactNode {
  const { t } = useTranslation();
  const total = Math.max(1, deviceTotal(rollout));
  return (
    <Progress.Root size={size} miw={80}>
      {shown.map((state) => {
        const count = rollout.counts[state] ?? 0;
        if (count === 0) return null;
        return (
          <Progress.Section
            key={state}
            value={(100 * count) / total}
            color={`var(--verge-${rolloutDeviceTones[state]})`}
            aria-label={`${t(`state.rolloutDevice.${state}`)}: ${count}`}
          />
        );
      })}
    </Progress.Root>
  );
}
