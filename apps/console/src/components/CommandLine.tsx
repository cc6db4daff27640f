import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { CopyIcon } from './CopyIcon.js';
import classes from './states.module.css';

/** A command to run, with a copy button. */
export function CommandLine({ children }: { children: string }): ReactNode {
  const { t } = useTranslation();
  return (
    <div className={classes.command}>
      <pre tabIndex={0}>{children}</pre>
      <CopyIcon value={children} label={t('common.copyCommand')} />
    </div>
  );
}
