import type { Rollout, WaveStatus } from '@verge/contracts';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { DataTable, type Column } from '../../components/DataTable.js';
import { StatePill } from '../../components/StatePill.js';
import { gateFigures } from './gate-figures.js';
import { DASH, useFormat } from '../../i18n/format.js';

export function GateTable({ rollout }: { rollout: Rollout }): ReactNode {
  const { t } = useTranslation();
  const format = useFormat();
  const { gate } = rollout;
  const ratio = (value: number): string => `${format.decimal(value, 2)}×`;
  const columns: Column<WaveStatus>[] = [
    { id: 'wave', header: t('rollouts.wave'), cell: (wave) => format.int(wave.index + 1) },
    {
      id: 'failed',
      header: `${t('rollouts.failedFraction')} ≤ ${format.percent(gate.maxFailedFraction, 0)}`,
      cell: (wave) => (
        <Value
          value={gateFigures(wave).failedFraction}
          limit={gate.maxFailedFraction}
          show={(x) => format.percent(x, 0)}
        />
      ),
    },
    {
      id: 'errors',
      header: `${t('telemetry.errorRate')} ≤ ${format.percent(gate.maxErrorRate, 1)}`,
      cell: (wave) => (
        <Value value={gateFigures(wave).errorRate} limit={gate.maxErrorRate} show={(x) => format.percent(x, 2)} />
      ),
    },
    {
      id: 'latency',
      header:
        gate.maxLatencyRatio === null
          ? t('rollouts.latencyUnwatched')
          : `${t('rollouts.latencyRatio')} ≤ ${ratio(gate.maxLatencyRatio)}`,
      cell: (wave) => <Value value={gateFigures(wave).latencyRatio} limit={gate.maxLatencyRatio} show={ratio} />,
    },
    {
      id: 'p50',
      header: t('rollouts.p50Pair'),
      cell: (wave) => `${format.ms(wave.baselineP50Ms)} → ${format.ms(wave.p50Ms)}`,
      align: 'right',
      from: 'sm',
    },
  ];
  return (
    <DataTable
      label={t('rollouts.gate')}
      columns={columns}
      rows={rollout.waves}
      rowKey={(wave) => String(wave.index)}
    />
  );
}

interface ValueProps {
  value: number | null;
  limit: number | null;
  show: (value: number) => string;
}

function Value({ value, limit, show }: ValueProps): ReactNode {
  const { t } = useTranslation();
  if (value === null) return DASH;
  if (limit === null) return show(value);
  const breached = value > limit;
  return (
    <StatePill tone={breached ? 'bad' : 'good'}>
      {show(value)}
      {breached && ` ${t('rollouts.breached')}`}
    </StatePill>
  );
}
