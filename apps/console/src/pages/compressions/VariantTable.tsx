import { Text } from '@mantine/core';
import type { SearchVariant } from '@verge/contracts';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { DataTable, type Column } from '../../components/DataTable.js';
import { StatePill, type Tone } from '../../components/StatePill.js';
import { DASH, useFormat } from '../../i18n/format.js';

const tones: Readonly<Record<SearchVariant['verdict'], Tone>> = {
  best: 'good',
  front: 'busy',
  dominated: 'idle',
  'over-budget': 'warn',
  failed: 'bad',
  'not-tried': 'idle',
};
const order = Object.keys(tones);
const STEP = 15;

/** The best first, then the front, then what is worse; of each the smallest first. */
const sorted = (variants: readonly SearchVariant[]): SearchVariant[] =>
  [...variants].sort(
    (a, b) => order.indexOf(a.verdict) - order.indexOf(b.verdict) || (a.bytes ?? Infinity) - (b.bytes ?? Infinity),
  );

/** Every variant that a search tried, or did not try, and why it is not the best. */
export function VariantTable({ variants }: { variants: readonly SearchVariant[] }): ReactNode {
  const { t } = useTranslation();
  const format = useFormat();
  const columns: Column<SearchVariant>[] = [
    {
      id: 'variant',
      header: t('compressions.variant'),
      cell: (v) => (
        <>
          <Text fz="sm" fw={500}>
            {v.id}
          </Text>
          <Text component="div" fz="xs" hiddenFrom="sm">
            <StatePill tone={tones[v.verdict]}>{t(`compressions.verdicts.${v.verdict}`)}</StatePill>
          </Text>
          {v.verdict !== 'best' && (
            <Text fz="xs" c="dimmed" maw={520} style={{ overflowWrap: 'anywhere' }}>
              {v.reason}
            </Text>
          )}
        </>
      ),
    },
    {
      id: 'verdict',
      header: t('compressions.verdict'),
      cell: (v) => <StatePill tone={tones[v.verdict]}>{t(`compressions.verdicts.${v.verdict}`)}</StatePill>,
      from: 'sm',
    },
    { id: 'size', header: t('common.size'), cell: (v) => format.bytes(v.bytes), align: 'right', sort: (v) => v.bytes },
    {
      id: 'loss',
      header: t('compressions.loss'),
      cell: (v) => (v.points === null ? DASH : format.decimal(v.points, 2)),
      align: 'right',
      sort: (v) => v.points,
    },
    {
      id: 'macs',
      header: t('measure.macs'),
      cell: (v) => format.compact(v.macs),
      align: 'right',
      sort: (v) => v.macs,
      from: 'md',
    },
    {
      id: 'p50',
      header: 'p50',
      cell: (v) => format.ms(v.measured?.p50Ms ?? null),
      align: 'right',
      sort: (v) => v.measured?.p50Ms,
      from: 'md',
    },
    {
      id: 'seconds',
      header: t('work.time'),
      cell: (v) => (v.verdict === 'not-tried' ? DASH : format.duration(v.seconds)),
      align: 'right',
      sort: (v) => v.seconds,
      from: 'md',
    },
  ];
  return (
    <DataTable
      label={t('compressions.tried')}
      columns={columns}
      rows={sorted(variants)}
      rowKey={(v) => v.id}
      step={STEP}
    />
  );
}
