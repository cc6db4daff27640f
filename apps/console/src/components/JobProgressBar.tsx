import type { JobProgress } from '@verge/contracts';
import { Group, Progress, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useFormat } from '../i18n/format.js';

/** How far a piece of work is, with its stage in words. */
export function JobProgressBar({
  progress,
  label,
  wide,
}: {
  progress: JobProgress | null;
  label: string;
  wide?: boolean;
}): ReactNode {
  const format = useFormat();
  const { t } = useTranslation();
  const fraction = progress?.fraction ?? 0;
  const point = progress?.point;
  const stage = point ? t('work.epochOf', { epoch: point.epoch, epochs: point.epochs }) : (progress?.stage ?? '');
  return (
    <Group gap="xs" wrap="nowrap" miw={wide ? undefined : 150}>
      <Progress.Root flex={1} size={wide ? 'md' : 'sm'} miw={60}>
        <Progress.Section value={fraction * 100} aria-label={label} color="petrol" />
      </Progress.Root>
      <Text fz="xs" c="dimmed" truncate maw="60%" flex="none">
        {format.percent(fraction, 0)}
        {stage && ` · ${stage}`}
      </Text>
    </Group>
  );
}
