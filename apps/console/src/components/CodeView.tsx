import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { CopyIcon } from './CopyIcon.js';
import classes from './CodeEditor.module.css';

/** Text to read and copy. */
export function CodeView({ text, label }: { text: string; label: string }): ReactNode {
  const { t } = useTranslation();
  return (
    <div className={classes.view}>
      <pre tabIndex={0} role="region" aria-label={label}>
        {text}
      </pre>
      <span className={classes.copy}>
        <CopyIcon value={text} label={t('common.copyValue', { value: label })} />
      </span>
    </div>
  );
}
