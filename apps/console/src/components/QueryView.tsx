import { Skeleton, Stack } from '@mantine/core';
import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { isGone } from '../api/query.js';
import { ErrorState } from './ErrorState.js';
import { inBackground } from '../inBackground.js';
import { MissingState } from './MissingState.js';
import { useFailure } from './useFailure.js';

interface Props<T> {
  query: UseQueryResult<T, Error>;
  children: (data: T) => ReactNode;
  /** Height of the skeleton. */
  height?: number;
  /** Where to go from a page whose subject is not there. */
  back?: { label: string; to: string };
}

/** A read in its states: on the way, not there, failed with a way to try again, there. */
export function QueryView<T>({ query, children, height = 120, back }: Props<T>): ReactNode {
  const { t } = useTranslation();
  const error = useFailure(query.error, query.isSuccess);
  // Also of what was there a moment ago: it may have been deleted while somebody looks at it.
  if (back && isGone(error)) return <MissingState back={back} />;
  if (query.data !== undefined) return children(query.data);
  if (error) return <ErrorState error={error} onRetry={() => inBackground(query.refetch())} busy={query.isFetching} />;
  return (
    <Stack gap="xs" role="status" aria-label={t('common.loading')} p="sm">
      <Skeleton h={height} />
    </Stack>
  );
}
