import { Text } from '@mantine/core';
import type { TelemetryTotals } from '@verge/contracts';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { DataTable, type Column } from '../../components/DataTable.js';
import { useFormat } from '../../i18n/format.js';

type Feature = TelemetryTotals['features'][number];

/** What the inputs looked like: moments and quantiles of each watched feature. */
export function FeatureTable({ features }: { features: readonly Feature[] }): ReactNode {
  const { t } = useTranslation();
  const format = useFormat();
  if (features.length === 0) {
    return (
      <Text size="sm" c="dimmed" p="md">
        {t('telemetry.noFeatures')}
      </Text>
    );
  }
  const figure = (
    id: 'mean' | 'std' | 'min' | 'p05' | 'p50' | 'p95' | 'max',
    header: string,
    from?: 'sm',
  ): Column<Feature> => ({
    id,
    header,
    align: 'right',
    cell: (feature) => format.decimal(feature[id]),
    sort: (feature) => feature[id],
    ...(from ? { from } : {}),
  });
  const columns: Column<Feature>[] = [
    {
      id: 'name',
      header: t('telemetry.feature'),
      cell: (feature) => (
        <Text ff="monospace" fz="xs">
          {feature.name}
        </Text>
      ),
      sort: (feature) => feature.name,
    },
    {
      id: 'count',
      header: t('telemetry.count'),
      cell: (feature) => format.compact(feature.count),
      align: 'right',
      sort: (feature) => feature.count,
    },
    figure('mean', t('telemetry.mean')),
    figure('std', t('telemetry.std')),
    figure('min', t('telemetry.min'), 'sm'),
    figure('p05', 'p5', 'sm'),
    figure('p50', 'p50', 'sm'),
    figure('p95', 'p95', 'sm'),
    figure('max', t('telemetry.max'), 'sm'),
  ];
  return (
    <DataTable label={t('telemetry.features')} columns={columns} rows={features} rowKey={(feature) => feature.name} />
  );
}
