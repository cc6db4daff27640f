import { Button } from '@mantine/core';
import { useEffect, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useLocation } from 'react-router';
import { EmptyState } from './EmptyState.js';

/** The page of something that is not there, or no longer, with the way to those that are. */
export function MissingState({ back }: { back: { label: string; to: string } }): ReactNode {
  const { t } = useTranslation();
  const { pathname } = useLocation();
  useEffect(() => {
    document.title = `${t('missing.title')} · Verge`;
  }, [t]);
  return (
    <EmptyState
      main
      title={t('missing.title')}
      hint={t('missing.hint', { id: decodeURIComponent(pathname.split('/').at(-1) ?? '') })}
      action={
        <Button component={Link} to={back.to} variant="default">
          {back.label}
        </Button>
      }
    />
  );
}
