import { Button } from '@mantine/core';
import { useEffect, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useLocation } from 'react-router';
import { EmptyState } from './EmptyState.js';

interface Props {
  back: { label: string; to: string };
  /** What is missed; the subject of the page when absent. */
  hint?: string;
}

/** The last part of the address, as it was written where it cannot be decoded. */
function nameIn(pathname: string): string {
  const last = pathname.split('/').at(-1) ?? '';
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}

/** The page of something that is not there, or no longer, with the way to those that are. */
export function MissingState({ back, hint }: Props): ReactNode {
  const { t } = useTranslation();
  const { pathname } = useLocation();
  useEffect(() => {
    document.title = `${t('missing.title')} · Verge`;
  }, [t]);
  return (
    <EmptyState
      main
      title={t('missing.title')}
      hint={hint ?? t('missing.hint', { id: nameIn(pathname) })}
      action={
        <Button component={Link} to={back.to} variant="default">
          {back.label}
        </Button>
      }
    />
  );
}
