import { Select } from '@mantine/core';
import { JobStateName, type JobState } from '@verge/contracts';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';

/** The state that an address names, if it names one. */
export function jobStateOf(text: string): JobState | undefined {
  const parsed = JobStateName.safeParse(text);
  return parsed.success ? parsed.data : undefined;
}

export function JobStateFilter({
  value,
  onChange,
}: {
  value: string;
  onChange: (value: string | null) => void;
}): ReactNode {
  const { t } = useTranslation();
  return (
    <Select
      size="xs"
      w={150}
      aria-label={t('common.state')}
      placeholder={t('common.state')}
      clearable
      clearButtonProps={{ 'aria-label': t('common.clear') }}
      data={JobStateName.options.map((state) => ({ value: state, label: t(`state.job.${state}`) }))}
      value={jobStateOf(value) ?? null}
      onChange={onChange}
    />
  );
}
