import { Button } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useLocation } from 'react-router';
import { EmptyState } from '../components/EmptyState.js';

export function NotFoundPage(): ReactNode {
  const { t } = useTranslation();
  const { pathname } = useLocation();
  return (
    <EmptyState
      main
      title={t('notFound.title')}
      hint={t('notFound.hint', { path: pathname })}
      action={
        <Button component={Link} to="/" variant="default">
          {t('notFound.home')}
        </Button>
      }
    />
  );
}
