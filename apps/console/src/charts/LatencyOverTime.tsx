import type { TelemetryPoint } from '@verge/contracts';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { seriesColors } from '../app/theme.js';
import { useFormat } from '../i18n/format.js';
import { Curves } from './Curves.js';
import { spanOf } from './RequestsOverTime.js';

interface Props {
  points: readonly TelemetryPoint[];
  height?: number;
}

export function LatencyOverTime({ points, height = 180 }: Props): ReactNode {
  const { t } = useTranslation();
  const format = useFormat();
  const span = spanOf(points);
  const rows = points.map((point) => ({
    x: Date.parse(point.at),
    p50: point.p50Ms,
    p95: point.p95Ms,
    p99: point.p99Ms,
  }));
  const known = points.filter((point) => point.p50Ms !== null).at(-1);
  return (
    <Curves
      title={t('telemetry.latency')}
      now={known ? format.ms(known.p50Ms) : undefined}
      summary={t('telemetry.latencySummary', { p50: format.ms(known?.p50Ms), p95: format.ms(known?.p95Ms) })}
      rows={known ? rows : []}
      curves={[
        { name: 'p50', label: 'p50', color: seriesColors[0] },
        { name: 'p95', label: 'p95', color: seriesColors[3] },
        { name: 'p99', label: 'p99', color: seriesColors[4], dashed: true },
      ]}
      overTime
      xLabel={(x) => format.tick(x, span)}
      yLabel={format.ms}
      from={0}
      height={height}
    />
  );
}

export function ErrorRateOverTime({ points, height = 180 }: Props): ReactNode {
  const { t } = useTranslation();
  const format = useFormat();
  const span = spanOf(points);
  const served = points.filter((point) => point.requests > 0);
  const rows = points.map((point) => ({
    x: Date.parse(point.at),
    rate: point.requests > 0 ? point.errors / point.requests : null,
  }));
  const requests = served.reduce((sum, point) => sum + point.requests, 0);
  const rate = requests > 0 ? served.reduce((sum, point) => sum + point.errors, 0) / requests : null;
  return (
    <Curves
      title={t('telemetry.errorRate')}
      now={format.percent(rate, 2)}
      summary={t('telemetry.errorRateSummary', { rate: format.percent(rate, 2) })}
      rows={served.length > 0 ? rows : []}
      curves={[{ name: 'rate', label: t('telemetry.errorRate'), color: '#c0392b' }]}
      overTime
      xLabel={(x) => format.tick(x, span)}
      yLabel={(y) => format.percent(y, 2)}
      from={0}
      atLeast={0.01}
      height={height}
      legend={false}
    />
  );
}
