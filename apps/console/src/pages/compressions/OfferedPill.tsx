import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { StatePill } from '../../components/StatePill.js';

export function OfferedPill({ offered }: { offered: boolean }): ReactNode {
  const { t } = useTranslation();
  return (
    <StatePill tone={offered ? 'good' : 'bad'}>
      {t(offered ? 'compressions.offered' : 'compressions.notOffered')}
    </StatePill>
  );
}
