import { JobStateName } from '@verge/contracts';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { StateFilter, statesOf } from './StateFilter.js';

/** The states of jobs that an address names, if it names any. */
export const jobStatesOf = (text: string): string | undefined => statesOf(text, JobStateName.options);

interface Props {
  value: string;
  onChange: (value: string | null) => void;
}

export function JobStateFilter({ value, onChange }: Props): ReactNode {
  const { t } = useTranslation();
  return (
    <StateFilter
      states={JobStateName.options}
      label={(state) => t(`state.job.${state}`)}
      value={value}
      onChange={onChange}
    />
  );
}
