import { Skeleton, Stack } from '@mantine/core';
import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { ErrorState } from './ErrorState.js';
import { inBackground } from '../inBackground.js';

interface Props<T> {
  query: UseQueryResult<T, Error>;
  children: (data: T) => ReactNode;
  /** Height of the skeleton. */
  height?: number;
}

/** A read in its three states: on the way, failed with a way to try again, there. */
export function QueryView<T>({ query, children, height = 120 }: Props<T>): ReactNode {
  const { t } = useTranslation();
  if (query.data !== undefined) return children(query.data);
  if (query.error) return <ErrorState error={query.error} onRetry={() => inBackground(query.refetch())} />;
  return (
    <Stack gap="xs" role="status" aria-label={t('common.loading')} p="sm">
      <Skeleton h={height} />
    </Stack>
  );
}
