import { Skeleton, Stack } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';

/** The shape of a page while its code or its first answer is on the way. */
export function PageLoader(): ReactNode {
  const { t } = useTranslation();
  return (
    <Stack gap="md" p="md" role="status" aria-label={t('common.loading')}>
      <Skeleton h={26} w={220} />
      <Skeleton h={92} />
      <Skeleton h={260} />
    </Stack>
  );
}
